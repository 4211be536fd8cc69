// What people have corrected about somebody, and the way back.

import { get } from "../api.js";
import { corrections } from "../corrections.js";
import { KeyedList, h, setText } from "../dom.js";
import { texts } from "../texts.js";
import { clockTime, dayOf, today } from "../times.js";

const WORDS = texts.corrections;
const LOOKED_THROUGH = 1000; // of the newest corrections of all people
const SHOWN = 20;

export class History {
  constructor() {
    this.identity = null;
    this.note = h("p", { class: "quiet" });
    const list = h("ol", { class: "history" });
    this.entries = new KeyedList(list, ({ id }) => id, (entry) => new Entry(entry));
    this.element = h("section", {}, h("h3", {}, WORDS.title), this.note, list);
  }

  open(identity) {
    if (identity !== this.identity) this.show([]);
    this.identity = identity;
    this.refresh();
  }

  async refresh() {
    const { identity } = this;
    const answer = await get("/corrections", { identity, count: LOOKED_THROUGH }).catch((error) => error);
    if (identity !== this.identity) return;
    if (answer instanceof Error) return setText(this.note, answer.message);
    this.show(answer.items.slice(0, SHOWN));
  }

  show(entries) {
    setText(this.note, entries.length ? "" : WORDS.none);
    this.entries.update(entries);
  }
}

class Entry {
  constructor({ id }) {
    this.what = h("span");
    this.when = h("span", { class: "times" });
    this.undo = h("button", { type: "button", class: "button operators", onclick: () => this.takeBack(id) }, WORDS.undo);
    this.element = h("li", {}, h("span", { class: "facts" }, this.what, this.when), this.undo);
  }

  update(entry) {
    const { time, by, stands } = entry;
    const day = dayOf(time) === today() ? "" : `${dayOf(time)}, `;
    setText(this.what, WORDS.entry(entry));
    setText(this.when, [`${day}${clockTime(time)}`, by].filter(Boolean).join(" · "));
    this.undo.hidden = !stands;
    this.undo.setAttribute("aria-label", WORDS.undoThis(WORDS.entry(entry)));
  }

  async takeBack(id) {
    this.undo.disabled = true;
    await corrections.undo(id);
    this.undo.disabled = false;
  }
}
