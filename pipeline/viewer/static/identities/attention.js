// What the network looked at in a sighting's picture, on demand.

import { get } from "../api.js";
import { drawn, load } from "../attention.js";
import { h, setText } from "../dom.js";
import { texts } from "../texts.js";

const WORDS = texts.identities;
const HEIGHT = 128; // of a picture, CSS pixels

export class AttentionPanel {
  constructor(tracklet) {
    this.tracklet = tracklet;
    this.button = h("button", { type: "button", class: "small", "aria-expanded": "false", onclick: () => this.toggle() }, texts.why.attention);
    this.note = h("p", { class: "quiet", role: "status" });
    this.row = h("div", { class: "parts", role: "img", "aria-label": texts.why.attentionHelp });
    this.element = h("div", { class: "looked-at", hidden: "" }, this.row, this.note);
  }

  async toggle() {
    this.element.hidden = !this.element.hidden;
    this.button.setAttribute("aria-expanded", String(!this.element.hidden));
    if (!this.element.hidden && !this.row.children.length) await this.load();
  }

  async load() {
    setText(this.note, WORDS.attentionLoading);
    try {
      const found = await get(`/tracklets/${encodeURIComponent(this.tracklet)}/attention`);
      const picture = await load(found.crop);
      if (!picture) throw new Error(WORDS.noPicture);
      this.row.replaceChildren(...found.parts.map((part) => drawn(picture, part.flat(), found, HEIGHT)));
      setText(this.note, WORDS.attentionMeans(found.parts.length));
    } catch (error) {
      setText(this.note, error.message);
    }
  }
}
