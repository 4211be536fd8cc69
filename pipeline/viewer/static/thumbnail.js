// A tracklet's picture. It gets better while the person is watched, so it is asked for again after
// 1, 3, 7, 15 … seconds of the tracklet, and when the tracklet has ended.

import { h } from "./dom.js";
import { texts } from "./texts.js";

export class Thumbnail {
  constructor() {
    const missing = (yes) => () => this.element.classList.toggle("missing", yes);
    const handlers = { onerror: missing(true), onload: missing(false) };
    this.image = h("img", { class: "thumbnail", decoding: "async", loading: "lazy", ...handlers });
    this.element = h("span", { class: "frame" }, this.image);
  }

  update({ tracklet, camera, identity, begin, end, closed }) {
    const version = `${Math.floor(Math.log2(1 + Math.max(0, end - begin)))}${closed ? "e" : ""}`;
    const address = `/api/v1/crops/${encodeURIComponent(tracklet)}.jpg?v=${version}`;
    if (this.address === address) return;
    this.address = address;
    this.image.alt = texts.thumbnail(identity, camera);
    this.image.title = camera;
    this.image.src = address;
  }
}
