// One camera: its picture with the boxes that came with it, and how it is doing.

import { Choice } from "./choice.js";
import { h, setAttribute, setText } from "./dom.js";
import { Film } from "./film.js";
import { icon } from "./icons.js";
import { noticeOf, showNotice } from "./notice.js";
import { drawBoxes, onScreen } from "./overlay.js";
import { hashOf } from "./router.js";
import { texts } from "./texts.js";
import { Trails } from "./trails.js";

const STALE_SECONDS = 4; // a running camera without pictures for this long is worth a word
const LATE_SECONDS = 1; // a longer delay is not live any more
const RECENT = 30; // pictures that frame rate and delay are measured on

export class CameraTile {
  /**
   * @param name the camera
   * @param app { model: who is who, clock: the server's, layers and areas: what is drawn over the picture,
   *   why: the card that explains }
   * @param handlers { dirty(tile): it wants to be drawn, done(camera): a picture is dealt with,
   *   look(): what it wants has changed }
   */
  constructor(name, { model, clock, layers, areas, why }, handlers) {
    Object.assign(this, { name, model, clock, layers, areas, why, handlers });
    this.large = false;
    this.trails = new Trails();
    this.next = null; // the newest preview, not yet decoded
    this.decoding = false;
    this.fresh = null; // decoded, not yet shown
    this.shown = null; // what is on the canvas: { header, bitmap }
    this.recent = []; // { at, delay } of the last pictures
    this.choice = new Choice();
    this.film = new Film({
      shown: (header, bitmap) => this.filmed(header, bitmap),
      done: () => this.handlers.done(this.name),
      failed: (why) => this.withoutVideo(why),
    });
    this.build();
  }

  build() {
    this.canvas = h("canvas", { role: "img" });
    this.rate = h("span", { class: "rate" });
    this.delay = h("span", { class: "delay" });
    this.pace = h("span", { class: "pace" }, this.rate, this.delay);
    this.notice = h("div", { class: "notice", hidden: "" });
    this.stage = h("div", { class: "stage" }, this.canvas, this.notice);
    this.link = h("a", { class: "enlarge", href: hashOf("live", this.name) }, h("span", { class: "camera" }, this.name), icon("large"));
    const caption = h("header", {}, h("h3", {}, this.link), this.pace);
    this.element = h("article", { class: "tile", "data-camera": this.name }, caption, this.stage);
    this.observer = new ResizeObserver(() => this.handlers.dirty(this));
    this.observer.observe(this.stage);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.leave());
    this.canvas.addEventListener("click", (event) => this.choose(event));
    this.canvas.addEventListener("dblclick", (event) => this.enlarge(event));
    this.setLarge(false);
  }

  /** One large among small ones: its name leads back to all of them. */
  setLarge(large) {
    this.large = large;
    this.element.classList.toggle("is-large", large);
    setAttribute(this.link, "href", large ? hashOf("live") : hashOf("live", this.name));
    setAttribute(this.link, "title", large ? texts.live.allCameras : texts.live.enlarge(this.name));
    this.link.lastChild.replaceWith(icon(large ? "small" : "large"));
  }

  /** The site has this camera no more. */
  close() {
    this.observer.disconnect();
    if (this.next) this.handlers.done(this.name);
    this.next = null;
    this.closed = true;
    this.film.close();
    for (const picture of [this.fresh, this.shown]) picture?.bitmap.close();
    this.fresh = this.shown = null;
  }

  /** How wide its picture is on the screen, in device pixels. */
  get pixels() {
    const { clientWidth, clientHeight } = this.canvas;
    const width = this.size?.[0] ? Math.min(clientWidth, (clientHeight * this.size[0]) / this.size[1]) : clientWidth;
    return Math.ceil(width * window.devicePixelRatio);
  }

  /** True if it would rather have the camera's own video than pictures. */
  get wantsVideo() {
    return this.choice.video(this.pixels, this.size);
  }

  /** Takes a preview; one that is still waiting to be decoded gives way to it. */
  receive(preview) {
    this.kind = preview.film ? "video" : "pictures";
    if (preview.film) return void this.film.receive(preview);
    if (this.next) this.handlers.done(this.name);
    this.next = preview;
    if (!this.decoding) this.decode();
  }

  async decode() {
    this.decoding = true;
    while (this.next) {
      const { header, picture } = this.next;
      this.next = null;
      const bitmap = await createImageBitmap(picture).catch(() => null);
      if (bitmap) this.offer(header, bitmap);
      else this.handlers.done(this.name);
      this.choice.saw(this.clock.now() - header.arrival);
    }
    this.decoding = false;
  }

  /** A picture that is ready to be drawn; one that has not been drawn yet gives way to it. */
  offer(header, bitmap) {
    if (this.fresh || this.closed) this.handlers.done(this.name);
    if (this.closed) return void bitmap.close();
    this.fresh?.bitmap.close();
    this.fresh = { header, bitmap };
    this.handlers.dirty(this);
  }

  filmed(header, bitmap) {
    this.offer(header, bitmap);
    if (this.choice.tooLate(this.clock.now() - header.arrival)) this.film.fail("it comes too late");
  }

  withoutVideo(why) {
    console.info(`${this.name}: pictures instead of video, ${why}`);
    this.choice.failed();
    this.handlers.look();
  }

  /** Nobody sees it for now. */
  rest() {
    this.film.close();
  }

  /** Called in an animation frame: the picture and its boxes change together. */
  draw() {
    if (this.fresh) this.take();
    if (!this.shown) return;
    const context = this.fitCanvas();
    this.view = contain(this.shown.bitmap, this.canvas.clientWidth, this.canvas.clientHeight);
    const { x, y, width, height } = this.view;
    context.drawImage(this.shown.bitmap, x, y, width, height);
    if (this.layers.shown.areas) this.areas.draw(context, this.view, this.name);
    const boxes = this.boxes();
    if (this.layers.shown.trails) this.trails.draw(context, this.view, boxes, this.model.highlighted);
    drawBoxes(context, this.view, boxes, this.model.highlighted, this.layers.shown);
  }

  take() {
    this.shown?.bitmap.close();
    this.shown = this.fresh;
    this.fresh = null;
    const { header } = this.shown;
    this.recent.push({ at: performance.now() / 1000, delay: this.clock.now() - header.arrival });
    if (this.recent.length > RECENT) this.recent.shift();
    this.trails.add(header);
    this.model.saw(header);
    this.handlers.done(this.name);
  }

  fitCanvas() {
    const scale = window.devicePixelRatio;
    const width = Math.round(this.canvas.clientWidth * scale);
    const height = Math.round(this.canvas.clientHeight * scale);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  boxes() {
    return (this.shown?.header.boxes ?? []).map(({ tracklet, xywh }) => {
      const identity = this.model.owners.get(tracklet);
      const { confirmed = true, confidence = 0 } = this.model.records.get(tracklet) ?? {};
      return { tracklet, xywh, identity, name: this.model.people.get(identity)?.name, confirmed, confidence };
    });
  }

  // ── pointing at people ────────────────────────────────────────────────────────────────────

  /** Whose box is under the pointer; of several the smallest. */
  at({ offsetX, offsetY }) {
    if (!this.view) return undefined;
    const hits = this.boxes().filter(({ identity, xywh }) => {
      const box = onScreen(this.view, xywh);
      const inside = offsetX - box.x <= box.width && offsetY - box.y <= box.height;
      return identity !== undefined && inside && offsetX >= box.x && offsetY >= box.y;
    });
    return hits.sort((a, b) => a.xywh[2] * a.xywh[3] - b.xywh[2] * b.xywh[3])[0];
  }

  point(event) {
    const box = this.at(event);
    this.canvas.classList.toggle("pointing", box !== undefined);
    if ((box?.identity ?? null) !== this.model.pointed) this.model.point(box?.identity ?? null);
    if (event.pointerType !== "mouse") return; // a finger taps
    if (box) this.why.hover(box.tracklet, this.rectOf(box));
    else this.why.leave();
  }

  leave() {
    this.model.point(null);
    this.why.leave();
  }

  choose(event) {
    const box = this.at(event);
    if (box) this.why.pin(box.tracklet, this.rectOf(box));
  }

  enlarge(event) {
    if (!this.at(event)) this.link.click();
  }

  /** Where a box is on the screen. */
  rectOf({ xywh }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const { x, y, width, height } = onScreen(this.view, xywh);
    return new DOMRect(left + x, top + y, width, height);
  }

  // ── how it is doing ───────────────────────────────────────────────────────────────────────

  /** Called every second and when the status has changed. */
  update(status) {
    this.size = status?.size;
    this.film.check();
    const notice = noticeOf(this.name, status, this.clock.now()) ?? this.staleNotice();
    this.element.dataset.state = notice?.state ?? "live";
    this.element.dataset.kind = this.kind ?? "";
    showNotice(this.notice, notice);
    const { rate = "", delay = "" } = notice ? {} : this.measured();
    setText(this.rate, rate);
    setText(this.delay, delay);
    setAttribute(this.pace, "title", status ? [texts.pace(status), texts.delayHelp, texts.comesAs(this.kind), texts.runBy(status.node)].join("\n") : "");
    const people = this.boxes().filter((box) => box.identity !== undefined);
    const names = [...new Set(people.map(texts.called))];
    setAttribute(this.canvas, "aria-label", texts.picture(this.name, names));
  }

  measured() {
    const frames = this.recent.slice(-15);
    const seconds = frames.length > 1 ? frames.at(-1).at - frames[0].at : 0;
    if (!seconds) return {};
    const delays = this.recent.map((p) => p.delay).sort((a, b) => a - b);
    const delay = Math.max(0, delays[Math.floor(delays.length / 2)]);
    this.delay.classList.toggle("late", delay > LATE_SECONDS);
    return { rate: texts.fps((frames.length - 1) / seconds), delay: texts.delay(delay) };
  }

  staleNotice() {
    if (!this.shown) return { state: "connecting", title: texts.waitingForPicture, lines: [] };
    const seconds = performance.now() / 1000 - this.recent.at(-1).at;
    if (seconds < STALE_SECONDS || document.hidden) return null;
    return { state: "stale", title: texts.noPicture(Math.floor(seconds)), lines: [] };
  }
}

/** The largest place for a picture in a space, centred. */
function contain(picture, width, height) {
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}
