// The sightings somebody has ticked, to say that they are another person's.

import { corrections } from "../corrections.js";
import { h, setText } from "../dom.js";
import { texts } from "../texts.js";

const WORDS = texts.identities;

export class ChosenTracklets {
  /** @param changed called when others are chosen */
  constructor(changed) {
    Object.assign(this, { changed, tracklets: new Set(), person: null });
    this.count = h("p", {});
    this.split = h("button", { type: "button", class: "button primary", onclick: () => this.splitOff() }, WORDS.split);
    const none = h("button", { type: "button", class: "button", onclick: () => this.clear() }, WORDS.chooseNone);
    this.element = h("div", { class: "actions", role: "region", "aria-label": WORDS.actions, hidden: "" }, this.count, this.split, none);
  }

  has(tracklet) {
    return this.tracklets.has(tracklet);
  }

  choose(tracklet, yes) {
    if (yes) this.tracklets.add(tracklet);
    else this.tracklets.delete(tracklet);
    this.changed();
  }

  clear() {
    this.tracklets.clear();
    this.element.hidden = true;
    this.changed();
  }

  update(person) {
    this.person = person;
    const there = new Set(person.tracklets.map(({ tracklet }) => tracklet));
    for (const tracklet of this.tracklets) if (!there.has(tracklet)) this.tracklets.delete(tracklet);
    const all = this.tracklets.size === there.size;
    this.element.hidden = !this.tracklets.size;
    this.split.disabled = all;
    setText(this.count, all ? WORDS.oneMustStay : WORDS.chosenOf(this.tracklets.size, there.size));
  }

  async splitOff() {
    if (await corrections.split(this.person.identity, [...this.tracklets])) this.clear();
  }
}
