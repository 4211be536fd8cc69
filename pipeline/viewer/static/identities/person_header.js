// The head of a person's page: name, what there is to do with them.

import { get } from "../api.js";
import { corrections } from "../corrections.js";
import { confirm } from "../dialog.js";
import { h, setText } from "../dom.js";
import { hashOf } from "../router.js";
import { texts } from "../texts.js";
import { mergeDialog } from "./merge.js";
import { pickSomebody } from "./picker.js";
import { bestOfAll } from "./tile.js";

const WORDS = texts.identities;

export class PersonHeader {
  constructor(go) {
    Object.assign(this, { go, person: null, identity: null });
    this.name = h("h2", { tabindex: "-1" });
    this.live = h("span", { class: "now", hidden: "" }, WORDS.inViewNow);
    this.summary = h("p", { class: "summary" });
    this.buildName();
    this.search = h("a", { class: "button", href: "#/search" }, WORDS.searchAlike);
    this.actions = h("div", { class: "tools", hidden: "" },
      button(WORDS.mergeWith, () => this.merge(), "button operators"), this.search,
      button(WORDS.forget, () => this.forget(), "button grave operators"));
    this.element = h("header", { class: "person-header" },
      h("a", { href: hashOf("identities"), class: "back" }, texts.back), this.title, this.form, this.summary, this.actions);
  }

  buildName() {
    this.edit = button(WORDS.rename, () => this.beginRename(), "button operators");
    this.beside = h("span", { class: "title" }, this.edit, this.live);
    this.title = h("div", { class: "title" }, this.name, this.beside);
    this.field = h("input", { class: "input", maxlength: "80", "aria-label": WORDS.nameOf, autocomplete: "off" });
    this.form = h("form", { class: "title", hidden: "" }, this.field,
      h("button", { type: "submit", class: "button primary" }, WORDS.save), button(texts.cancel, () => this.endRename()));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.rename();
    });
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.endRename());
  }

  open(identity) {
    Object.assign(this, { identity, person: null });
    this.endRename(false);
    setText(this.name, texts.person(identity));
    setText(this.summary, texts.looking);
    this.live.hidden = this.edit.hidden = this.actions.hidden = true;
    this.element.closest(".sheet")?.scrollTo({ top: 0 });
  }

  focus() {
    this.name.focus({ preventScroll: true });
  }

  fail(sentence) {
    setText(this.summary, sentence);
    this.edit.hidden = this.actions.hidden = this.live.hidden = true;
  }

  update(person, summary, live) {
    this.person = person;
    setText(this.name, texts.called(person));
    setText(this.summary, person.name ? `${texts.person(person.identity)} · ${summary}` : summary);
    this.edit.hidden = this.actions.hidden = false;
    this.live.hidden = !live;
    this.search.href = `${hashOf("search")}?tracklet=${encodeURIComponent(bestOfAll(person).tracklet)}`;
  }

  // ── what people correct ────────────────────────────────────────────────────────────────────

  beginRename() {
    this.field.value = this.person.name ?? "";
    this.field.placeholder = texts.person(this.identity);
    this.switch(true);
    this.field.select();
    this.field.focus();
  }

  endRename(focus = true) {
    if (this.form.hidden) return;
    this.switch(false);
    if (focus) this.edit.focus();
  }

  /** The form takes the name's place; whoever hears the page still has the heading. */
  switch(renaming) {
    this.title.classList.toggle("unseen", renaming);
    this.beside.hidden = renaming;
    this.form.hidden = !renaming;
  }

  async rename() {
    const name = this.field.value.trim() || null;
    this.endRename();
    if (name !== (this.person.name || null)) await corrections.rename(this.identity, name);
  }

  async merge() {
    const { person } = this;
    const picked = await pickSomebody(WORDS.mergeWithWhom(texts.called(person)), person.identity);
    if (!picked) return;
    const newest = await get(`/identities/${person.identity}`).catch(() => person);
    const keep = await mergeDialog([newest, picked]);
    if (keep) this.go(hashOf("identities", keep));
  }

  async forget() {
    const { identity, person } = this;
    const name = texts.called(person);
    const sentences = [WORDS.forgetWhat(name, person.tracklets.length), WORDS.forgetFinal];
    const sure = await confirm({ title: WORDS.forgetTitle(name), sentences, yes: WORDS.forgetYes, grave: true });
    if (sure && (await corrections.forget(identity))) this.go(hashOf("identities"));
  }
}

function button(text, onclick, classes = "button") {
  return h("button", { type: "button", class: classes, onclick }, text);
}
