// Everybody who was seen, latest first; found by time, camera and name; merged if they are one.

import { h, setText } from "../dom.js";
import { Feed } from "../feed.js";
import { Filters } from "../filters.js";
import { hashOf, parseHash } from "../router.js";
import { texts } from "../texts.js";
import { mergeDialog } from "./merge.js";
import { Roll } from "./roll.js";
import { IdentityTile } from "./tile.js";
import { WindowGrid } from "./window_grid.js";

const WORDS = texts.identities;
const PAGE = 60; // first: as many as a screen shows
const MORE = 500;
const LIVE_SECONDS = 5; // the server's own measure of who is in view
const SIZE = { width: 160, height: 254, gap: 12 };

export class Gallery {
  constructor({ model, clock, recorded = false }) {
    Object.assign(this, { model, clock, roll: new Roll(), chosen: new Map(), feed: null, loading: null, trouble: "" });
    this.filters = new Filters(recorded ? ["time", "camera"] : ["name", "time", "camera", "live"]);
    this.filters.addEventListener("change", () => this.refine());
    this.build();
  }

  build() {
    this.title = h("h2", { tabindex: "-1" }, texts.screens.identities);
    this.newer = h("button", { type: "button", class: "button newer", hidden: "", onclick: () => this.showNewest() });
    this.note = h("p", { class: "empty", role: "status", hidden: "" });
    this.retry = h("button", { type: "button", class: "button", hidden: "", onclick: () => this.more() }, texts.tryAgain);
    const list = h("ul", { class: "portraits", "aria-label": texts.people });
    this.grid = new WindowGrid(list, (person) => person.identity, (person) => new IdentityTile(this, person), SIZE, () => this.more());
    this.element = h("div", { class: "gallery" }, this.title, this.filters.element,
      h("div", { class: "arrivals" }, this.newer), list, this.note, this.retry, this.buildActions());
  }

  buildActions() {
    this.count = h("p", {});
    this.merge = h("button", { type: "button", class: "button primary", onclick: () => this.mergeChosen() }, WORDS.merge);
    const none = h("button", { type: "button", class: "button", onclick: () => this.chooseNone() }, WORDS.chooseNone);
    this.actions = h("div", { class: "actions", role: "region", "aria-label": WORDS.actions, hidden: "" }, this.count, this.merge, none);
    return this.actions;
  }

  // ── what is listed ─────────────────────────────────────────────────────────────────────────

  /**
   * Shows those whom the address names; without any, whoever was shown before.
   * @returns resolves when they are there: the answer to what was last asked, should more be asked meanwhile
   */
  async show(query) {
    if (query.size) this.filters.fromSearch(query);
    const search = this.filters.toSearch();
    this.keepInAddress(search);
    if (!this.feed || search !== this.search) this.load(search);
    else this.update();
    for (let seen = null; seen !== this.loading; await seen) seen = this.loading;
  }

  refine() {
    const search = this.filters.toSearch();
    this.keepInAddress(search);
    this.load(search);
  }

  /** The filters stand in the address, so that it can be kept; an address without any has none. */
  keepInAddress(search) {
    const { query } = parseHash(location.hash);
    if (search !== query.toString()) history.replaceState(null, "", hashOf("identities") + (search ? `?${search}` : ""));
  }

  /** Asks for everything anew; what is shown stays until the answer is there. */
  load(search = this.search) {
    this.search = search;
    this.query = this.filters.query(this.clock.now());
    this.feed = new Feed("/identities", this.query, PAGE, MORE);
    this.fresh = true;
    this.loadedAt = this.clock.now();
    this.loading = this.more();
  }

  async more() {
    const { feed } = this;
    if (!feed || feed.ended || this.asking === feed) return;
    this.asking = feed;
    this.trouble = "";
    try {
      this.take(feed, await feed.next());
    } catch (error) {
      if (feed === this.feed) this.fail(error);
      return;
    } finally {
      if (this.asking === feed) this.asking = null;
    }
    this.update();
  }

  take(feed, people) {
    if (feed !== this.feed) return; // something else is asked for by now
    if (this.fresh) this.roll.clear();
    this.fresh = false;
    this.roll.add(people);
  }

  fail(error) {
    this.trouble = error.message;
    if (this.fresh) this.roll.clear();
    this.update();
  }

  // ── what happens meanwhile ─────────────────────────────────────────────────────────────────

  hear(message) {
    if (!this.feed) return;
    if (message.type === "snapshot") this.load();
    if (message.type === "news") this.roll.hear(message, (person) => this.wants(person));
  }

  /** True if the filters let somebody through, as the server would say. */
  wants(person) {
    const { name, camera, live, from, to } = this.query;
    const seen = person.tracklets.some(
      (t) => (!camera || t.camera === camera) && (from == null || t.end >= from) && (to == null || t.begin <= to));
    const named = !name || (person.name ?? "").toLowerCase().includes(name.toLowerCase());
    return seen && named && (!live || this.isLive(person));
  }

  isLive(person) {
    const known = this.model.people.get(person.identity);
    return Boolean(known) && this.model.inView(known);
  }

  /** Lets arrivals in while nobody reads further down or chooses; else they wait behind a button. */
  update() {
    this.filters.setCameras(this.model.cameras.map(({ name }) => name));
    if (this.query?.live) this.dropAbsent();
    if (this.atTop && !this.chosen.size && !this.element.contains(document.activeElement?.closest(".portraits"))) this.roll.admit();
    this.grid.update(this.roll.shown);
    this.newer.hidden = !this.roll.waiting.size;
    setText(this.newer, WORDS.newer(this.roll.waiting.size));
    this.showNote();
    this.showActions();
  }

  get atTop() {
    return this.filters.element.getBoundingClientRect().bottom > 0;
  }

  dropAbsent() {
    for (const person of this.roll.shown) {
      if (!this.isLive(person) && this.clock.now() - this.loadedAt > LIVE_SECONDS) this.roll.remove(person.identity);
    }
  }

  showNewest() {
    this.roll.admit();
    this.update();
    this.title.scrollIntoView({ block: "end" });
    this.title.focus({ preventScroll: true });
  }

  showNote() {
    const none = !this.roll.people.size;
    const why = this.filters.narrow ? WORDS.noneSuch : texts.nobodyWhy;
    const text = this.trouble || (none && (this.asking ? WORDS.looking : this.feed?.ended ? why : ""));
    this.note.hidden = !text;
    this.retry.hidden = !this.trouble;
    setText(this.note, text || "");
    this.note.classList.toggle("bad", Boolean(this.trouble));
  }

  // ── who is chosen ──────────────────────────────────────────────────────────────────────────

  isChosen(identity) {
    return this.chosen.has(identity);
  }

  choose(identity, yes) {
    if (yes) this.chosen.set(identity, this.roll.people.get(identity));
    else this.chosen.delete(identity);
    this.update();
  }

  chooseNone() {
    this.chosen.clear();
    this.update();
    this.title.focus({ preventScroll: true });
  }

  showActions() {
    for (const identity of this.chosen.keys()) {
      const person = this.roll.people.get(identity);
      if (person) this.chosen.set(identity, person);
      else this.chosen.delete(identity);
    }
    this.actions.hidden = !this.chosen.size;
    this.merge.disabled = this.chosen.size < 2;
    setText(this.count, WORDS.chosen(this.chosen.size));
  }

  async mergeChosen() {
    if (await mergeDialog([...this.chosen.values()])) this.chooseNone();
  }
}
