// One camera of the recording: its picture and the boxes that belong to that very picture.

import { address } from "../api.js";
import { h, setText } from "../dom.js";
import { drawBoxes, onScreen } from "../overlay.js";
import { texts } from "../texts.js";
import { Boxes } from "./boxes.js";
import { CameraClock } from "./camera_clock.js";
import { Film } from "./film.js";
import { Stills } from "./stills.js";

const WORDS = texts.recording;
const GROUND = "#3c434c"; // where there is no picture

export class CameraView {
  /** @param screen { playhead, model, why, shown: { boxes, names, truth }, results } */
  constructor(screen, camera) {
    Object.assign(this, { screen, camera, clock: new CameraClock(camera), crops: new Map(), wanted: null });
    this.boxes = new Boxes(camera, () => this.draw());
    this.film = new Film(camera, () => this.draw(), () => screen.active && this.update());
    this.stills = new Stills(camera, () => this.film.ready || this.draw());
    this.canvas = h("canvas", { class: "boxes", role: "img", "aria-label": WORDS.pictureOf(camera.name) });
    this.canvas.addEventListener("click", (event) => this.choose(event));
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => screen.why.leave());
    this.note = h("p", { class: "note", hidden: "" });
    this.place = h("span", { class: "quiet" });
    this.picture = h("div", { class: "picture" }, this.film.element, this.canvas, this.note);
    this.element = h("article", { class: "view" },
      h("header", {}, h("h3", {}, camera.name), this.place), this.picture);
    this.tell(camera);
  }

  get aspect() {
    const { width, height } = this.camera;
    return width && height ? width / height : 16 / 9;
  }

  /** What the server says of it now: whether there is a video. */
  tell({ name, state, progress }) {
    if (state !== "ready") this.early = state === "preparing"; // its pictures come one by one until its video is there
    this.note.hidden = state === "ready";
    setText(this.note, state === "preparing" ? WORDS.making(progress) : WORDS.missing);
    if (state === "ready" && !this.film.element.src) this.film.load(address(`/recording/cameras/${encodeURIComponent(name)}.mp4`));
  }

  /** Called with every moment, and when anything else has changed. */
  update() {
    const { playhead } = this.screen;
    const before = this.wanted;
    this.wanted = this.clock.indexAt(playhead.time);
    this.film.follow(this.wanted, playhead.playing ? playhead.speed : 0);
    if (this.early && !this.film.ready) this.stills.want(this.wanted);
    if (!this.film.ready || this.wanted === null || before === null) this.draw();
  }

  /** True while the picture of this moment cannot be shown yet. */
  get waiting() {
    return this.film.ready && this.wanted !== null && this.film.waiting && !this.film.element.ended;
  }

  // ── drawing ────────────────────────────────────────────────────────────────────────────────

  draw() {
    const { width, height } = this.size();
    const context = this.canvas.getContext("2d");
    const ratio = this.canvas.width / Math.max(1, width);
    const source = [this.film, this.stills].find(({ ready }) => ready);
    const index = this.wanted === null ? null : (source?.index ?? this.wanted);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    if (index === null) return this.say(null);
    const view = { x: 0, y: 0, width, height };
    if (source) this.drawPicture(context, view, source.picture);
    this.drawPeople(context, view, index, !source);
    this.say(index);
  }

  size() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    return { width, height };
  }

  /** Videos have even sizes: of an odd picture they show its last row or column twice. */
  drawPicture(context, { width, height }, picture) {
    const { width: w, height: h } = this.camera;
    context.drawImage(picture, 0, 0, w, h, 0, 0, width, height);
  }

  drawPeople(context, view, index, crops) {
    const { shown, results, model } = this.screen;
    const boxes = this.boxes.at(results, index);
    const people = (boxes ?? []).map(({ identity, xywh }) => ({ identity, xywh, confirmed: true, confidence: 1 }));
    Object.assign(this, { people, time: this.clock.timeOf(index), complete: boxes !== null });
    if (crops) for (const person of people) this.drawCrop(context, view, person);
    drawBoxes(context, view, people, model.pointed ?? model.pinned, { boxes: shown.boxes, names: shown.names, confidence: false });
    if (shown.truth && this.camera.truth) drawTruth(context, view, this.boxes.at("truth", index) ?? []);
  }

  /** Somebody's kept picture, where there is no other. */
  drawCrop(context, view, { identity, xywh }) {
    const seen = this.trackletOf(identity);
    const crop = seen && this.crop(seen.tracklet);
    const { x, y, width, height } = onScreen(view, xywh);
    if (crop?.complete && crop.naturalWidth) context.drawImage(crop, x, y, width, height);
  }

  /** The sighting to which somebody's box in the picture shown belongs. */
  trackletOf(identity) {
    const tracklets = this.screen.model.people.get(identity)?.tracklets ?? [];
    return tracklets.find((t) => t.camera === this.camera.name && t.begin <= this.time && this.time <= t.end);
  }

  crop(tracklet) {
    if (!this.crops.has(tracklet)) {
      const image = new Image();
      image.onload = () => this.draw();
      image.src = address(`/crops/${encodeURIComponent(tracklet)}.jpg`);
      this.crops.set(tracklet, image);
    }
    return this.crops.get(tracklet);
  }

  say(index) {
    this.element.dataset.frame = index !== null && this.complete ? index : ""; // with its boxes
    setText(this.place, index === null ? "" : WORDS.frame(index, this.camera.frames));
  }

  // ── pointing at people ──────────────────────────────────────────────────────────────────────

  at({ offsetX, offsetY }) {
    const [x, y] = [offsetX / this.canvas.clientWidth, offsetY / this.canvas.clientHeight];
    return (this.people ?? []).findLast(({ xywh: [left, top, w, h] }) => x >= left && x <= left + w && y >= top && y <= top + h);
  }

  /** The pointer on somebody: after a moment a card says why they are who they are. */
  point(event) {
    const hit = this.at(event);
    this.canvas.classList.toggle("pointing", Boolean(hit));
    if (event.pointerType !== "mouse") return; // a finger taps
    const seen = hit && this.trackletOf(hit.identity);
    if (seen) this.screen.why.hover(seen.tracklet, this.rectOf(hit));
    else this.screen.why.leave();
  }

  /** A click on somebody makes them stand out, in all cameras, and the card stay; beside them, nobody. */
  choose(event) {
    const { model, why } = this.screen;
    const hit = this.at(event);
    const seen = hit && this.trackletOf(hit.identity);
    model.pin(hit && hit.identity !== model.pinned ? hit.identity : null);
    if (seen && model.pinned !== null) why.pin(seen.tracklet, this.rectOf(hit));
    else why.close();
  }

  /** Where a box is on the screen. */
  rectOf({ xywh }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const box = onScreen({ x: left, y: top, width, height }, xywh);
    return new DOMRect(box.x, box.y, box.width, box.height);
  }
}

function drawTruth(context, view, boxes) {
  context.lineWidth = 1.5;
  context.strokeStyle = context.fillStyle = "#ffffff";
  context.shadowColor = "#000000";
  context.shadowBlur = 3;
  context.setLineDash([3, 3]);
  context.font = "600 11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  for (const { identity, xywh } of boxes) {
    const { x, y, width, height } = onScreen(view, xywh);
    context.strokeRect(x, y, width, height);
    context.fillText(WORDS.truthName(identity), x + 2, y + height - 2);
  }
  context.shadowBlur = 0;
}
