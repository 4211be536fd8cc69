// Somebody in the gallery: pictures, name, where and when.

import { dress } from "../colours.js";
import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { bestTracklet } from "../model.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { Thumbnail } from "../thumbnail.js";
import { clockSpan, daySpan } from "../times.js";

const WORDS = texts.identities;
const MOST_PICTURES = 3;

/** The pictures to know somebody by: the best of each of the cameras they were seen in last. */
export function picturesOf(person, most = MOST_PICTURES) {
  const latest = [...person.tracklets].sort((a, b) => b.end - a.end).map((t) => t.camera);
  return [...new Set(latest)].slice(0, most).map((camera) => bestTracklet(person, camera));
}

export class IdentityTile {
  /** @param gallery { isLive(person), isChosen(identity), choose(identity, yes) } */
  constructor(gallery, { identity }) {
    this.gallery = gallery;
    this.pictures = h("span", { class: "pictures" });
    this.name = h("strong", { class: "name" });
    this.live = h("span", { class: "now", hidden: "" }, WORDS.live);
    this.times = h("span", { class: "times" });
    this.where = h("span", { class: "where" });
    this.day = h("span", { class: "where" });
    const link = h("a", { href: hashOf("identities", identity), class: "portrait" }, this.pictures,
      h("span", { class: "facts" }, h("span", { class: "top" }, this.name, this.live), this.times, this.where, this.day));
    this.box = h("input", { type: "checkbox", class: "operators", onchange: () => gallery.choose(identity, this.box.checked) });
    this.element = h("li", { "data-identity": identity }, link, h("label", { class: "pick" }, this.box));
    this.thumbnails = new KeyedList(this.pictures, ({ camera }) => camera, () => new Thumbnail());
    dress(link, identity);
  }

  update(person) {
    const name = texts.called(person);
    setText(this.name, name);
    this.live.hidden = !this.gallery.isLive(person);
    setText(this.times, clockSpan(person.first_seen, person.last_seen));
    setText(this.day, daySpan(person.first_seen, person.last_seen));
    setText(this.where, WORDS.where(person.cameras, person.tracklets.length));
    setAttribute(this.where, "title", person.cameras.join(", "));
    setAttribute(this.box, "aria-label", WORDS.choose(name));
    this.box.checked = this.gallery.isChosen(person.identity);
    this.element.classList.toggle("chosen", this.box.checked);
    this.thumbnails.update(picturesOf(person));
  }
}

/** The picture to know somebody by if there is room for one only. */
export const bestOfAll = (person) => person.tracklets.reduce((a, b) => (b.end - b.begin > a.end - a.begin ? b : a));
