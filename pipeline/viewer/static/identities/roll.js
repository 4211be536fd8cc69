// People in the order they are listed in, kept right by what is heard of them meanwhile.

const AWAY_SECONDS = 10; // who was not seen for so long and is now has come back: to the top

/** Holds what the server lists (IdentityView), latest seen first. Knows nothing of the page. */
export class Roll {
  constructor() {
    this.gone = new Set(); // numbers that were forgotten: what was asked before may still say otherwise
    this.clear();
  }

  clear() {
    this.people = new Map(); // number → IdentityView, in the order shown
    this.owners = new Map(); // tracklet → number
    this.waiting = new Map(); // those who belong at the top, once nobody is disturbed by it
  }

  /** What is shown, in its order. */
  get shown() {
    return [...this.people.values()];
  }

  /** A further page of the server's list: below what is there. */
  add(people) {
    for (const person of people) {
      if (!this.people.has(person.identity) && !this.gone.has(person.identity)) this.put(person);
    }
  }

  /**
   * News of the server: people who have changed do so where they stand, who is gone goes, and who
   * has come waits to be let in.
   * @param wanted tells whether somebody is looked for at all
   */
  hear({ decisions, identities }, wanted) {
    for (const { kind, identity } of decisions) {
      if (kind !== "forgotten") continue;
      this.gone.add(identity);
      this.remove(identity);
    }
    for (const person of identities) if (!this.gone.has(person.identity)) this.update(person, wanted(person));
  }

  update(person, wanted) {
    const { identity } = person;
    this.takeFromOthers(person);
    const before = this.people.get(identity) ?? this.waiting.get(identity);
    if (!wanted) return this.remove(identity);
    if (this.people.has(identity)) this.put(person);
    if (!before || person.last_seen - before.last_seen > AWAY_SECONDS) this.waiting.set(identity, person);
    else if (this.waiting.has(identity)) this.waiting.set(identity, person);
  }

  /** Lets those in who wait at the top. */
  admit() {
    if (!this.waiting.size) return;
    const arrived = [...this.waiting].sort(([, a], [, b]) => b.last_seen - a.last_seen);
    const others = [...this.people].filter(([identity]) => !this.waiting.has(identity));
    this.people = new Map([...arrived, ...others]);
    for (const [, person] of arrived) this.put(person);
    this.waiting.clear();
  }

  put(person) {
    this.people.set(person.identity, person);
    for (const { tracklet } of person.tracklets) this.owners.set(tracklet, person.identity);
  }

  remove(identity) {
    const person = this.people.get(identity);
    for (const { tracklet } of person?.tracklets ?? []) {
      if (this.owners.get(tracklet) === identity) this.owners.delete(tracklet);
    }
    this.people.delete(identity);
    this.waiting.delete(identity);
  }

  /** A tracklet belongs to one person alone; who has lost the last one is gone. */
  takeFromOthers({ identity, tracklets }) {
    for (const { tracklet } of tracklets) {
      const before = this.people.get(this.owners.get(tracklet));
      this.owners.set(tracklet, identity);
      if (!before || before.identity === identity) continue;
      const left = before.tracklets.filter((t) => t.tracklet !== tracklet);
      if (left.length) this.people.set(before.identity, { ...before, tracklets: left });
      else this.remove(before.identity);
    }
  }
}
