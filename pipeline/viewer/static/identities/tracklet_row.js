// One sighting of a person, and why it is taken for theirs.

import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { Thumbnail } from "../thumbnail.js";
import { clockTime, dayOf, duration, utcOffset } from "../times.js";
import { AttentionPanel } from "./attention.js";

const WORDS = texts.identities;

export class TrackletRow {
  /** @param page { chosen: ChosenTracklets, watch: see IdentityPage } */
  constructor({ chosen, watch }, tracklet) {
    Object.assign(this, { chosen, watch });
    this.thumbnail = new Thumbnail();
    this.camera = h("strong");
    this.times = h("span", { class: "times" });
    this.standing = h("span", { class: "badge" });
    this.verdict = h("p", { class: "verdict-line", title: texts.certainHelp });
    this.reasons = h("dl", { class: "reasons" });
    this.lines = new KeyedList(this.reasons, ({ what }) => what, () => new Reason());
    this.box = h("input", { type: "checkbox", class: "operators", onchange: () => chosen.choose(tracklet, this.box.checked) });
    this.attention = new AttentionPanel(tracklet);
    this.element = this.build(tracklet);
  }

  build(tracklet) {
    const search = h("a", { class: "small", href: `${hashOf("search")}?tracklet=${encodeURIComponent(tracklet)}` }, WORDS.searchThis);
    this.link = this.watch && h("a", { class: "small" }, WORDS.watch);
    const links = this.watch ? [this.link] : [search, this.attention.button];
    const facts = h("div", { class: "facts" },
      h("div", { class: "top" }, h("span", {}, this.camera, " ", this.times, " ", this.standing), h("label", { class: "pick" }, this.box)),
      this.verdict, this.reasons, h("div", { class: "links" }, ...links), this.attention.element);
    return h("li", { tabindex: "-1", "data-tracklet": tracklet }, this.thumbnail.element, facts);
  }

  update(record) {
    const { tracklet, person, camera, begin, end, live } = record;
    this.thumbnail.update(record);
    if (this.link) this.link.href = this.watch(record);
    setText(this.camera, camera);
    const length = live ? `${duration(end - begin)}, ${texts.still}` : duration(end - begin);
    setText(this.times, `${clockTime(begin)} – ${clockTime(end)} (${length})`);
    setAttribute(this.times, "title", `${dayOf(begin)}, ${utcOffset(begin)}`);
    setText(this.standing, texts.why.standing(record));
    this.standing.classList.toggle("provisional", !record.confirmed && !record.pinned);
    setText(this.verdict, texts.why.verdict(record, isFirst(record)));
    setAttribute(this.box, "aria-label", WORDS.chooseSighting(camera, clockTime(begin)));
    this.box.checked = this.chosen.has(tracklet);
    this.element.classList.toggle("chosen", this.box.checked);
    this.element.classList.toggle("is-live", live);
    this.lines.update(reasonsOf(record, person));
  }
}

/** True if nobody who fits was known when it began. */
const isFirst = ({ evidence, person, tracklet }) => !evidence?.closest && person.tracklets[0].tracklet === tracklet;

/** What speaks for it: [{ what, says, picture }]; nothing if a person said it. */
function reasonsOf({ evidence, pinned, ...record }, person) {
  if (pinned || !evidence) return [];
  const known = (tracklet) => person.tracklets.find((t) => t.tracklet === tracklet) ?? null;
  const facts = texts.why.facts(record, evidence, { from: known(evidence.came_from) });
  const closest = known(evidence.closest);
  return facts.map(([what, says], index) => ({ what, says, picture: index === 0 ? closest : null }));
}

class Reason {
  constructor() {
    this.what = h("dt");
    this.says = h("span");
    this.like = h("span", { class: "like", hidden: "" });
    this.element = h("div", {}, this.what, h("dd", {}, this.like, this.says));
  }

  update({ what, says, picture }) {
    setText(this.what, what);
    setText(this.says, says);
    this.like.hidden = !picture;
    if (picture) this.show(picture);
  }

  /** The sighting that it looks most like. */
  show(record) {
    this.thumbnail ??= new Thumbnail();
    this.when ??= h("span", { class: "quiet" });
    if (!this.like.children.length) this.like.append(this.thumbnail.element, this.when);
    this.thumbnail.update(record);
    setText(this.when, WORDS.like(record.camera, clockTime(record.begin)));
  }
}
