// One camera's video. Whoever draws gets its pictures together with their numbers.

import { h } from "../dom.js";

const FAR_SECONDS = 0.4; // further off than this it jumps; else it runs a little faster or slower
const HELP = 0.15; // how much
const AGAIN_MS = 50; // a browser may say that it is there before its picture is

export class Film {
  /**
   * @param camera { name, rate }
   * @param drawn called when there is another picture
   * @param loaded called when there is the first: by now another one may be wanted
   */
  constructor(camera, drawn, loaded) {
    Object.assign(this, { camera, drawn, index: null, frame: null, target: null, going: null });
    this.element = h("video", { class: "film", preload: "auto", playsinline: "", tabindex: "-1", "aria-hidden": "true" });
    this.element.muted = true;
    this.element.addEventListener("loadeddata", () => {
      this.take();
      loaded();
    });
    this.element.addEventListener("seeked", () => this.arrive());
    this.listen();
  }

  load(address) {
    this.element.src = address;
  }

  listen() {
    this.element.requestVideoFrameCallback((now, { mediaTime }) => {
      this.take(mediaTime);
      this.listen();
    });
  }

  /** The picture itself says which one it is; what the video says of itself may be late by one. */
  take(mediaTime = this.element.currentTime) {
    if (this.element.readyState < 2) return;
    const frame = "VideoFrame" in window ? new VideoFrame(this.element) : null;
    const seconds = frame?.timestamp != null ? frame.timestamp / 1e6 : mediaTime;
    this.frame?.close();
    Object.assign(this, { frame, index: Math.round(seconds * this.camera.rate) });
    if (this.index === this.target && this.going === this.target) this.target = null;
    this.drawn();
  }

  /** What can be drawn: the picture of number `index`. */
  get picture() {
    return this.frame ?? this.element;
  }

  get ready() {
    return this.index !== null;
  }

  /** True while it cannot keep up. */
  get waiting() {
    return this.element.seeking || this.element.readyState < 3;
  }

  /** Shows a picture (null: none belongs here) and goes on from it at a speed; 0: stands still. */
  follow(index, speed) {
    const { element, camera } = this;
    if (element.readyState < 1) return;
    if (index === null || !speed) element.pause();
    if (index === null) return;
    if (!speed) return void (index !== (this.target ?? this.index) && this.seek(index));
    const late = (index - (this.target ?? this.index ?? index)) / camera.rate;
    if (Math.abs(late) > FAR_SECONDS * Math.max(1, speed)) this.seek(index);
    element.playbackRate = speed * (1 + Math.max(-HELP, Math.min(HELP, late)));
    if (element.paused && !element.ended) element.play().catch(() => {}); // it was paused again
  }

  /** One jump at a time: of those wished for meanwhile the last one counts. */
  seek(index) {
    if (this.target === index) return;
    this.target = index;
    if (!this.element.seeking) this.jump();
  }

  jump() {
    this.going = this.target;
    this.element.currentTime = (this.going + 0.5) / this.camera.rate; // in its middle: no rounding matters
  }

  arrive() {
    if (this.target !== null && this.target !== this.going) return this.jump();
    this.take();
    if (!this.element.paused) this.target = null; // it has gone on from there
    clearTimeout(this.again);
    if (this.target !== null) this.again = setTimeout(() => this.element.seeking || this.arrive(), AGAIN_MS);
  }
}
