// One person: where they were and when, why each sighting is theirs, and what can be corrected.

import { get } from "../api.js";
import { dress } from "../colours.js";
import { KeyedList, h, setText } from "../dom.js";
import { firstSeen, lastSeen } from "../model.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { span, utcOffset } from "../times.js";
import { ChosenTracklets } from "./chosen_tracklets.js";
import { History } from "./history.js";
import { PathMap } from "./path_map.js";
import { PathPlan } from "./path_plan.js";
import { PersonHeader } from "./person_header.js";
import { Timeline } from "./timeline.js";
import { TrackletRow } from "./tracklet_row.js";
import { Transits } from "./transits.js";

const WORDS = texts.identities;

export class IdentityPage {
  /** @param app with `watch(record)`, the address of a tracklet in the recording: nothing is to be corrected */
  constructor({ model, go, watch = null }) {
    Object.assign(this, { model, go, watch, identity: null, known: false });
    this.header = new PersonHeader(go);
    this.timeline = new Timeline((tracklet) => this.reveal(tracklet));
    this.path = new PathMap();
    this.plan = new PathPlan();
    this.transits = new Transits();
    this.history = watch ? null : new History();
    this.chosen = new ChosenTracklets(() => this.update());
    this.rows = h("ul", { class: "tracklets", "aria-label": WORDS.sightings });
    this.list = new KeyedList(this.rows, (t) => t.tracklet, (t) => new TrackletRow(this, t.tracklet));
    this.build();
  }

  build() {
    this.sightings = h("section", { class: "sightings" }, h("h3", {}, WORDS.sightings), this.rows);
    const beside = h("div", { class: "beside" }, this.plan.element, this.path.element, this.transits.element, ...(this.history ? [this.history.element] : []));
    this.details = h("div", { class: "details" }, this.timeline.element, h("div", { class: "columns" }, this.sightings, beside));
    this.element = h("div", { class: "person", hidden: "" }, this.header.element, this.details, this.chosen.element);
  }

  /** Shows a person, asking the server for somebody the page does not know yet; null: nobody. */
  open(identity) {
    this.identity = identity;
    this.chosen.clear();
    if (identity === null) return;
    dress(this.element, identity);
    this.header.open(identity);
    this.timeline.reset();
    this.known = false;
    this.history?.open(identity);
    if (!this.watch) this.plan.load(() => this.update()); // a recording knows of no floor
    this.update();
    this.header.focus();
    this.ask(identity); // also somebody known: the page may know only a part of it
  }

  /** Asks the server: somebody from before, or a number that has come to lead to another one. */
  async ask(identity) {
    const answer = await get(`/identities/${identity}`).catch((error) => error);
    if (this.identity !== identity) return;
    if (answer instanceof Error) return this.fail(answer);
    this.model.learn(answer);
    if (answer.identity !== identity) location.replace(hashOf("identities", answer.identity));
  }

  fail(error) {
    const gone = error.status === 404;
    if (gone && this.known) this.model.forget(this.identity);
    this.header.fail(gone ? texts.gone(this.identity) : error.message);
    this.details.hidden = true;
    this.known = false;
  }

  /** Somebody has corrected something, here or elsewhere: the list of it has grown. */
  hear(message) {
    if (message.type === "snapshot") this.ask(this.identity);
    if (message.type !== "news") return;
    if (message.decisions.some(({ by }) => by === "person")) this.history?.refresh();
  }

  update() {
    if (this.identity === null) return;
    const person = this.model.people.get(this.identity);
    if (person) this.show(person);
    else if (this.known) this.ask(this.identity); // merged with another, or forgotten
    this.known = Boolean(person);
  }

  show(person) {
    const tracklets = [...person.tracklets].sort((a, b) => a.begin - b.begin);
    const live = new Set(tracklets.filter((t) => this.model.isLive(person, t.tracklet)).map((t) => t.tracklet));
    this.details.hidden = false;
    this.header.update(person, summary(person), live.size > 0);
    this.chosen.update(person);
    this.list.update(tracklets.map((record) => ({ ...record, person, live: live.has(record.tracklet) })).reverse());
    this.timeline.update(tracklets, live);
    const walked = this.plan.update(tracklets);
    this.path.update(walked ? [] : tracklets, this.model.cameras.map(({ name }) => name));
    this.transits.update(tracklets);
  }

  /** Brings a tracklet's row into sight and says which it is. */
  reveal(tracklet) {
    const row = this.list.entries.get(tracklet)?.element;
    row?.scrollIntoView({ block: "center", behavior: "smooth" });
    row?.focus({ preventScroll: true });
  }
}

function summary(person) {
  const [begin, end] = [firstSeen(person), lastSeen(person)];
  return `${texts.tracklets(person.tracklets.length)} · ${span(begin, end)} ${utcOffset(end)}`;
}
