// What people say about who is who: each is made by the server, said, and can mostly be undone.

import { post } from "./api.js";
import { texts } from "./texts.js";
import { complain, say } from "./toast.js";

const WORDS = texts.corrections;

/** Each resolves with what was made, or with null when it could not be; both are said. */
export const corrections = {
  merge: (keep, others) => made(() => mergeAll(keep, others), () => WORDS.merged(keep, others)),
  split: (identity, tracklets) =>
    made(async () => [await make("split", { identity, tracklets })], ([{ other }]) => WORDS.split(tracklets.length, identity, other)),
  rename: (identity, name) => made(async () => [await make("rename", { identity, name })], () => WORDS.renamed(identity, name)),
  forget: (identity) => made(async () => [await make("forget", { identity })], () => WORDS.forgotten(identity), false),
  undo: (correction) => made(async () => [await make("undo", { correction })], () => WORDS.undone, false),
};

const make = (kind, body) => post("/corrections", { kind, ...body });

async function mergeAll(keep, others) {
  const all = [];
  for (const other of others) all.push(await make("merge", { keep, other }));
  return all;
}

async function made(correct, sentence, undoable = true) {
  try {
    const all = await correct();
    const back = { label: WORDS.undo, run: () => takeBack(all) };
    say(sentence(all), undoable ? back : null);
    return all;
  } catch (error) {
    complain(error);
    return null;
  }
}

/** The last comes first: what was made of it later must go before it. */
async function takeBack(all) {
  try {
    for (const { id } of [...all].reverse()) await make("undo", { correction: id });
    say(WORDS.undone);
  } catch (error) {
    complain(error);
  }
}
