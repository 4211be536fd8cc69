// What the cameras see, with everybody in it named, and the people beside it.

import { h } from "../dom.js";
import { CameraGrid } from "../grid.js";
import { PeopleList } from "../people.js";
import { Refresher } from "../refresher.js";
import { texts } from "../texts.js";

export class LiveScreen {
  constructor({ model, clock, connection }) {
    const cameras = h("section", { class: "cameras" });
    this.list = new PeopleList(model);
    this.people = h("aside", { class: "people", "aria-label": texts.people }, this.list.element);
    this.element = h("div", { class: "live" }, cameras, this.people);
    this.grid = new CameraGrid(cameras, model, clock, connection);
    this.refresher = new Refresher(model, ["people", "cameras"], () => this.list.update());
  }

  show() {
    this.refresher.on();
  }

  hide() {
    this.refresher.off();
  }
}
