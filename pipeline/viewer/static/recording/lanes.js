// Everybody over time: a lane for each person, a bar for each time they were seen. A click goes there.

import { dress } from "../colours.js";
import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { TimeWindow, ticks } from "../identities/time_window.js";
import { firstSeen } from "../model.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { clockTime, duration } from "../times.js";

const WORDS = texts.recording;
const STEP = 2; // of zooming

export class Lanes {
  /** @param screen { playhead, model } */
  constructor(screen) {
    Object.assign(this, { screen, view: new TimeWindow(), people: [] });
    const { begin, end } = screen.playhead;
    Object.assign(this.view, { first: begin, last: end });
    this.view.reset(); // not `cover`: the marks are to stand below the scrubber's
    this.axis = h("div", { class: "way axis" });
    this.rows = h("ul", { class: "rows", "aria-label": WORDS.everybody });
    this.none = h("p", { class: "quiet none" }, WORDS.nobody);
    this.list = new KeyedList(this.rows, ({ identity }) => identity, ({ identity }) => new Lane(identity, this));
    this.tickList = new KeyedList(this.axis, ({ time }) => time, () => new Tick());
    this.element = h("section", { class: "everybody" },
      h("header", {}, h("h2", {}, WORDS.everybody), this.buttons()),
      h("div", { class: "row" }, h("span", { class: "who" }), this.axis), this.rows, this.none);
    this.rows.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  buttons() {
    const button = (label, text, act) =>
      h("button", { type: "button", class: "button", "aria-label": label, title: label, onclick: () => (act(), this.draw()) }, text);
    const zoom = (factor) => () => this.view.zoom(factor, this.centre);
    this.out = button(WORDS.zoomOut, "−", zoom(STEP));
    this.whole = button(WORDS.whole, texts.identities.whole, () => this.view.reset());
    return h("div", { class: "zoom" }, this.out, button(WORDS.zoomIn, "+", zoom(1 / STEP)), this.whole);
  }

  /** Zooming keeps the moment that is shown in its place. */
  get centre() {
    const share = this.view.share(this.screen.playhead.time);
    return share >= 0 && share <= 1 ? share : 0.5;
  }

  setPeople(people) {
    this.people = [...people].sort((a, b) => firstSeen(a) - firstSeen(b) || a.identity - b.identity);
    this.none.hidden = people.length > 0;
    this.draw();
  }

  draw() {
    this.list.update(this.people);
    this.tickList.update(ticks(this.view, this.axis.clientWidth || 600).map((tick) => ({ ...tick, at: this.view.share(tick.time) })));
    this.out.disabled = this.whole.disabled = this.view.isWhole;
    this.update();
  }

  /** The line of the moment that is shown; a window that is zoomed in goes along. */
  update() {
    const { playhead, model } = this.screen;
    const share = this.view.share(playhead.time);
    if (!this.view.isWhole && (share < 0 || share > 1)) {
      this.view.move(share - 0.1);
      if (!this.view.isWhole) return this.draw();
    }
    this.element.style.setProperty("--now", `${(this.view.share(playhead.time) * 100).toFixed(3)}%`);
    const chosen = model.pointed ?? model.pinned;
    for (const [identity, lane] of this.list.entries) lane.mark(identity === chosen);
  }

  reveal(identity) {
    this.list.entries.get(identity)?.element.scrollIntoView({ block: "nearest" });
  }

  wheel(event) {
    const { left, width } = this.axis.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) this.view.zoom(Math.exp(event.deltaY / 200), (event.clientX - left) / width);
    else if (event.deltaX && !this.view.isWhole) this.view.move(event.deltaX / width);
    else return;
    event.preventDefault();
    this.draw();
  }
}

class Lane {
  constructor(identity, lanes) {
    this.lanes = lanes;
    const { model } = lanes.screen;
    this.name = h("a", { class: "who", href: hashOf("identities", identity) }, h("span", { class: "dot" }), h("span", {}, texts.person(identity)));
    this.way = h("div", { class: "way" });
    this.bars = new KeyedList(this.way, (t) => t.tracklet, () => new Bar(identity, lanes));
    const point = (who) => () => model.point(who);
    this.element = h("li", { class: "row", "data-identity": identity, onpointerenter: point(identity), onpointerleave: point(null), onfocusin: point(identity), onfocusout: point(null) }, this.name, this.way);
    dress(this.element, identity);
  }

  update({ tracklets }) {
    this.bars.update(tracklets.filter((t) => this.lanes.view.shows(t)));
  }

  mark(chosen) {
    this.element.classList.toggle("chosen", chosen);
  }
}

class Bar {
  constructor(identity, { screen, view }) {
    Object.assign(this, { view });
    const go = () => {
      screen.model.pin(identity);
      screen.playhead.seek(this.record.begin);
    };
    this.element = h("button", { type: "button", class: "bar-of", tabindex: "-1", onclick: go });
  }

  update(record) {
    this.record = record;
    const { camera, begin, end } = record;
    const [from, to] = [Math.max(0, this.view.share(begin)), Math.min(1, this.view.share(end))];
    this.element.style.setProperty("--from", `${(from * 100).toFixed(3)}%`);
    this.element.style.setProperty("--share", `${((to - from) * 100).toFixed(3)}%`);
    setText(this.element, camera);
    const text = WORDS.jump(camera, clockTime(begin), duration(end - begin));
    setAttribute(this.element, "aria-label", text);
    setAttribute(this.element, "title", text);
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
