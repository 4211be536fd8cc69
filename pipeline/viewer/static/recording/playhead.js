// The moment of the recording that is shown, of all cameras at once.

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

/** Dispatches "time" when it shows another moment, and "state" when it plays, pauses or changes speed. */
export class Playhead extends EventTarget {
  /** @param begin, end seconds since the epoch */
  constructor(begin, end) {
    super();
    Object.assign(this, { begin, end, time: begin, playing: false, speed: 1 });
    this.waiting = () => false; // true while a camera's picture cannot follow
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.time >= this.end - 1e-3) this.seek(this.begin);
    this.playing = true;
    this.before = null;
    requestAnimationFrame((now) => this.tick(now));
    this.tell("state");
  }

  pause() {
    this.playing = false;
    this.tell("state");
  }

  seek(time) {
    this.time = Math.min(Math.max(time, this.begin), this.end);
    this.tell("time");
  }

  setSpeed(speed) {
    this.speed = speed;
    this.tell("state");
  }

  /** One speed up (1) or down (-1). */
  shift(direction) {
    const index = SPEEDS.indexOf(this.speed) + direction;
    if (SPEEDS[index]) this.setSpeed(SPEEDS[index]);
  }

  tick(now) {
    if (!this.playing) return;
    const passed = this.before === null ? 0 : Math.min(0.25, (now - this.before) / 1000);
    this.before = now;
    if (passed && !this.waiting()) this.seek(this.time + passed * this.speed);
    if (this.time >= this.end) return this.pause();
    requestAnimationFrame((next) => this.tick(next));
  }

  tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
