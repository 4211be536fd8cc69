// Finding somebody among everybody: by name or number, with pictures to go by.

import { get } from "../api.js";
import { Dialog } from "../dialog.js";
import { KeyedList, h, setText } from "../dom.js";
import { texts } from "../texts.js";
import { about, faces } from "./merge.js";

const WORDS = texts.identities;
const MOST = 24;
const TYPING_MS = 250;

/** Asks for somebody other than `identity`; resolves with an IdentityView, or undefined. */
export function pickSomebody(title, identity) {
  return new Picker(title, identity).open();
}

class Picker {
  constructor(title, identity) {
    Object.assign(this, { identity, asked: 0 });
    this.field = h("input", { type: "search", class: "input", autocomplete: "off", autofocus: "" });
    this.note = h("p", { class: "quiet", role: "status" });
    const list = h("ul", { class: "someones" });
    this.people = new KeyedList(list, (person) => person.identity, (person) => new Entry(person, () => this.dialog.close(person)));
    this.dialog = new Dialog(title, h("label", { class: "field" }, h("span", {}, WORDS.nameOrNumber), this.field), this.note, list);
    this.dialog.element.classList.add("picker");
    this.field.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), TYPING_MS);
    });
  }

  open() {
    this.find();
    return this.dialog.open();
  }

  async find() {
    const asked = (this.asked += 1);
    const found = await somebody(this.field.value.trim()).catch((error) => error);
    if (asked !== this.asked) return; // more was typed meanwhile
    const people = Array.isArray(found) ? found.filter(({ identity }) => identity !== this.identity) : [];
    this.people.update(people);
    setText(this.note, found instanceof Error ? found.message : people.length ? WORDS.latestFirst : WORDS.noneSuch);
  }
}

/** Those whose name or number it is; the latest of all if nothing was typed. */
async function somebody(text) {
  const { items } = await get("/identities", { name: text, count: MOST });
  const number = text.match(/(\d+)$/)?.[1];
  if (!number) return items;
  const person = await get(`/identities/${number}`).catch(() => null);
  return person ? [person, ...items.filter(({ identity }) => identity !== person.identity)] : items;
}

class Entry {
  constructor(person, take) {
    this.element = h("li", {}, h("button", { type: "button", class: "someone", onclick: take }, ...faces(person), about(person)));
  }

  update() {}
}
