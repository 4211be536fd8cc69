// A sentence at the lower edge that says what was done, with the way back.

import { h } from "./dom.js";
import { texts } from "./texts.js";

const STAYS_MS = 10_000;

class Toast {
  constructor() {
    this.text = h("p", {});
    this.action = h("button", { type: "button", class: "button" });
    this.close = h("button", { type: "button", class: "button", onclick: () => this.hide() }, texts.close);
    this.element = h("div", { class: "toast", role: "status", hidden: "" }, this.text, this.action, this.close);
    this.element.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.element.addEventListener("focusin", () => clearTimeout(this.timer));
    document.body.append(this.element);
  }

  /** @param act { label, run } what can be done about it, or null */
  show(sentence, act, bad) {
    this.text.textContent = sentence;
    this.action.hidden = !act;
    this.action.textContent = act?.label ?? "";
    this.action.onclick = () => {
      this.hide();
      act.run();
    };
    this.element.classList.toggle("bad", bad);
    this.element.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hide(), STAYS_MS);
  }

  hide() {
    clearTimeout(this.timer);
    this.element.hidden = true;
  }
}

let toast = null;

/** Says what was done; `act` { label, run } offers what can be done about it. */
export function say(sentence, act = null) {
  toast ??= new Toast();
  toast.show(sentence, act, false);
}

/** Says what went wrong. */
export function complain(error) {
  toast ??= new Toast();
  toast.show(error.message, null, true);
}
