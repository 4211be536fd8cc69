// The stretch of time that a timeline shows, and the marks on its axis.

import { tickLabel } from "../times.js";

const SHORTEST_SECONDS = 2;
const TICK_PX = 92; // at least, from mark to mark
const [MINUTE, HOUR, DAY] = [60, 3600, 86400];
const STEPS = [
  1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY,
];

/** Covers everything until somebody zooms; then it stays where they put it. Seconds since the epoch. */
export class TimeWindow {
  constructor() {
    Object.assign(this, { first: 0, last: 1, from: 0, to: 1, isWhole: true });
  }

  /** There is something to be seen from `first` to `last`. */
  cover(first, last) {
    const rim = Math.max(0.5, (last - first) * 0.02);
    Object.assign(this, { first: first - rim, last: last + rim });
    if (this.isWhole) this.reset();
  }

  reset() {
    Object.assign(this, { from: this.first, to: this.last, isWhole: true });
  }

  /** Makes what is shown `factor` times as long; the moment at `at` (0 to 1) stays in its place. */
  zoom(factor, at = 0.5) {
    const now = this.to - this.from;
    const length = Math.max(Math.min(SHORTEST_SECONDS, now), now * factor);
    if (length >= this.last - this.first) return this.reset();
    const begin = this.from + at * (now - length);
    this.place(begin, length);
  }

  /** Goes on by a share of what is shown; less than 0: back. */
  move(share) {
    if (this.isWhole) return;
    const length = this.to - this.from;
    this.place(this.from + share * length, length);
  }

  place(begin, length) {
    const from = Math.max(this.first, Math.min(begin, this.last - length));
    Object.assign(this, { from, to: from + length, isWhole: false });
  }

  /** Where a moment is: 0 at the left end, 1 at the right. */
  share(time) {
    return (time - this.from) / (this.to - this.from);
  }

  shows({ begin, end }) {
    return end >= this.from && begin <= this.to;
  }
}

/** Marks { time, label } at round times of the browser's zone for a window drawn `width` pixels wide. */
export function ticks({ from, to }, width) {
  const most = Math.max(1, Math.floor(width / TICK_PX));
  const step = STEPS.find((each) => (to - from) / each <= most) ?? STEPS.at(-1);
  const zone = new Date(from * 1000).getTimezoneOffset() * 60;
  const times = [];
  for (let time = Math.ceil((from - zone) / step) * step + zone; time <= to; time += step) times.push(time);
  return times.map((time) => ({ time, label: tickLabel(time, step) }));
}
