// The numbers at the top of the Site screen.

import { h, setText } from "../dom.js";
import { texts } from "../texts.js";
import { duration } from "../times.js";

const WORDS = texts.site;

export class Figures {
  constructor() {
    this.now = figure(WORDS.now, WORDS.nowHelp);
    this.people = figure(WORDS.people, WORDS.peopleHelp);
    this.stay = figure(WORDS.stay, WORDS.stayHelp);
    this.busiest = figure(WORDS.busiest, "");
    this.element = h("dl", { class: "figures" }, ...[this.now, this.people, this.stay, this.busiest].map(({ element }) => element));
  }

  /** @param statistics the answer of /statistics */
  update({ now, people, cameras, stay }) {
    const [first] = Object.entries(cameras).sort(([, a], [, b]) => b - a);
    setText(this.now.value, WORDS.count(now.people));
    setText(this.people.value, WORDS.count(people));
    setText(this.stay.value, stay.visits ? duration(stay.median) : WORDS.none);
    setText(this.busiest.value, first?.[1] ? WORDS.ofCamera(...first) : WORDS.none);
  }
}

function figure(title, help) {
  const value = h("dd", {}, WORDS.none);
  return { value, element: h("div", { class: "figure", title: help }, h("dt", {}, title), value) };
}
