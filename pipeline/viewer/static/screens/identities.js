// Everybody who was seen, and each of them with all that is known.

import { h } from "../dom.js";
import { Gallery } from "../identities/gallery.js";
import { IdentityPage } from "../identities/identity_page.js";
import { Refresher } from "../refresher.js";

export class IdentitiesScreen {
  constructor(app) {
    this.gallery = new Gallery(app);
    this.page = new IdentityPage(app);
    this.element = h("section", { class: "identities sheet" }, this.gallery.element, this.page.element);
    this.refresher = new Refresher(app.model, ["people", "cameras"], () => this.update());
    this.shown = false;
    this.scrolled = 0;
    app.connection.addEventListener("message", ({ detail }) => this.hear(detail));
  }

  show([number], query) {
    const before = this.page.identity;
    const identity = /^\d+$/.test(number ?? "") ? Number(number) : null;
    if (this.shown && before === null) this.scrolled = this.scroll;
    this.shown = true;
    this.gallery.element.hidden = identity !== null;
    this.page.element.hidden = identity === null;
    this.page.open(identity);
    if (identity === null) this.return(before, query);
    else this.scroll = 0;
    this.refresher.on();
  }

  /** Back to everybody: at the place where they were left. */
  async return(before, query) {
    const shown = this.gallery.show(query);
    this.scroll = this.scrolled;
    this.gallery.update();
    await shown;
    if (this.shown && this.page.identity === null) this.element.querySelector(`[data-identity="${before}"] a`)?.focus({ preventScroll: true });
  }

  hide() {
    if (this.page.identity === null) this.scrolled = this.scroll;
    this.shown = false;
    this.refresher.off();
    this.page.open(null);
  }

  /** How far down one is; on narrow screens the whole page scrolls. */
  get scroll() {
    return this.element.scrollTop || document.scrollingElement.scrollTop;
  }

  set scroll(top) {
    this.element.scrollTop = top;
    document.scrollingElement.scrollTop = top;
  }

  hear(message) {
    this.gallery.hear(message);
    if (this.shown && this.page.identity !== null) this.page.hear(message);
  }

  update() {
    if (this.page.identity === null) this.gallery.update();
    else this.page.update();
  }
}
