// The people: everybody recognised, who is in view first.

import { dress } from "./colours.js";
import { KeyedList, h, setAttribute, setText } from "./dom.js";
import { bestTracklet, camerasOf, lastSeen, firstSeen, routeOf } from "./model.js";
import { texts } from "./texts.js";
import { Thumbnail } from "./thumbnail.js";
import { span, utcOffset } from "./times.js";

const MOST_THUMBNAILS = 4;
const MOST_LEGS = 5; // of a person's way through the site; earlier ones are left out

export class PeopleList {
  constructor(model) {
    this.model = model;
    this.zone = h("p", { class: "zone" });
    this.inView = new Group(model, texts.inView);
    this.earlier = new Group(model, texts.earlier);
    this.nobody = h("div", { class: "nobody" }, h("strong", {}, texts.nobody), h("p", {}, texts.nobodyWhy));
    const heading = h("header", {}, h("h2", {}, texts.people), this.zone);
    this.element = h("div", { class: "list" }, heading, this.inView.element, this.earlier.element, this.nobody);
    model.addEventListener("highlight", () => this.mark());
  }

  /** Marks the card of whoever is pointed at, here or in a picture. */
  mark() {
    for (const card of this.element.querySelectorAll(".highlighted")) card.classList.remove("highlighted");
    this.element.querySelector(`[data-identity="${this.model.pointed}"] a`)?.classList.add("highlighted");
  }

  update() {
    const people = [...this.model.people.values()];
    const present = people.filter((person) => this.model.inView(person));
    const others = people.filter((person) => !present.includes(person));
    this.inView.update(present.sort((a, b) => b.identity - a.identity));
    this.earlier.update(others.sort((a, b) => lastSeen(b) - lastSeen(a)));
    this.nobody.hidden = people.length > 0;
    const newest = people.length ? Math.max(...people.map(lastSeen)) : Date.now() / 1000;
    setText(this.zone, texts.offset(utcOffset(newest)));
  }
}

class Group {
  constructor(model, title) {
    this.count = h("span", { class: "count" });
    const list = h("ul", { class: "cards" });
    this.element = h("section", {}, h("h3", {}, title, " ", this.count), list);
    this.cards = new KeyedList(list, (person) => person.identity, (person) => new Card(model, person));
  }

  update(people) {
    this.element.hidden = people.length === 0;
    setText(this.count, String(people.length));
    this.cards.update(people);
  }
}

class Card {
  constructor(model, { identity }) {
    Object.assign(this, { model, identity });
    this.name = h("strong", { class: "name" }, texts.person(identity));
    this.live = h("span", { class: "live" });
    this.badge = h("span", { class: "badge" });
    this.route = h("span", { class: "route" });
    this.times = h("span", { class: "times" });
    this.strip = h("span", { class: "strip" });
    const top = h("span", { class: "top" }, this.name, this.badge);
    const facts = h("span", { class: "facts" }, top, this.route, this.times, this.live);
    this.link = h("a", { href: `#person-${identity}`, class: "card" }, this.strip, facts);
    this.element = h("li", { "data-identity": identity }, this.link);
    this.thumbnails = new KeyedList(this.strip, ({ camera }) => camera, () => new Thumbnail());
    dress(this.link, identity);
    for (const name of ["pointerenter", "focus"]) this.link.addEventListener(name, () => model.point(identity));
    for (const name of ["pointerleave", "blur"]) this.link.addEventListener(name, () => model.point(null));
  }

  update(person) {
    const cameras = camerasOf(person);
    const live = this.model.liveCameras(person);
    setText(this.live, live.length ? texts.liveIn(live) : "");
    this.badge.hidden = cameras.length < 2;
    setText(this.badge, texts.handover(cameras.length));
    setAttribute(this.badge, "title", texts.handoverHelp(cameras.length));
    setText(this.route, way(person));
    setText(this.times, span(firstSeen(person), lastSeen(person)));
    this.link.classList.toggle("handed-over", cameras.length > 1);
    this.thumbnails.update(cameras.slice(-MOST_THUMBNAILS).map((camera) => bestTracklet(person, camera)));
  }
}

/** "west → east → west" */
function way(person) {
  const legs = routeOf(person);
  const shown = legs.length > MOST_LEGS ? ["…", ...legs.slice(-MOST_LEGS)] : legs;
  return shown.join(` ${texts.arrow} `);
}
