// How long somebody took from camera to camera.

import { KeyedList, h, setText } from "../dom.js";
import { texts } from "../texts.js";
import { brief, clockTime } from "../times.js";

const WORDS = texts.identities;
const MOST = 50;

/** The ways from tracklet to tracklet, in order of time: [{ key, from, to, left, seconds }]. */
export function transitsOf(tracklets) {
  return tracklets.slice(1).map((next, index) => {
    const before = tracklets[index];
    const key = `${before.tracklet}>${next.tracklet}`;
    return { key, from: before.camera, to: next.camera, left: before.end, seconds: next.begin - before.end };
  });
}

export class Transits {
  constructor() {
    const list = h("ol", { class: "transits" });
    this.list = new KeyedList(list, ({ key }) => key, () => new Way());
    this.element = h("section", { hidden: "" }, h("h3", {}, WORDS.transits), list);
  }

  update(tracklets) {
    const ways = transitsOf(tracklets).slice(-MOST).reverse();
    this.element.hidden = !ways.length;
    this.list.update(ways);
  }
}

class Way {
  constructor() {
    this.ends = h("span");
    this.seconds = h("strong");
    this.when = h("span", { class: "times" });
    this.element = h("li", {}, this.ends, this.seconds, this.when);
  }

  update({ from, to, left, seconds }) {
    setText(this.ends, from === to ? WORDS.backIn(to) : `${from} ${texts.arrow} ${to}`);
    setText(this.seconds, seconds < 0 ? WORDS.overlap : brief(seconds));
    setText(this.when, clockTime(left));
  }
}
