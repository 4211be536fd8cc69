// What people are called who were seen long ago.

import { get } from "../api.js";

export class Names {
  /** @param learned called when a name has become known */
  constructor(model, learned) {
    Object.assign(this, { model, learned, asked: new Map() });
  }

  /** A name, or null: nobody gave one, or the server has yet to tell. */
  of(identity) {
    const known = this.model.people.get(identity);
    if (known) return known.name;
    if (!this.asked.has(identity)) this.ask(identity);
    return this.asked.get(identity);
  }

  async ask(identity) {
    this.asked.set(identity, null);
    const person = await get(`/identities/${identity}`).catch(() => null); // the number does as well
    if (!person?.name) return;
    this.asked.set(identity, person.name);
    this.learned();
  }
}
