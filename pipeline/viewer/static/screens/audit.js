// The audit log: who signed in, looked for somebody or changed something.

import { h, setText } from "../dom.js";
import { hashOf } from "../router.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";
import { clockTime, dayOf, today } from "../times.js";

const WORDS = texts.audit;
const PAGE = 100;
const NEWS_MS = 5000;
const TYPING_MS = 250;

export class AuditScreen {
  constructor({ api }) {
    Object.assign(this, { api, entries: new Map(), next: null, asked: 0, timer: null });
    this.user = h("input", { type: "search", class: "input", maxlength: "64", placeholder: WORDS.userPlaceholder, autocomplete: "off" });
    const choices = Object.entries({ "": WORDS.anything, ...WORDS.actions });
    this.action = h("select", { class: "input" }, ...choices.map(([value, text]) => h("option", { value }, text)));
    this.form = h("form", { class: "filters", role: "search" }, field(WORDS.user, this.user), field(WORDS.action, this.action));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", ({ target }) => this.choose(target === this.user ? TYPING_MS : 0));
    this.note = h("p", { class: "quiet", role: "status" });
    this.table = new Table(WORDS.entries, WORDS.columns);
    this.older = h("button", { type: "button", class: "button", hidden: "", onclick: () => this.ask(this.next) }, WORDS.older);
    this.element = h("section", { class: "audit sheet", "aria-label": texts.screens.audit },
      h("h2", { tabindex: "-1" }, texts.screens.audit), h("p", { class: "quiet" }, WORDS.about), this.form, this.table.element, this.note, this.older);
  }

  show(parts, query) {
    this.user.value = query.get("user") ?? "";
    this.action.value = query.get("action") ?? "";
    this.begin();
    this.timer ??= setInterval(() => this.ask(), NEWS_MS);
  }

  hide() {
    clearInterval(this.timer);
    this.timer = null;
  }

  choose(milliseconds) {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      const chosen = Object.entries(this.wanted).filter(([, value]) => value);
      const search = new URLSearchParams(chosen).toString();
      history.replaceState(null, "", hashOf("audit") + (search && `?${search}`));
      this.begin();
    }, milliseconds);
  }

  get wanted() {
    return { user: this.user.value.trim(), action: this.action.value };
  }

  begin() {
    this.entries.clear();
    this.next = null;
    this.asked += 1;
    this.ask();
  }

  /** The newest entries, or those below a place. */
  async ask(below = null) {
    const { asked } = this;
    const answer = await this.api.get("/audit", { ...this.wanted, count: PAGE, cursor: below }).catch((error) => error);
    if (asked !== this.asked) return; // something else is looked for by now
    if (answer instanceof Error) return setText(this.note, answer.message);
    if (below || !this.entries.size) this.next = answer.next;
    for (const entry of answer.items) this.entries.set(entry.id, entry);
    this.tell();
  }

  tell() {
    const rows = [...this.entries.values()].sort((a, b) => b.time - a.time || order(b.id) - order(a.id));
    this.table.update(rows.map(rowOf));
    this.older.hidden = !this.next;
    setText(this.note, rows.length ? "" : WORDS.none);
  }
}

const order = (id) => Number(id.split("-")[1]);
const field = (text, control) => h("label", { class: "field" }, h("span", {}, text), control);

function rowOf(entry) {
  const { id, time, user, address, done, details } = entry;
  const what = [WORDS.did(entry), WORDS.where(details), done ? "" : `(${WORDS.refused})`].filter(Boolean).join(" ");
  const day = dayOf(time) === today() ? "" : `${dayOf(time)}, `;
  return { key: id, bad: !done, cells: [`${day}${clockTime(time)}`, what, user || WORDS.nobody, address] };
}
