// What is drawn over the pictures: layers that can be switched, remembered by this browser.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { recall, remember } from "./remembered.js";
import { texts } from "./texts.js";

const USUAL = { boxes: true, names: true, trails: true, confidence: false, areas: false };

/** Dispatches "change" when a layer has been switched; `shown` says which are on. */
export class Layers extends EventTarget {
  constructor() {
    super();
    this.shown = { ...USUAL, ...recall("layers", {}) };
  }

  set(name, yes) {
    this.shown = { ...this.shown, [name]: yes };
    remember("layers", this.shown);
    this.dispatchEvent(new Event("change"));
  }
}

/** A button that opens the switches. */
export class LayerMenu {
  constructor(layers) {
    const switches = Object.keys(USUAL).map((name) => toggle(layers, name));
    this.menu = h("div", { id: "layer-menu", class: "menu", popover: "", role: "group", "aria-label": texts.live.layers }, ...switches);
    this.button = h("button", { type: "button", class: "button", popovertarget: "layer-menu", title: texts.live.layers },
      icon("layers"), h("span", { class: "label" }, texts.live.layers));
    this.menu.addEventListener("toggle", () => this.place());
    this.element = h("div", {}, this.button, this.menu);
  }

  /** Below its button: an element of the top layer knows nothing of what it belongs to. */
  place() {
    const { right, bottom } = this.button.getBoundingClientRect();
    this.menu.style.setProperty("top", `${bottom + 6}px`);
    this.menu.style.setProperty("left", `${Math.max(8, right - this.menu.offsetWidth)}px`);
  }
}

function toggle(layers, name) {
  const box = h("input", { type: "checkbox", onchange: () => layers.set(name, box.checked) });
  box.checked = layers.shown[name];
  return h("label", { class: "choice" }, box, texts.live.layer[name]);
}
