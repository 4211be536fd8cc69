// Everybody who was seen, and each of them with all that is known.

import { h } from "../dom.js";
import { PeopleList } from "../people.js";
import { PersonPage } from "../person.js";
import { Refresher } from "../refresher.js";

export class IdentitiesScreen {
  constructor({ model }) {
    this.list = new PeopleList(model);
    this.page = new PersonPage(model);
    this.element = h("section", { class: "identities sheet" }, this.list.element, this.page.element);
    this.refresher = new Refresher(model, ["people", "cameras"], () => this.update());
  }

  show([number]) {
    const before = this.page.identity;
    const identity = /^\d+$/.test(number ?? "") ? Number(number) : null;
    this.list.element.hidden = identity !== null;
    this.page.element.hidden = identity === null;
    this.page.open(identity);
    this.refresher.on();
    if (identity === null) this.element.querySelector(`[data-identity="${before}"] a`)?.focus();
  }

  hide() {
    this.refresher.off();
    this.page.open(null);
  }

  update() {
    if (this.page.identity === null) this.list.update();
    else this.page.update();
  }
}
