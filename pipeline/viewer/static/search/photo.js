// The picture that is searched with: dropped, pasted, chosen, or one of ours; with the people found on it.

import { address } from "../api.js";
import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { icon } from "../icons.js";
import { texts } from "../texts.js";

const WORDS = texts.search;

export class Photo {
  /**
   * @param chosen called with a file
   * @param picked called with the place of one of the people found on it
   */
  constructor(chosen, picked) {
    Object.assign(this, { chosen, picked, url: null });
    this.input = h("input", { type: "file", accept: "image/jpeg,image/png,image/webp", class: "unseen", id: "picture" });
    this.input.addEventListener("change", () => this.choose(this.input.files));
    this.image = h("img", { class: "wanted", alt: WORDS.picture, hidden: "", onerror: () => this.fail() });
    this.boxes = h("div", { class: "boxes" });
    this.list = new KeyedList(this.boxes, ({ index }) => index, ({ index }) => new Box(index, picked));
    this.stage = h("div", { class: "wanted-stage", hidden: "" }, this.image, this.boxes);
    this.hint = h("p", { class: "quiet", hidden: "" });
    this.label = h("label", { class: "drop", for: "picture" }, icon("search"), h("strong", {}, WORDS.choose), h("span", { class: "quiet" }, WORDS.chooseHow));
    this.element = h("div", { class: "photo" }, this.input, this.label, this.stage, this.hint);
    this.listen();
  }

  listen() {
    const over = (yes) => (event) => {
      event.preventDefault();
      this.element.classList.toggle("over", yes);
    };
    this.element.addEventListener("dragover", over(true));
    this.element.addEventListener("dragleave", over(false));
    this.element.addEventListener("drop", (event) => {
      over(false)(event);
      this.choose(event.dataTransfer.files);
    });
  }

  choose(files) {
    if (files[0]) this.chosen(files[0]);
    this.input.value = ""; // the same file may be chosen again
  }

  showFile(file) {
    const url = URL.createObjectURL(file);
    this.show(url);
    this.url = url;
  }

  showCrop(tracklet) {
    this.show(address(`/crops/${encodeURIComponent(tracklet)}.jpg`));
    setText(this.hint, WORDS.ofOurs);
    this.hint.hidden = false;
  }

  show(source) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.list.update([]);
    this.hint.hidden = true;
    this.image.src = source;
    this.image.hidden = this.stage.hidden = false;
    this.label.classList.add("brief");
  }

  fail() {
    this.stage.hidden = true;
  }

  /** @param people [{ xywh: left, top, width, height in fractions, confidence }], `person` the one searched for */
  showPeople(people, person) {
    this.list.update(people.map((each, index) => ({ ...each, index, current: index === person })));
    setText(this.hint, WORDS.people(people.length));
    this.hint.hidden = false;
  }
}

class Box {
  constructor(index, picked) {
    this.element = h("button", { type: "button", class: "person-box", onclick: () => picked(index) }, String(index + 1));
  }

  update({ index, xywh: [left, top, width, height], current }) {
    setAttribute(this.element, "aria-label", WORDS.person(index + 1));
    setAttribute(this.element, "aria-pressed", String(current));
    const percent = (share) => `${(100 * share).toFixed(2)}%`;
    Object.assign(this.element.style, {
      left: percent(left), top: percent(top), width: percent(width), height: percent(height),
    });
  }
}
