// What the page knows of the site: cameras, people, who is in view, who is pointed at.

const IN_VIEW_SECONDS = 2; // after the last box somebody counts as in view for this long
const HEARD_SECONDS = 4; // without pictures: after the last news of an open tracklet
const MOST_PEOPLE = 500;

/** Dispatches "cameras", "health", "people" and "highlight" when they have changed. */
export class Model extends EventTarget {
  /** @param most people it keeps; of more those without news for longest are left to the server */
  constructor(clock, most = MOST_PEOPLE) {
    super();
    Object.assign(this, { clock, most });
    this.site = "";
    this.cameras = [];
    this.health = null; // how processes and cameras are doing, see messages.py
    this.people = new Map(); // identity → { identity, name, tracklets, boxes: tracklet → time of its last box }
    this.owners = new Map(); // tracklet → identity
    this.gone = new Set(); // numbers that were forgotten: what was read before may come later
    this.records = new Map(); // tracklet → its record
    this.heard = new Map(); // tracklet that goes on → when there was news of it
    this.pictured = new Map(); // camera → when a picture of it was shown
    this.pointed = null; // the identity under the pointer or the keyboard's focus
    this.pinned = null; // the identity whose page is open
    this.trouble = null;
  }

  apply(message) {
    if (message.type === "snapshot") this.begin(message);
    if (message.type === "cameras") this.setCameras(message.cameras);
    if (message.type === "processes") this.setHealth(message);
    if (message.type === "news") this.hear(message);
    if (message.type === "trouble") this.setTrouble(message.sentence);
  }

  begin({ site, cameras, identities }) {
    this.site = site;
    this.people.clear();
    for (const known of [this.owners, this.records, this.heard]) known.clear();
    this.setTrouble(null);
    this.setCameras(cameras);
    this.update([...identities].reverse());
    this.heard.clear(); // it may be old news
  }

  setCameras(cameras) {
    this.cameras = cameras;
    this.dispatchEvent(new Event("cameras"));
  }

  setHealth(health) {
    this.health = health;
    this.dispatchEvent(new Event("health"));
  }

  setTrouble(sentence) {
    this.trouble = sentence;
    this.dispatchEvent(new Event("cameras"));
  }

  hear({ decisions, identities }) {
    for (const { kind, identity } of decisions) {
      if (kind !== "forgotten") continue;
      this.gone.add(identity);
      this.forget(identity);
    }
    this.update(identities.filter(({ identity }) => !this.gone.has(identity)));
  }

  update(identities) {
    for (const { identity, name, tracklets } of identities) {
      const { boxes = new Map(), tracklets: before = [] } = this.people.get(identity) ?? {};
      for (const record of tracklets) {
        this.own(record.tracklet, identity);
        const seen = before.find((t) => t.tracklet === record.tracklet);
        if (!record.closed && record.end !== seen?.told) this.heard.set(record.tracklet, this.clock.now());
        if (record.closed) this.heard.delete(record.tracklet);
        record.told = record.end;
        record.end = Math.max(record.end, seen?.end ?? 0); // pictures are ahead of the news
        this.records.set(record.tracklet, record);
      }
      this.people.delete(identity); // the newest news stand last
      this.people.set(identity, { identity, name, tracklets, boxes });
    }
    this.forgetOldest();
    this.dispatchEvent(new Event("people"));
  }

  /** Somebody from before, as the server has told when it was asked: nobody is in view for that. */
  learn(person) {
    const heard = new Map(this.heard);
    this.update([person]);
    this.heard = heard;
  }

  /** A tracklet belongs to one identity alone; one that has lost its last tracklet is gone. */
  own(tracklet, identity) {
    const before = this.people.get(this.owners.get(tracklet));
    this.owners.set(tracklet, identity);
    if (!before || before.identity === identity) return;
    before.tracklets = before.tracklets.filter((t) => t.tracklet !== tracklet);
    before.boxes.delete(tracklet);
    if (!before.tracklets.length) this.people.delete(before.identity);
  }

  forgetOldest() {
    for (const { identity } of this.people.values()) {
      if (this.people.size <= this.most) return;
      this.forget(identity);
    }
  }

  forget(identity) {
    for (const { tracklet } of this.people.get(identity)?.tracklets ?? []) {
      for (const known of [this.owners, this.records, this.heard]) known.delete(tracklet);
    }
    this.people.delete(identity);
  }

  /** A picture is on the screen: who has a box in it is in view, and their tracklet goes on. */
  saw({ camera, time, boxes }) {
    this.pictured.set(camera, this.clock.now());
    for (const { tracklet } of boxes) {
      const person = this.people.get(this.owners.get(tracklet));
      const record = this.records.get(tracklet);
      if (!person || !record) continue;
      if (!this.inView(person)) this.dispatchEvent(new Event("people"));
      record.end = Math.max(record.end, time);
      person.boxes.set(tracklet, this.clock.now());
    }
  }

  /** True while the pictures show a tracklet; of a camera that shows none, while there is news of it. */
  isLive(person, tracklet) {
    const now = this.clock.now();
    const { camera } = this.records.get(tracklet) ?? {};
    if (now - (this.pictured.get(camera) ?? 0) > HEARD_SECONDS) return now - (this.heard.get(tracklet) ?? 0) < HEARD_SECONDS;
    return now - (person.boxes.get(tracklet) ?? 0) < IN_VIEW_SECONDS;
  }

  /** The cameras a person is in view of now. */
  liveCameras(person) {
    const live = person.tracklets.filter((t) => this.isLive(person, t.tracklet));
    return [...new Set(live.map((t) => t.camera))];
  }

  inView(person) {
    return person.tracklets.some((t) => this.isLive(person, t.tracklet));
  }

  /** The identity that stands out in the pictures, or null: somebody out of view dims nobody. */
  get highlighted() {
    const identity = this.pointed ?? this.pinned;
    const person = this.people.get(identity);
    return person && this.inView(person) ? identity : null;
  }

  point(identity) {
    this.pointed = identity;
    this.dispatchEvent(new Event("highlight"));
  }

  pin(identity) {
    this.pinned = identity;
    this.dispatchEvent(new Event("highlight"));
  }
}

export const firstSeen = (person) => Math.min(...person.tracklets.map((t) => t.begin));
export const lastSeen = (person) => Math.max(...person.tracklets.map((t) => t.end));

/** The cameras in the order in which they first saw the person. */
export const camerasOf = (person) => [...new Set(person.tracklets.map((t) => t.camera))];

/** The way through the site: the cameras of the tracklets in order of time, repeats in a row once. */
export const routeOf = (person) =>
  person.tracklets.map((t) => t.camera).filter((camera, i, all) => camera !== all[i - 1]);

/** A camera's tracklet with the best picture: the one that lasted longest. */
export const bestTracklet = (person, camera) =>
  person.tracklets
    .filter((t) => t.camera === camera)
    .reduce((a, b) => (b.end - b.begin > a.end - a.begin ? b : a));
