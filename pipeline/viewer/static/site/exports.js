// What was seen, as files.

import * as api from "../api.js";
import { h } from "../dom.js";
import { texts } from "../texts.js";

const WORDS = texts.site;
const KINDS = ["csv", "json"];

export class Exports {
  constructor() {
    this.links = Object.entries(WORDS.files).flatMap(([file, what]) =>
      KINDS.map((kind) => ({ file: `${file}.${kind}`, element: h("a", { class: "button", download: "" }, WORDS.file(what, kind)) })));
    this.element = h("section", {}, h("h3", {}, WORDS.exports),
      h("div", { class: "exports" }, ...this.links.map(({ element }) => element)), h("p", { class: "hint" }, WORDS.exportsHelp));
  }

  /** @param from, to seconds since the epoch */
  update(from, to) {
    for (const { file, element } of this.links) element.href = api.address(`/export/${file}?from=${from}&to=${to}`);
  }
}
