// Keeps what is shown up to date, but not more often than anybody could read it.

const SOON_MS = 250;
const ANYHOW_MS = 1000; // times go on even if nothing else does

/** While it is on, calls `update` every second, and soon after the model tells of any of `names`. */
export class Refresher {
  constructor(model, names, update) {
    Object.assign(this, { update, soon: null, anyhow: null });
    for (const name of names) model.addEventListener(name, () => this.hurry());
  }

  on() {
    this.anyhow ??= setInterval(() => this.now(), ANYHOW_MS);
    this.now();
  }

  off() {
    clearInterval(this.anyhow);
    clearTimeout(this.soon);
    this.anyhow = this.soon = null;
  }

  hurry() {
    if (this.anyhow !== null) this.soon ??= setTimeout(() => this.now(), SOON_MS);
  }

  now() {
    clearTimeout(this.soon);
    this.soon = null;
    this.update();
  }
}
