// The card beside a person that says why they are thought to be who they are.

import { dress } from "./colours.js";
import { h } from "./dom.js";
import { Reasons } from "./reasons.js";
import { texts } from "./texts.js";

const PATIENCE_MS = 250; // of a pointer on somebody before the card comes, or goes
const GAP = 10;
const NARROW = matchMedia("(max-width: 699px)"); // as in style.css: the card lies at the lower edge

export class WhyCard {
  /** @param app { model, api, attention: false if the server cannot tell what the network looked at } */
  constructor({ model, api, attention = true }) {
    this.model = model;
    this.tracklet = null; // what the card is about, or will be
    this.pinned = false; // it stays until somebody closes it
    this.timer = null;
    this.reasons = new Reasons(model, api, attention);
    const close = h("button", { type: "button", class: "button close", "aria-label": texts.close, onclick: () => this.close() }, "×");
    this.element = h("section", { id: "why", class: "why", popover: "manual", "aria-label": texts.why.title }, this.reasons.element, close);
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("pointerleave", () => this.leave());
    model.addEventListener("people", () => this.update());
    this.listen();
  }

  listen() {
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.isOpen) return;
      this.close();
      event.preventDefault();
    }, { capture: true });
    window.addEventListener("pointerdown", ({ target }) => {
      if (this.pinned && !this.element.contains(target)) this.close();
    });
  }

  get isOpen() {
    return this.element.matches(":popover-open");
  }

  /**
   * The pointer or the focus is on somebody.
   * @param tracklet what is to be explained
   * @param rect where they are on the screen: a DOMRect
   */
  hover(tracklet, rect) {
    if (this.pinned) return;
    clearTimeout(this.timer);
    if (tracklet === this.tracklet && this.isOpen) return;
    this.timer = setTimeout(() => this.show(tracklet, rect), this.isOpen ? 0 : PATIENCE_MS);
  }

  leave() {
    clearTimeout(this.timer);
    if (!this.pinned) this.timer = setTimeout(() => this.close(), PATIENCE_MS);
  }

  /** Somebody has been clicked at or tapped: the card stays. */
  pin(tracklet, rect) {
    this.show(tracklet, rect);
    this.pinned = this.isOpen;
    this.element.classList.toggle("pinned", this.pinned);
  }

  show(tracklet, rect) {
    clearTimeout(this.timer);
    if (!this.model.records.has(tracklet)) return;
    this.tracklet = tracklet;
    this.update();
    if (!this.isOpen) this.element.showPopover();
    this.place(rect);
  }

  close() {
    clearTimeout(this.timer);
    this.tracklet = null;
    this.pinned = false;
    this.reasons.end();
    this.element.classList.remove("pinned");
    if (this.isOpen) this.element.hidePopover();
  }

  /** Who it is may change while one looks; whoever is forgotten takes the card along. */
  update() {
    if (this.tracklet === null) return;
    const record = this.model.records.get(this.tracklet);
    const person = this.model.people.get(this.model.owners.get(this.tracklet));
    if (!record || !person) return void this.close();
    dress(this.element, person.identity);
    this.reasons.update(person, record);
  }

  /** Beside the person, on the side where there is room; what it says never leaves the screen. */
  place(rect) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const right = rect.right + GAP + width <= window.innerWidth;
    const x = right ? rect.right + GAP : rect.left - GAP - width;
    const y = Math.min(rect.top, window.innerHeight - height - GAP);
    const set = (name, value) => this.element.style.setProperty(name, NARROW.matches ? "" : `${Math.max(GAP, value)}px`);
    set("left", Math.min(x, window.innerWidth - width - GAP));
    set("top", y);
  }
}
