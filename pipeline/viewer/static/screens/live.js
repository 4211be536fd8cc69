// What the cameras see, with everybody in it named, and the people beside it.

import { h, setAttribute, setText } from "../dom.js";
import { Areas } from "../areas.js";
import { CameraGrid } from "../grid.js";
import { icon } from "../icons.js";
import { LayerMenu, Layers } from "../layers.js";
import { PeopleList } from "../people.js";
import { Refresher } from "../refresher.js";
import { recall, remember } from "../remembered.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { WhyCard } from "../why.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export class LiveScreen {
  static keys = texts.live.keys;

  constructor(app) {
    this.app = app;
    this.layers = new Layers();
    this.list = new PeopleList(app.model);
    this.why = new WhyCard(app);
    const cameras = h("section", { class: "cameras", "aria-label": texts.cameras }, this.toolbar());
    const people = h("aside", { class: "people", "aria-label": texts.people }, this.list.element);
    this.element = h("div", { class: "live" }, cameras, people, this.why.element);
    this.areas = new Areas(app.api, () => this.grid.redraw());
    this.layers.addEventListener("change", () => this.askForAreas());
    this.grid = new CameraGrid(cameras, { ...app, layers: this.layers, areas: this.areas, why: this.why });
    for (const type of ["pointerover", "focusin"]) people.addEventListener(type, (event) => this.explain(event));
    for (const type of ["pointerleave", "focusout"]) people.addEventListener(type, () => this.why.leave());
    this.refresher = new Refresher(app.model, ["people", "cameras"], () => this.list.update());
    this.press = this.press.bind(this);
    document.addEventListener("fullscreenchange", () => this.arranged());
    this.showPeople(recall("people", true));
  }

  toolbar() {
    this.back = h("a", { class: "button", href: hashOf("live") }, icon("back"), texts.live.allCameras);
    this.beside = button("identities", texts.live.people, () => this.showPeople(this.peopleHidden));
    this.full = button("large", texts.live.fullScreen, () => this.fullScreen());
    this.full.hidden = !document.fullscreenEnabled;
    return h("div", { class: "toolbar" }, this.back, h("span", { class: "filler" }), new LayerMenu(this.layers).element, this.beside, this.full);
  }

  show([camera = null], query) {
    this.back.hidden = camera === null;
    this.grid.enlarge(camera);
    this.app.model.pin(Number(query.get("person")) || null);
    this.refresher.on();
    this.askForAreas();
    window.addEventListener("keydown", this.press);
  }

  hide() {
    this.refresher.off();
    this.why.close();
    this.app.model.pin(null);
    window.removeEventListener("keydown", this.press);
  }

  press(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.closest?.("dialog, input, [popover]")) return;
    if (!recall("keys", true)) return;
    if (key === "f") this.fullScreen();
    if (STEPS[key] && this.grid.large) this.app.go(hashOf("live", this.grid.neighbour(STEPS[key])));
  }

  askForAreas() {
    if (this.layers.shown.areas) this.areas.refresh();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen?.();
  }

  arranged() {
    const text = document.fullscreenElement ? texts.live.leaveFullScreen : texts.live.fullScreen;
    setAttribute(this.full, "title", text);
    setText(this.full.querySelector(".unseen"), text);
    this.grid.arrange();
  }

  /** Somebody in the list has the pointer or the focus: why their newest tracklet is theirs. */
  explain({ target, pointerType = "mouse" }) {
    const item = target.closest("[data-identity]");
    const tracklets = this.app.model.people.get(Number(item?.dataset.identity))?.tracklets ?? [];
    if (!tracklets.length || pointerType !== "mouse") return void this.why.leave();
    const newest = tracklets.reduce((a, b) => (b.end > a.end ? b : a));
    this.why.hover(newest.tracklet, item.getBoundingClientRect());
  }

  get peopleHidden() {
    return this.element.classList.contains("without-people");
  }

  showPeople(yes) {
    this.element.classList.toggle("without-people", !yes);
    setAttribute(this.beside, "aria-pressed", String(yes));
    remember("people", yes);
  }
}

function button(sign, text, onclick) {
  return h("button", { type: "button", class: "button only-icon", title: text, onclick }, icon(sign), h("span", { class: "unseen" }, text));
}
