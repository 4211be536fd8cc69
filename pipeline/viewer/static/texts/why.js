// Why somebody is thought to be who they are.

import { duration } from "../times.js";
import { numbers } from "./numbers.js";

const LITTLE = 0.4; // a log-likelihood ratio nearer to 0 says nothing worth a word
const MOST = Math.log(1000);

const verdicts = [
  [0.99, "Almost certainly the same person"],
  [0.9, "Very probably the same person"],
  [0.7, "Probably the same person"],
  [0, "Perhaps the same person"],
];

/** A probability; none is ever a certainty. */
const probability = (share) => (share > 0.99 ? `over ${numbers.percent(0.99)}` : numbers.percent(share));

/** exp of a log-likelihood ratio as people say it: "12 times", "over 1000 times". */
function times(ratio) {
  if (ratio >= MOST) return "over 1000 times";
  const factor = Math.exp(ratio);
  return `${factor < 10 ? numbers.decimal(factor) : numbers.whole(Math.round(factor))} times`;
}

function weight(ratio) {
  if (Math.abs(ratio) < LITTLE) return "says little";
  return ratio > 0 ? `makes it ${times(ratio)} as likely` : `makes it ${times(-ratio)} less likely`;
}

function looks({ appearance, similarity }) {
  return `${numbers.percent(Math.max(0, similarity))} alike: ${weight(appearance)}`;
}

function way({ transit, gap }, from, record) {
  const where = from && (from.camera === record.camera ? "here again" : `from ${from.camera}`);
  const when = gap === null || gap === undefined ? "" : gap < 1 ? "at once" : `after ${duration(gap)}`;
  const lead = [where, when].filter(Boolean).join(" ");
  return lead ? `${lead}: ${weight(transit)}` : weight(transit);
}

function others({ appearance, transit, runner_up: second }) {
  if (second === null || second === undefined) return "nobody comes into question";
  const lead = appearance + transit - second;
  return lead < LITTLE ? "the next best fits about as well" : `the next best is ${times(lead)} less likely`;
}

export const why = {
  title: "Why this person",
  standing: ({ confirmed, pinned }) => (pinned ? "said by a person" : confirmed ? "confirmed" : "provisional"),
  verdict: ({ confidence, pinned }, isNew) => {
    if (pinned) return "Somebody has said so.";
    if (isNew) return `Somebody new: nobody seen before fits (${probability(confidence)})`;
    return `${verdicts.find(([least]) => confidence >= least)[1]}: ${probability(confidence)}`;
  },
  facts: (record, evidence, { from }) => [
    ...(evidence.closest ? [["Looks", looks(evidence)]] : []),
    ...(from || evidence.transit ? [["Way", way(evidence, from, record)]] : []),
    ["Others", others(evidence)],
  ],
  attention: "What the network looked at",
  attentionHelp: "The parts of the picture the network compared, brightest where it looked most",
};
