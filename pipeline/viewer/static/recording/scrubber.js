// The whole recording in one line: how many people were in view when, and where one is.

import { h, setAttribute } from "../dom.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";
import { clockTime } from "../times.js";
import { passed } from "./controls.js";

const WORDS = texts.recording;
const BINS = 240;

export class Scrubber {
  constructor(playhead) {
    this.playhead = playhead;
    this.density = s("path", {});
    const drawing = s("svg", { class: "density", viewBox: `0 0 ${BINS} 100`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.density);
    this.range = h("input", { type: "range", min: "0", max: String(playhead.end - playhead.begin), step: "any", "aria-label": WORDS.position });
    this.range.addEventListener("input", () => playhead.seek(playhead.begin + Number(this.range.value)));
    this.element = h("div", { class: "scrubber" }, h("span", { class: "who quiet" }, WORDS.inView), h("div", { class: "way" }, drawing, this.range));
  }

  /** Counts whose tracklets there are in each part of the recording. */
  setPeople(people) {
    const { begin, end } = this.playhead;
    const counts = new Array(BINS).fill(0);
    const bin = (time) => Math.max(0, Math.min(BINS - 1, Math.floor(((time - begin) / (end - begin)) * BINS)));
    for (const person of people) {
      const seen = new Set(person.tracklets.flatMap((t) => range(bin(t.begin), bin(t.end))));
      for (const each of seen) counts[each] += 1;
    }
    const most = Math.max(1, ...counts);
    const steps = counts.map((count, index) => `V${(100 - (92 * count) / most).toFixed(1)}H${index + 1}`);
    this.density.setAttribute("d", `M0 100${steps.join("")}V100Z`);
  }

  update({ time, begin, end }) {
    this.range.value = String(time - begin);
    setAttribute(this.range, "aria-valuetext", WORDS.at(passed(time - begin), passed(end - begin), clockTime(time)));
  }
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
