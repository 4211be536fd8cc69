// Sightings that look alike, the likeliest first.

import { dress } from "../colours.js";
import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { Thumbnail } from "../thumbnail.js";
import { clockSpan, daySpan } from "../times.js";
import { Names } from "./names.js";

const WORDS = texts.search;

export class Results {
  /** @param model knows the names of those who were seen lately */
  constructor(model) {
    Object.assign(this, { items: [], names: new Names(model, () => this.draw()) });
    this.element = h("ol", { class: "results", "aria-label": WORDS.results });
    this.list = new KeyedList(this.element, ({ tracklet }) => tracklet.tracklet, () => new Result());
  }

  update(items) {
    this.items = items;
    this.draw();
  }

  draw() {
    this.list.update(this.items.map((item) => ({ ...item, name: this.names.of(item.tracklet.identity) })));
  }
}

class Result {
  constructor() {
    this.thumbnail = new Thumbnail();
    this.name = h("strong", { class: "name" });
    this.meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span"));
    this.probability = h("span", { class: "probability" });
    this.where = h("span");
    this.times = h("span", { class: "times" });
    this.similarity = h("span", { class: "quiet" });
    this.link = h("a", { class: "result" }, this.thumbnail.element,
      h("span", { class: "facts" }, this.name, this.probability, this.meter, this.where, this.times, this.similarity));
    this.again = h("a", { class: "small" }, WORDS.again);
    this.element = h("li", {}, this.link, this.again);
  }

  update({ tracklet, name, similarity, probability }) {
    const { identity } = tracklet;
    const called = texts.called({ identity, name });
    setAttribute(this.link, "href", hashOf("identities", identity));
    dress(this.element, identity);
    this.thumbnail.update(tracklet);
    setText(this.name, called);
    setText(this.probability, WORDS.probability(probability));
    this.meter.firstChild.style.setProperty("width", `${Math.round(100 * probability)}%`);
    setText(this.where, tracklet.camera);
    setText(this.times, [daySpan(tracklet.begin, tracklet.end), clockSpan(tracklet.begin, tracklet.end)].filter(Boolean).join(", "));
    setText(this.similarity, WORDS.similarity(similarity));
    setAttribute(this.again, "href", `${hashOf("search")}?tracklet=${encodeURIComponent(tracklet.tracklet)}`);
    setAttribute(this.again, "aria-label", WORDS.againOf(called, tracklet.camera));
  }
}
