// One person: the way through the site, and every tracklet it rests on.

import { dress } from "./colours.js";
import { KeyedList, h, setAttribute, setText } from "./dom.js";
import { camerasOf, firstSeen, lastSeen } from "./model.js";
import { hashOf } from "./router.js";
import { texts } from "./texts.js";
import { Thumbnail } from "./thumbnail.js";
import { clockTime, dayOf, duration, span, utcOffset } from "./times.js";

export class PersonPage {
  constructor(model) {
    this.model = model;
    this.identity = null;
    this.known = false;
    this.back = h("a", { href: hashOf("identities"), class: "back" }, texts.back);
    this.name = h("h2", { tabindex: "-1" });
    this.summary = h("p", { class: "summary" });
    this.journey = h("div", { class: "journey", "aria-hidden": "true" });
    this.rows = h("ul", { class: "tracklets" });
    this.lanes = new KeyedList(this.journey, ({ camera }) => camera, (lane) => new Lane(lane));
    this.list = new KeyedList(this.rows, (t) => t.tracklet, () => new Row(model));
    this.element = h("div", { class: "person", hidden: "" }, this.back, this.name, this.summary, this.journey, this.rows);
  }

  /** Shows a person, asking the server for somebody the page does not know yet; null: nobody. */
  async open(identity) {
    this.identity = identity;
    if (identity === null) return;
    dress(this.element, identity);
    this.known = false;
    setText(this.name, texts.person(identity));
    this.update();
    this.element.parentElement.scrollTo({ top: 0 });
    this.name.focus({ preventScroll: true });
    if (!this.known) await this.ask(identity);
  }

  /** Asks the server: somebody from before, or a number that has come to lead to another one. */
  async ask(identity) {
    const answer = await fetch(`/api/v1/identities/${identity}`);
    const person = answer.ok ? await answer.json() : null;
    if (person) this.model.update([person]);
    if (this.identity !== identity) return;
    if (!person) setText(this.summary, texts.gone(identity));
    else if (person.identity !== identity) location.replace(hashOf("identities", person.identity));
  }

  update() {
    const person = this.model.people.get(this.identity);
    const tracklets = person?.tracklets ?? [];
    this.journey.hidden = tracklets.length === 0;
    this.list.update(tracklets.map((tracklet) => ({ ...tracklet, person })));
    this.lanes.update(person ? lanes(person) : []);
    if (person) {
      setText(this.name, texts.called(person));
      setText(this.summary, summary(person));
    } else if (this.known) this.ask(this.identity); // merged with another, or forgotten
    this.known = Boolean(person);
  }
}

function summary(person) {
  const [begin, end] = [firstSeen(person), lastSeen(person)];
  return `${texts.tracklets(person.tracklets.length)} · ${span(begin, end)} ${utcOffset(end)}`;
}

/** A lane for each camera, with the person's tracklets as bars on one axis of time. */
function lanes(person) {
  const begin = firstSeen(person);
  const length = Math.max(1, lastSeen(person) - begin);
  return camerasOf(person).map((camera) => ({
    camera,
    bars: person.tracklets
      .filter((t) => t.camera === camera)
      .map((t) => ({ from: (t.begin - begin) / length, share: (t.end - t.begin) / length })),
  }));
}

class Lane {
  constructor({ camera }) {
    this.track = h("span", { class: "track" });
    this.element = h("div", { class: "lane" }, h("span", { class: "camera" }, camera), this.track);
  }

  update({ bars }) {
    while (this.track.children.length > bars.length) this.track.lastChild.remove();
    while (this.track.children.length < bars.length) this.track.append(h("span", { class: "span" }));
    bars.forEach(({ from, share }, index) => {
      this.track.children[index].style.setProperty("--from", `${(from * 100).toFixed(2)}%`);
      this.track.children[index].style.setProperty("--share", `${(share * 100).toFixed(2)}%`);
    });
  }
}

class Row {
  constructor(model) {
    this.model = model;
    this.thumbnail = new Thumbnail();
    this.camera = h("strong");
    this.times = h("span", { class: "times" });
    this.length = h("span");
    this.certain = h("span", { class: "certain", title: texts.certainHelp });
    const facts = h("span", { class: "facts" }, this.camera, this.times, this.length, this.certain);
    this.element = h("li", {}, this.thumbnail.element, facts);
  }

  update(tracklet) {
    const { person, camera, begin, end, confidence } = tracklet;
    const live = this.model.isLive(person, tracklet.tracklet);
    this.thumbnail.update(tracklet);
    setText(this.camera, camera);
    setText(this.times, `${clockTime(begin)} – ${clockTime(end)}`);
    setAttribute(this.times, "title", `${dayOf(begin)}, ${utcOffset(begin)}`);
    setText(this.length, live ? `${duration(end - begin)}, ${texts.still}` : duration(end - begin));
    setText(this.certain, texts.certain(confidence));
    this.element.classList.toggle("is-live", live);
  }
}
