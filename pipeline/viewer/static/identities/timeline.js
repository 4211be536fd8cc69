// Somebody's way over the cameras: a lane for each, an axis of time, to be moved and zoomed.

import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { texts } from "../texts.js";
import { clockTime, duration } from "../times.js";
import { TimeWindow, ticks } from "./time_window.js";

const WORDS = texts.identities;
const STEP = 1.6; // of zooming, a key or a click
const KEYS = {
  "+": (view) => view.zoom(1 / STEP), "=": (view) => view.zoom(1 / STEP), "-": (view) => view.zoom(STEP),
  0: (view) => view.reset(), ArrowLeft: (view) => view.move(-0.2), ArrowRight: (view) => view.move(0.2),
};

export class Timeline {
  /** @param reveal called with the tracklet whose bar was chosen */
  constructor(reveal) {
    Object.assign(this, { reveal, view: new TimeWindow(), tracklets: [], live: new Set() });
    this.about = h("p", { class: "about quiet" }, WORDS.timelineHelp);
    this.axis = h("div", { class: "track axis" });
    this.lanes = h("div", { class: "lanes" });
    this.laneList = new KeyedList(this.lanes, ({ camera }) => camera, (lane) => new Lane(lane.camera, this));
    this.tickList = new KeyedList(this.axis, ({ time }) => time, () => new Tick());
    this.chart = h("div", { class: "chart", role: "group", tabindex: "0", "aria-label": WORDS.timelineKeys },
      this.lanes, h("div", { class: "lane" }, h("span", { class: "camera" }), this.axis));
    this.element = h("section", { class: "journey" },
      h("header", {}, h("h3", {}, WORDS.journey), this.buildButtons()), this.chart, this.about);
    this.listen();
  }

  buildButtons() {
    const button = (label, text, key) =>
      h("button", { type: "button", class: "button", "aria-label": label, title: label, onclick: () => this.press(key) }, text);
    this.out = button(WORDS.zoomOut, "−", "-");
    this.whole = button(WORDS.zoomWhole, WORDS.whole, "0");
    return h("div", { class: "zoom" }, this.out, button(WORDS.zoomIn, "+", "+"), this.whole);
  }

  listen() {
    this.chart.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      event.preventDefault(); // also: the keys of the page do not count here
      this.press(event.key);
    });
    this.chart.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.chart.addEventListener("pointerdown", (event) => this.grab(event));
  }

  reset() {
    this.view = new TimeWindow();
  }

  update(tracklets, live) {
    Object.assign(this, { tracklets, live });
    this.view.cover(Math.min(...tracklets.map((t) => t.begin)), Math.max(...tracklets.map((t) => t.end)));
    this.draw();
  }

  draw() {
    const cameras = [...new Set(this.tracklets.map((t) => t.camera))];
    this.laneList.update(cameras.map((camera) => ({ camera, tracklets: this.tracklets.filter((t) => t.camera === camera) })));
    this.tickList.update(ticks(this.view, this.axis.clientWidth).map((tick) => ({ ...tick, at: this.view.share(tick.time) })));
    this.out.disabled = this.whole.disabled = this.view.isWhole;
    this.chart.classList.toggle("zoomed", !this.view.isWhole);
  }

  press(key) {
    KEYS[key](this.view);
    this.draw();
  }

  tell(tracklet) {
    setText(this.about, tracklet ? describe(tracklet) : WORDS.timelineHelp);
  }

  // ── by pointer: drag to move, wheel with Ctrl (or two fingers on a touchpad) to zoom ──────────

  wheel(event) {
    const { left, width } = this.axis.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) this.view.zoom(Math.exp(event.deltaY / 200), (event.clientX - left) / width);
    else if (event.deltaX && !this.view.isWhole) this.view.move(event.deltaX / width);
    else return;
    event.preventDefault();
    this.draw();
  }

  grab(event) {
    if (event.button !== 0 || this.view.isWhole || event.target.closest(".span")) return;
    this.chart.setPointerCapture(event.pointerId);
    const move = ({ movementX }) => {
      this.view.move(-movementX / this.axis.clientWidth);
      this.draw();
    };
    this.chart.addEventListener("pointermove", move);
    this.chart.addEventListener("lostpointercapture", () => this.chart.removeEventListener("pointermove", move), { once: true });
  }
}

const describe = ({ camera, begin, end }) => `${camera}: ${clockTime(begin)} – ${clockTime(end)} (${duration(end - begin)})`;

class Lane {
  constructor(camera, timeline) {
    this.timeline = timeline;
    this.track = h("span", { class: "track" });
    this.bars = new KeyedList(this.track, (t) => t.tracklet, (t) => new Bar(t.tracklet, timeline));
    this.element = h("div", { class: "lane" }, h("span", { class: "camera", title: camera }, camera), this.track);
  }

  update({ tracklets }) {
    this.bars.update(tracklets.filter((t) => this.timeline.view.shows(t)));
  }
}

class Bar {
  constructor(tracklet, timeline) {
    this.timeline = timeline;
    const tell = () => timeline.tell(this.record);
    const hush = () => timeline.tell(null);
    this.element = h("button", {
      type: "button", class: "span", tabindex: "-1",
      onclick: () => timeline.reveal(tracklet), onpointerenter: tell, onfocus: tell, onpointerleave: hush, onblur: hush,
    });
  }

  update(record) {
    const { view, live } = this.timeline;
    this.record = record;
    const [from, to] = [Math.max(0, view.share(record.begin)), Math.min(1, view.share(record.end))];
    this.element.style.setProperty("--from", `${(from * 100).toFixed(2)}%`);
    this.element.style.setProperty("--share", `${((to - from) * 100).toFixed(2)}%`);
    this.element.classList.toggle("is-live", live.has(record.tracklet));
    setAttribute(this.element, "aria-label", describe(record));
  }
}

class Tick {
  constructor() {
    this.element = h("span", { class: "tick" });
  }

  update({ label, at }) {
    setText(this.element, label);
    this.element.style.setProperty("--from", `${(at * 100).toFixed(2)}%`);
  }
}
