// One camera's pictures one at a time, as long as there is no video of it.

import { address } from "../api.js";

export class Stills {
  /**
   * @param camera { name }
   * @param drawn called when there is another picture
   */
  constructor(camera, drawn) {
    Object.assign(this, { drawn, wanted: null, index: null, picture: null, asking: false });
    this.path = `/recording/cameras/${encodeURIComponent(camera.name)}/pictures`;
  }

  get ready() {
    return this.index !== null;
  }

  /** One question at a time: of those wished for meanwhile the last one counts. null: none. */
  want(index) {
    this.wanted = index;
    if (!this.asking && index !== null && index !== this.index) this.ask(index);
  }

  async ask(index) {
    this.asking = true;
    const picture = new Image();
    picture.src = address(`${this.path}/${index}.jpg`);
    const there = await picture.decode().then(() => true, () => false);
    this.asking = false;
    Object.assign(this, there ? { picture, index } : { picture: null, index: null });
    this.drawn();
    if (this.wanted !== index) this.want(this.wanted);
  }
}
