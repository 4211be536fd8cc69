// Which of a camera's pictures belongs to a moment, and the other way round.

const EARLY = 0.1; // of the time between two pictures: no rounding may make it the one before

export class CameraClock {
  /** @param camera { clock: [[index, time]], frames, rate }, see RecordedCamera */
  constructor({ clock, frames, rate }) {
    Object.assign(this, { knots: clock, frames, rate });
  }

  /** When a picture was taken, seconds since the epoch. */
  timeOf(index) {
    const { knots } = this;
    const at = Math.max(1, knots.findIndex(([known]) => known >= index));
    if (knots.length < 2) return knots[0]?.[1] ?? 0;
    const [[i, from], [j, to]] = [knots[at - 1], knots[at]];
    return from + ((index - i) / (j - i)) * (to - from);
  }

  /** The picture that shows a moment: the last one taken by then; null: none was, or not for long. */
  indexAt(time) {
    const { knots, frames, rate } = this;
    const moment = time + EARLY / rate;
    if (!frames || moment < knots[0][1] || time > knots.at(-1)[1] + 1.5 / rate) return null;
    const at = knots.findIndex(([, known]) => known > moment);
    if (at < 0) return frames - 1;
    const [[i, from], [j, to]] = [knots[at - 1], knots[at]];
    return Math.floor(i + ((moment - from) / (to - from)) * (j - i));
  }

  /** The moment of the next picture after one (direction 1), or of the one before (-1); null: none. */
  neighbour(time, direction) {
    const now = this.indexAt(time);
    if (!this.frames) return null;
    const before = time < this.knots[0][1] ? -1 : this.frames - 1; // while it shows nothing
    const here = now ?? before;
    const away = now !== null && time - this.timeOf(now) > EARLY / this.rate; // between two pictures
    const index = direction > 0 ? here + 1 : now === null || away ? here : here - 1;
    return index >= 0 && index < this.frames ? this.timeOf(index) : null;
  }
}
