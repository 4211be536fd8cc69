// The people: everybody recognised, who is in view first.

import { dress } from "./colours.js";
import { KeyedList, h, setAttribute, setText } from "./dom.js";
import { bestTracklet, camerasOf, firstSeen, lastSeen, routeOf } from "./model.js";
import { hashOf } from "./router.js";
import { texts } from "./texts.js";
import { Thumbnail } from "./thumbnail.js";
import { dayOf, span, today, utcOffset } from "./times.js";

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

  update() {
    const focused = this.element.contains(document.activeElement) && document.activeElement.closest("[data-identity]");
    const people = [...this.model.people.values()];
    const newest = people.length ? Math.max(...people.map(lastSeen)) : Date.now() / 1000;
    const day = dayOf(newest);
    const present = people.filter((person) => this.model.inView(person));
    const others = people.filter((person) => !present.includes(person));
    this.inView.update(present.sort((a, b) => b.identity - a.identity), day);
    this.earlier.update(others.sort((a, b) => lastSeen(b) - lastSeen(a)), day);
    this.nobody.hidden = people.length > 0;
    if (focused && !this.element.contains(document.activeElement)) this.focus(focused.dataset.identity);
    setText(this.zone, texts.zone(day === today() ? null : day, utcOffset(newest)));
  }

  /** Whoever comes into view, or leaves it, changes the group: the focus goes along. */
  focus(identity) {
    this.element.querySelector(`[data-identity="${identity}"] a`)?.focus({ preventScroll: true });
  }

  /** Marks the card of whoever is pointed at, here or in a picture. */
  mark() {
    for (const card of this.element.querySelectorAll(".highlighted")) card.classList.remove("highlighted");
    this.element.querySelector(`[data-identity="${this.model.pointed}"] a`)?.classList.add("highlighted");
  }
}

class Group {
  constructor(model, title) {
    this.count = h("span", { class: "count" });
    const list = h("ul", { class: "cards" });
    this.element = h("section", {}, h("h3", {}, title, " ", this.count), list);
    this.cards = new KeyedList(list, ({ person }) => person.identity, ({ person }) => new Card(model, person));
  }

  /** @param day the day that needs no mention, since it stands above */
  update(people, day) {
    this.element.hidden = people.length === 0;
    setText(this.count, String(people.length));
    this.cards.update(people.map((person) => ({ person, day })));
  }
}

class Card {
  constructor(model, { identity }) {
    this.model = model;
    this.badge = h("span", { class: "badge" });
    this.route = h("span", { class: "route" });
    this.times = h("span", { class: "times" });
    this.strip = h("span", { class: "strip" });
    this.name = h("strong", { class: "name" });
    const facts = h("span", { class: "facts" }, h("span", { class: "top" }, this.name, this.badge), this.route, this.times);
    const link = h("a", { href: hashOf("identities", identity), class: "card" }, this.strip, facts);
    this.element = h("li", { "data-identity": identity }, link);
    this.thumbnails = new KeyedList(this.strip, ({ camera }) => camera, () => new Thumbnail());
    dress(link, identity);
    for (const type of ["pointerenter", "focus"]) link.addEventListener(type, () => model.point(identity));
    for (const type of ["pointerleave", "blur"]) link.addEventListener(type, () => model.point(null));
  }

  update({ person, day }) {
    const cameras = camerasOf(person);
    setText(this.name, texts.called(person));
    this.badge.hidden = cameras.length < 2;
    setText(this.badge, texts.handover(cameras.length));
    setAttribute(this.badge, "title", texts.handoverHelp(cameras.length));
    setText(this.times, span(firstSeen(person), lastSeen(person), day));
    this.element.classList.toggle("handed-over", cameras.length > 1);
    this.thumbnails.update(cameras.slice(-MOST_THUMBNAILS).map((camera) => bestTracklet(person, camera)));
    this.showRoute(routeOf(person), this.model.liveCameras(person));
  }

  /** "west → east → west", with a dot at the cameras the person is in view of. */
  showRoute(legs, live) {
    const state = JSON.stringify([legs, live]);
    if (this.route.dataset.state === state) return;
    this.route.dataset.state = state;
    const shown = legs.length > MOST_LEGS ? ["…", ...legs.slice(-MOST_LEGS)] : legs;
    const parts = shown.flatMap((camera, index) => {
      const now = live.includes(camera) && shown.lastIndexOf(camera) === index;
      const leg = h("span", now ? { class: "now", title: texts.inView } : {}, camera);
      return index ? [` ${texts.arrow} `, leg] : [leg];
    });
    const spoken = live.length ? [h("span", { class: "unseen" }, `, ${texts.liveIn(live)}`)] : [];
    this.route.replaceChildren(...parts, ...spoken);
  }
}
