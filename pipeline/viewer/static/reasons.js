// Why a tracklet belongs to its person, in pictures, words and numbers.

import { Attention } from "./attention.js";
import { h, setText } from "./dom.js";
import { hashOf } from "./router.js";
import { texts } from "./texts.js";
import { Thumbnail } from "./thumbnail.js";
import { clockTime } from "./times.js";

export class Reasons {
  /**
   * @param model what the page knows of people
   * @param api what the server is asked with
   * @param attention true to show what the network looked at
   */
  constructor(model, api, attention) {
    Object.assign(this, { model, api, tracklet: null, earlier: null });
    this.name = h("a", { class: "name" });
    this.standing = h("span", { class: "badge" });
    this.verdict = h("p", { class: "certainty" });
    this.now = new Picture();
    this.before = new Picture();
    this.pair = h("div", { class: "pair" }, this.before.element, h("span", { class: "arrow", "aria-hidden": "true" }, texts.arrow), this.now.element);
    this.facts = h("dl", { class: "evidence" });
    this.attention = attention ? new Attention(api) : null;
    this.element = h("div", {}, h("header", {}, this.name, this.standing), this.verdict, this.pair, this.facts, this.attention?.element ?? "");
  }

  update(person, record) {
    if (record.tracklet !== this.tracklet) this.begin(record);
    const { evidence = null } = record;
    const earlier = this.known(evidence?.closest) ?? before(person, record);
    setText(this.name, texts.called(person));
    this.name.href = hashOf("identities", person.identity);
    setText(this.standing, texts.why.standing(record));
    this.standing.classList.toggle("provisional", !record.confirmed && !record.pinned);
    setText(this.verdict, texts.why.verdict(record, !earlier && person.tracklets.length === 1));
    this.now.update(record);
    this.before.update(earlier);
    this.pair.classList.toggle("alone", !earlier);
    this.say(evidence ? texts.why.facts(record, evidence, { from: this.known(evidence.came_from) }) : []);
  }

  begin(record) {
    this.tracklet = record.tracklet;
    this.asked = new Map(); // tracklet → its record, or null: asked for, not there (yet)
    this.attention?.open(record.tracklet);
  }

  /** The card has been closed. */
  end() {
    this.tracklet = null;
    this.attention?.open(null);
  }

  /** A tracklet's record; one the page does not know is asked for, and shown when it is there. */
  known(tracklet) {
    if (!tracklet) return null;
    const record = this.model.records.get(tracklet) ?? this.asked.get(tracklet);
    if (record === undefined) this.ask(tracklet, this.asked);
    return record ?? null;
  }

  async ask(tracklet, asked) {
    asked.set(tracklet, null);
    const answer = await this.api.get(`/tracklets/${encodeURIComponent(tracklet)}`).catch(() => null);
    asked.set(tracklet, answer?.tracklet ?? null);
    if (answer && asked === this.asked) this.model.dispatchEvent(new Event("people"));
  }

  say(facts) {
    const text = JSON.stringify(facts);
    if (this.facts.dataset.text === text) return;
    this.facts.dataset.text = text;
    this.facts.replaceChildren(...facts.flatMap(([what, found]) => [h("dt", {}, what), h("dd", {}, found)]));
  }
}

/** Where the person was seen before, for want of a tracklet that looks like this one. */
function before({ tracklets }, { begin }) {
  return tracklets.filter((t) => t.begin < begin).at(-1) ?? null;
}

class Picture {
  constructor() {
    this.thumbnail = new Thumbnail();
    this.camera = h("strong");
    this.time = h("span", { class: "times" });
    this.element = h("figure", {}, this.thumbnail.element, h("figcaption", {}, this.camera, this.time));
  }

  update(record) {
    this.element.hidden = !record;
    if (!record) return;
    this.thumbnail.update(record);
    setText(this.camera, record.camera);
    setText(this.time, clockTime(record.begin));
  }
}
