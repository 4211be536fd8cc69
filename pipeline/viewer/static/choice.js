// Whether a tile takes its camera's own video, or pictures made for it.

import { canDecode } from "./film.js";

const LARGEST = 4; // times as wide as it is shown: more would be decoded in vain
const FIRST_REST_MS = 30000;
const LONGEST_REST_MS = 3600000;
const LATE_SECONDS = 2; // video that comes so much later than pictures can, for so many pictures, is too much
const LATE_PICTURES = 10; // for the line, or the decoder holds it back

export class Choice {
  constructor() {
    Object.assign(this, { failures: 0, until: 0, late: 0, quickest: Infinity });
  }

  /**
   * True if the camera's own video is to be asked for.
   * @param pixels how wide it is shown
   * @param size of the camera's pictures, or undefined
   */
  video(pixels, size) {
    return canDecode && performance.now() >= this.until && size?.[0] > 0 && size[0] <= LARGEST * pixels;
  }

  /** Video has failed: pictures for a while, and for longer each time. */
  failed() {
    this.until = performance.now() + Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** this.failures);
    this.failures += 1;
    this.late = 0;
  }

  /** A picture has come so many seconds after it was taken, as video or not. */
  saw(seconds) {
    this.quickest = Math.min(this.quickest, seconds); // clocks differ; what counts is the change
  }

  /** The same of a picture of the video; true if that has gone on too late for too long. */
  tooLate(seconds) {
    this.saw(seconds);
    this.late = seconds - this.quickest > LATE_SECONDS ? this.late + 1 : 0;
    return this.late >= LATE_PICTURES;
  }
}
