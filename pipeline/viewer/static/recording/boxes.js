// The boxes of one camera, fetched as they are needed, a stretch of pictures at a time.

import { get } from "../api.js";

const STRETCH = 500; // pictures
const MOST = 40; // stretches that are kept

export class Boxes {
  /** @param arrived called when more are there */
  constructor(camera, arrived) {
    Object.assign(this, { camera, arrived, stretches: new Map() });
  }

  /**
   * The boxes of a picture: [{ identity, xywh }]; null as long as they are not there.
   * @param whose "hindsight", "online" or "truth"
   */
  at(whose, index) {
    const stretch = Math.floor(index / STRETCH);
    const boxes = this.stretch(whose, stretch);
    const next = Math.round(index / STRETCH);
    if (next > stretch && next * STRETCH < this.camera.frames) this.stretch(whose, next); // soon
    return boxes && (boxes[index - stretch * STRETCH] ?? []).map(([identity, ...xywh]) => ({ identity, xywh }));
  }

  stretch(whose, number) {
    const key = `${whose} ${number}`;
    if (!this.stretches.has(key)) this.fetch(key, whose, number);
    return this.stretches.get(key);
  }

  async fetch(key, whose, number) {
    this.stretches.set(key, null);
    if (this.stretches.size > MOST) this.stretches.delete(this.stretches.keys().next().value);
    const path = `/recording/cameras/${encodeURIComponent(this.camera.name)}/boxes`;
    const answer = await get(path, { whose, first: number * STRETCH, count: STRETCH }).catch(() => null);
    if (answer) this.stretches.set(key, answer.boxes);
    else this.stretches.delete(key); // asked for again with the next picture
    if (answer) this.arrived();
  }
}
