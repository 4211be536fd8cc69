// A recording: all cameras at one moment, a line to go along, and everybody over time.

import { h, setText } from "../dom.js";
import { fit } from "../layout.js";
import { texts } from "../texts.js";
import { Controls, keepLayers, usualLayers } from "../recording/controls.js";
import { Figures } from "../recording/figures.js";
import { Lanes } from "../recording/lanes.js";
import { Scrubber } from "../recording/scrubber.js";
import { CameraView } from "../recording/view.js";
import { WhyCard } from "../why.js";

const WORDS = texts.recording;
const LEAP_SECONDS = 5;
const ASK_MS = 1000; // how the videos come along
const [GAP, CAPTION, SMALLEST, PADDING] = [16, 30, 180, 14]; // as in recording.css

export class RecordingScreen {
  static keys = [
    [WORDS.keys.play, ["Space"]], [WORDS.keys.step, ["←", "→"]], [WORDS.keys.leap, ["Shift+←", "Shift+→"]],
    [WORDS.keys.speed, ["+", "-"]], [WORDS.keys.ends, ["Home", "End"]],
  ];

  constructor({ model, api, recording, playhead, load }) {
    Object.assign(this, { model, api, recording, playhead, load, shown: usualLayers(), active: false });
    this.results = recording.results[0];
    this.why = new WhyCard({ model, api, attention: false });
    this.views = recording.cameras.map((camera) => new CameraView(this, camera));
    this.controls = new Controls(this);
    this.scrubber = new Scrubber(playhead);
    this.lanes = new Lanes(this);
    this.figures = new Figures();
    this.build();
    this.listen();
  }

  build() {
    this.grid = h("div", { class: "views" }, ...this.views.map(({ element }) => element));
    this.space = h("div", { class: "space" }, this.grid);
    this.note = h("p", { class: "notes quiet" });
    this.element = h("section", { class: "recording" }, h("h2", { class: "unseen" }, WORDS.title), this.space,
      h("div", { class: "panel" }, this.controls.element, this.note, this.scrubber.element, this.lanes.element, this.figures.element), this.why.element);
    this.tell(this.recording);
  }

  listen() {
    this.playhead.waiting = () => this.views.some((view) => view.waiting);
    this.playhead.addEventListener("time", () => this.update());
    this.playhead.addEventListener("state", () => this.update());
    this.model.addEventListener("people", () => this.active && this.setPeople());
    this.model.addEventListener("highlight", () => this.mark());
    window.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.arrange()).observe(this.space);
  }

  // ── coming and going ───────────────────────────────────────────────────────────────────────

  show(parts, query) {
    this.active = true;
    this.arrange();
    this.setPeople();
    const [at, person] = [Number(query.get("at")), Number(query.get("person"))];
    if (person) this.model.pin(person);
    if (at) this.goTo(at);
    if (person) this.lanes.reveal(person);
    this.update();
    this.ask();
  }

  hide() {
    this.active = false;
    this.playhead.pause();
    this.why.close();
    clearTimeout(this.asking);
  }

  goTo(time) {
    this.playhead.pause();
    this.playhead.seek(time);
  }

  /** To the last picture: the very end comes after it. */
  goToEnd() {
    this.goTo(this.playhead.end);
    this.step(-1);
  }

  /** Until every camera has its video. */
  async ask() {
    clearTimeout(this.asking);
    if (!this.active || !this.recording.cameras.some(({ state }) => state === "preparing")) return;
    const answer = await this.api.get("/recording").catch(() => null);
    if (answer) this.tell(answer);
    this.asking = setTimeout(() => this.ask(), ASK_MS);
  }

  tell(recording) {
    this.recording = recording;
    recording.cameras.forEach((camera, index) => this.views[index].tell(camera));
    setText(this.note, [recording.problem && WORDS.missingWhy(recording.problem), WORDS.veiled[recording.privacy]].filter(Boolean).join(" · "));
    this.note.hidden = !this.note.textContent;
    this.figures.update(recording.evaluation[this.results]);
  }

  // ── what is shown ──────────────────────────────────────────────────────────────────────────

  setPeople() {
    const people = [...this.model.people.values()];
    this.scrubber.setPeople(people);
    this.lanes.setPeople(people);
    for (const view of this.views) view.draw();
  }

  update() {
    if (!this.active) return;
    for (const view of this.views) view.update();
    this.controls.update(this.playhead);
    this.scrubber.update(this.playhead);
    this.lanes.update();
  }

  mark() {
    if (!this.active) return;
    this.lanes.update();
    for (const view of this.views) view.draw();
  }

  arrange() {
    const { clientWidth: width } = this.grid;
    const height = this.space.clientHeight - PADDING;
    if (!width) return;
    const aspects = this.views.map(({ aspect }) => aspect).sort((a, b) => a - b);
    const aspect = aspects[Math.floor(aspects.length / 2)] ?? 1;
    const { columns, tile } = fit({ count: this.views.length, aspect, width, height, gap: GAP, caption: CAPTION, minimum: SMALLEST });
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--tile", `${tile}px`);
    for (const view of this.views) {
      view.element.style.setProperty("--aspect", view.aspect);
      view.draw();
    }
    this.lanes.draw();
  }

  switchLayer(name, yes) {
    this.shown = { ...this.shown, [name]: yes };
    keepLayers(this.shown);
    for (const view of this.views) view.draw();
  }

  async choose(results) {
    this.results = results;
    this.model.pin(null);
    this.why.close();
    await this.load(results).catch((error) => setText(this.note, error.message));
    this.tell(this.recording);
    this.setPeople();
  }

  // ── keys ───────────────────────────────────────────────────────────────────────────────────

  /** To the next picture of any camera, or to the one before. */
  step(direction) {
    const { time } = this.playhead;
    const moments = this.views.map(({ clock }) => clock.neighbour(time, direction)).filter((moment) => moment !== null);
    if (moments.length) this.goTo(direction > 0 ? Math.min(...moments) : Math.max(...moments));
  }

  press(event) {
    const { key, target } = event;
    if (!this.active || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || target.closest?.("select, input:not([type=range], [type=checkbox])")) return;
    if (key === " " && target.closest?.("button, a, input[type=checkbox]")) return; // it is theirs
    if (this.act(key, event.shiftKey)) event.preventDefault();
  }

  act(key, shift) {
    const { playhead } = this;
    const ways = { ArrowLeft: -1, ArrowRight: 1 };
    if (key in ways && shift) this.goTo(playhead.time + ways[key] * LEAP_SECONDS);
    else if (key in ways) this.step(ways[key]);
    else if (key === " ") playhead.toggle();
    else if (key === "+" || key === "=" || key === "-") playhead.shift(key === "-" ? -1 : 1);
    else if (key === "Home") this.goTo(playhead.begin);
    else if (key === "End") this.goToEnd();
    else return false;
    return true;
  }
}
