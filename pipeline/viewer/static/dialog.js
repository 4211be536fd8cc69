// Dialogs: one question, its answers, and nothing behind it until it is answered.

import { h } from "./dom.js";
import { texts } from "./texts.js";

let count = 0;

/** A dialog with a title; `body` is what stands below it. Shown until it is closed, then gone. */
export class Dialog {
  constructor(title, ...body) {
    const id = `dialog-${(count += 1)}`;
    const close = h("button", { type: "button", class: "button", onclick: () => this.close() }, texts.close);
    this.element = h("dialog", { class: "dialog", "aria-labelledby": id },
      h("header", {}, h("h2", { id }, title), close), ...body);
    this.element.addEventListener("click", ({ target }) => target === this.element && this.close()); // beside it
  }

  /** Resolves with what `close` was given, undefined if it was left. */
  open() {
    document.body.append(this.element);
    this.element.showModal();
    return new Promise((resolve) => {
      this.element.addEventListener("close", () => {
        this.element.remove();
        resolve(this.answer);
      }, { once: true });
    });
  }

  close(answer) {
    this.answer = answer;
    this.element.close();
  }
}

/**
 * Asks before something is done; resolves with true if it shall be.
 * @param options { title, sentences, yes, grave: it cannot be taken back }
 */
export async function confirm({ title, sentences, yes, grave = false }) {
  const no = h("button", { type: "button", class: "button", autofocus: "" }, texts.cancel);
  const go = h("button", { type: "button", class: grave ? "button grave" : "button primary" }, yes);
  const dialog = new Dialog(title, ...sentences.map((text) => h("p", {}, text)), h("footer", {}, no, go));
  no.addEventListener("click", () => dialog.close(false));
  go.addEventListener("click", () => dialog.close(true));
  return (await dialog.open()) === true;
}
