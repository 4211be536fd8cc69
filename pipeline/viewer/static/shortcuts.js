// Keys that work on every screen, and the help that names them.

import { h } from "./dom.js";
import { recall, remember } from "./remembered.js";
import { hashOf, parseHash } from "./router.js";
import { texts } from "./texts.js";

const SECOND_KEY_MS = 1500; // after "g"

export class Shortcuts {
  /**
   * @param routes [{ name, key, Screen }]: "g" and the key, or its number in the row, lead there
   * @param go moves to a hash
   */
  constructor(routes, go) {
    Object.assign(this, { routes, go, going: 0, enabled: recall("keys", true) });
    this.dialog = this.build();
    document.body.append(this.dialog);
    window.addEventListener("keydown", (event) => this.press(event));
  }

  build() {
    const rows = this.routes.map(({ name, key }, index) => [texts.goTo(texts.screens[name]), [`g ${key}`, String(index + 1)]]);
    rows.push([texts.showHelp, ["?"]], [texts.leave, ["Esc"]], ...this.routes.flatMap(({ Screen }) => Screen.keys ?? []));
    const list = h("dl", { class: "keys" }, ...rows.flatMap(entry));
    const box = h("input", { type: "checkbox", onchange: () => this.enable(box.checked) });
    box.checked = this.enabled;
    const close = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, texts.close);
    const head = h("header", {}, h("h2", { id: "keys-title" }, texts.keysTitle), close);
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "keys-title" },
      head, list, h("label", { class: "choice" }, box, texts.keysOn));
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // beside it
    return dialog;
  }

  enable(yes) {
    this.enabled = yes;
    remember("keys", yes);
  }

  help() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isBusy(event.target)) return;
    if (event.key === "Escape") this.leave();
    else if (this.enabled && this.act(event.key)) event.preventDefault();
  }

  act(key) {
    const going = performance.now() < this.going;
    this.going = key === "g" ? performance.now() + SECOND_KEY_MS : 0;
    if (key === "?") this.help();
    const route = going ? this.routes.find((r) => r.key === key) : this.routes[Number(key) - 1];
    if (route) this.go(hashOf(route.name));
    return Boolean(route) || key === "?";
  }

  /** One step up: from one person to all, from one camera to all. */
  leave() {
    const { name, parts } = parseHash(location.hash);
    if (parts.length) this.go(hashOf(name, ...parts.slice(0, -1)));
  }
}

/** True while somebody types, or something is open that has keys of its own. */
function isBusy(target) {
  const typing = target instanceof Element && target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  return Boolean(typing) || document.querySelector("dialog[open]") !== null;
}

function entry([what, keys]) {
  const shown = keys.flatMap((key, index) => [
    ...(index ? [` ${texts.or} `] : []),
    ...key.split(" ").map((part) => h("kbd", {}, part)),
  ]);
  return [h("dt", {}, ...shown), h("dd", {}, what)];
}
