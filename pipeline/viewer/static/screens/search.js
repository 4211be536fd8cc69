// Search by picture: somebody on a photo, or in a picture that is here, among all who were seen.

import { h, setText } from "../dom.js";
import { Filters } from "../filters.js";
import { hashOf } from "../router.js";
import { Photo } from "../search/photo.js";
import { Results } from "../search/results.js";
import { askForPicture, askForTracklet } from "../search/search.js";
import { texts } from "../texts.js";

const WORDS = texts.search;
const SLOW_MS = 1500; // the first search loads the network

export class SearchScreen {
  constructor({ model, clock }) {
    Object.assign(this, { model, clock, wanted: null, asked: 0, shown: false });
    this.photo = new Photo((file) => this.searchFile(file), (person) => this.searchPerson(person));
    this.filters = new Filters(["time", "camera"]);
    this.filters.addEventListener("change", () => this.ask());
    this.results = new Results(model);
    this.note = h("p", { class: "search-note", role: "status" });
    this.element = h("section", { class: "search sheet" }, h("h2", { tabindex: "-1" }, texts.screens.search),
      h("div", { class: "search-columns" }, this.photo.element,
        h("div", { class: "found" }, this.filters.element, this.note, this.results.element)));
    window.addEventListener("paste", (event) => this.paste(event));
    model.addEventListener("cameras", () => this.setCameras());
  }

  show(parts, query) {
    this.shown = true;
    this.setCameras();
    const tracklet = query.get("tracklet");
    if (tracklet && tracklet !== this.wanted?.tracklet) this.searchTracklet(tracklet);
    else this.tell();
  }

  hide() {
    this.shown = false;
  }

  setCameras() {
    this.filters.setCameras(this.model.cameras.map(({ name }) => name));
  }

  // ── what is searched for ───────────────────────────────────────────────────────────────────

  searchTracklet(tracklet) {
    this.wanted = { tracklet };
    this.photo.showCrop(tracklet);
    this.ask();
  }

  searchFile(file) {
    this.wanted = { file, person: null };
    history.replaceState(null, "", hashOf("search"));
    this.photo.showFile(file);
    this.ask();
  }

  searchPerson(person) {
    this.wanted = { ...this.wanted, person };
    this.ask();
  }

  paste(event) {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!this.shown || !file) return;
    event.preventDefault();
    this.searchFile(file);
  }

  // ── the answer ─────────────────────────────────────────────────────────────────────────────

  async ask() {
    if (!this.wanted) return this.tell();
    const asked = (this.asked += 1);
    this.begin();
    const slow = setTimeout(() => setText(this.note, WORDS.loading), SLOW_MS);
    const answer = await this.answer().catch((error) => error);
    clearTimeout(slow);
    if (asked !== this.asked) return; // something else is searched for by now
    this.element.removeAttribute("aria-busy");
    if (answer instanceof Error) this.fail(answer);
    else this.take(answer);
  }

  answer() {
    const { from, to, camera } = this.filters.query(this.clock.now());
    const { tracklet, file, person } = this.wanted;
    const query = { from, to, camera };
    return tracklet ? askForTracklet(tracklet, query) : askForPicture(file, { ...query, person });
  }

  begin() {
    this.element.setAttribute("aria-busy", "true");
    this.note.classList.remove("bad");
    setText(this.note, WORDS.searching);
  }

  fail(error) {
    this.results.update([]);
    this.note.classList.add("bad");
    setText(this.note, error.message);
  }

  take({ items, people, person }) {
    if (this.wanted.file) this.photo.showPeople(people, person);
    this.results.update(items);
    setText(this.note, WORDS.found(items.length, this.filters.narrow));
  }

  tell() {
    if (!this.wanted) setText(this.note, WORDS.nothingYet);
  }
}
