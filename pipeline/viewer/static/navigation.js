// The way from screen to screen: a row in the bar, or below the page on phones.

import { h, setAttribute } from "./dom.js";
import { icon } from "./icons.js";
import { hashOf } from "./router.js";
import { texts } from "./texts.js";

export class Navigation {
  /**
   * @param element the <nav> to fill
   * @param routes [{ name, behind }]: the screens in their order; those behind another have no link
   */
  constructor(element, routes) {
    element.setAttribute("aria-label", texts.navigation);
    this.behind = new Map(routes.map(({ name, behind }) => [name, behind ?? name]));
    this.links = new Map(routes.filter(({ behind }) => !behind).map(({ name }) => [name, link(name)]));
    element.append(...this.links.values());
  }

  mark(current) {
    for (const [name, element] of this.links) {
      if (name === this.behind.get(current)) setAttribute(element, "aria-current", "page");
      else element.removeAttribute("aria-current");
    }
  }
}

function link(name) {
  const label = h("span", { class: "label" }, texts.screens[name]);
  return h("a", { href: hashOf(name), "data-screen": name }, icon(name), label);
}
