// Which parts of a person the network looked at: one small picture for each of its attentions.

import { h } from "./dom.js";
import { texts } from "./texts.js";

const HEIGHT = 72; // of a picture, CSS pixels
const PATIENCE_MS = 1000; // the server runs the network for it: not for everybody the pointer passes

export class Attention {
  constructor(api) {
    Object.assign(this, { api, tracklet: null });
    this.row = h("div", { class: "parts", role: "img", "aria-label": texts.why.attentionHelp });
    this.element = h("div", { class: "attention", hidden: "" }, h("h4", {}, texts.why.attention), this.row);
  }

  /** Shows a tracklet's, if the server has them: its picture may be gone. null: nobody's. */
  open(tracklet) {
    this.tracklet = tracklet;
    this.element.hidden = true;
    clearTimeout(this.timer);
    if (tracklet !== null) this.timer = setTimeout(() => this.ask(tracklet), PATIENCE_MS);
  }

  async ask(tracklet) {
    const found = await this.api.get(`/tracklets/${encodeURIComponent(tracklet)}/attention`).catch(() => null);
    const picture = found && (await load(found.crop));
    if (!picture || this.tracklet !== tracklet) return;
    this.row.replaceChildren(...found.parts.map((part) => drawn(picture, part.flat(), found)));
    this.element.hidden = false;
  }
}

/** A picture that can be drawn, or null: it is gone. */
export function load(address) {
  const image = new Image();
  image.src = address;
  return image.decode().then(() => image, () => null);
}

/** The picture, dark where nobody looked; `tall` in CSS pixels. */
export function drawn(picture, part, { rows, columns }, tall = HEIGHT) {
  const scale = window.devicePixelRatio;
  const height = Math.round(tall * scale);
  const width = Math.round((height * picture.naturalWidth) / picture.naturalHeight);
  const canvas = h("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, width, height);
  context.drawImage(shade(part, rows, columns), 0, 0, width, height);
  return canvas;
}

/** A small picture of darkness, which becomes smooth when it is drawn larger. */
function shade(part, rows, columns) {
  const strongest = Math.max(...part) || 1;
  const canvas = h("canvas", { width: columns, height: rows });
  const data = new ImageData(columns, rows);
  part.forEach((value, index) => {
    data.data[4 * index + 3] = 215 * (1 - value / strongest);
  });
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}
