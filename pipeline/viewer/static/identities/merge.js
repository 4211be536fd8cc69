// Merging: several numbers are one person. Which of them stays is asked.

import { corrections } from "../corrections.js";
import { Dialog } from "../dialog.js";
import { h } from "../dom.js";
import { texts } from "../texts.js";
import { Thumbnail } from "../thumbnail.js";
import { span } from "../times.js";
import { picturesOf } from "./tile.js";

const WORDS = texts.identities;

/** Who keeps the number if nobody says otherwise: somebody with a name, else the one known longest. */
export function keeperOf(people) {
  const named = people.filter(({ name }) => name);
  return (named.length ? named : people).reduce((a, b) => (b.identity < a.identity ? b : a));
}

/** Asks which number stays, and merges; resolves with the number, or null. */
export async function mergeDialog(people) {
  const keeper = keeperOf(people).identity;
  const choices = people.map((person) => choice(person, person.identity === keeper));
  const no = h("button", { type: "button", class: "button" }, texts.cancel);
  const go = h("button", { type: "submit", class: "button primary" }, WORDS.merge);
  const form = h("form", {}, h("fieldset", { class: "choices" }, h("legend", {}, WORDS.whoStays), ...choices),
    h("p", { class: "quiet" }, WORDS.mergeMeans), h("footer", {}, no, go));
  const dialog = new Dialog(WORDS.mergeTitle(people.length), form);
  no.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close(Number(new FormData(form).get("keep")));
  });
  const keep = await dialog.open();
  if (!keep) return null;
  const others = people.map(({ identity }) => identity).filter((identity) => identity !== keep);
  return (await corrections.merge(keep, others)) && keep;
}

function choice(person, checked) {
  const input = h("input", { type: "radio", name: "keep", value: person.identity });
  input.checked = checked;
  return h("label", { class: "someone" }, input, ...faces(person), about(person));
}

/** A few small pictures of somebody. */
export function faces(person, most = 2) {
  return picturesOf(person, most).map((tracklet) => {
    const thumbnail = new Thumbnail();
    thumbnail.update(tracklet);
    return thumbnail.element;
  });
}

/** Name, times and cameras of somebody in a list. */
export function about(person) {
  return h("span", { class: "facts" }, h("strong", {}, texts.called(person)),
    h("span", { class: "times" }, span(person.first_seen, person.last_seen)),
    h("span", {}, WORDS.where(person.cameras, person.tracklets.length)));
}
