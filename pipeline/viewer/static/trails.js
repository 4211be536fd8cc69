// Where people have just walked: the foot points of their boxes in the last pictures, fading.

import { look } from "./colours.js";

const SECONDS = 3;
const STEPS = 4; // of fading
const STRONGEST = 0.75; // never as strong as a box
const LONGEST_GAP_SECONDS = 1.2;
const LONGEST_JUMP = 0.2; // of the picture: whoever is that far away did not walk there

/** The trails in one camera's pictures. */
export class Trails {
  constructor() {
    this.points = new Map(); // tracklet → [{ time, x, y }], oldest first
  }

  /** Takes the boxes of the picture that is shown now; earlier ones fade by capture time. */
  add({ time, boxes }) {
    for (const { tracklet, xywh: [x, y, width, height] } of boxes) {
      const points = this.points.get(tracklet) ?? [];
      points.push({ time, x: x + width / 2, y: y + height });
      this.points.set(tracklet, points);
    }
    for (const [tracklet, points] of this.points) this.forget(tracklet, points, time);
  }

  /** Also what lies in the future: a recording has begun anew. */
  forget(tracklet, points, now) {
    const kept = points.filter(({ time }) => time <= now && now - time < SECONDS);
    if (kept.length) this.points.set(tracklet, kept);
    else this.points.delete(tracklet);
  }

  /**
   * @param context a 2D context
   * @param view where the picture is: { x, y, width, height }
   * @param boxes those of the picture, with { tracklet, identity }: only who is in it has a trail
   * @param highlighted the identity to stand out, or null
   */
  draw(context, view, boxes, highlighted) {
    context.setLineDash([]);
    context.lineCap = context.lineJoin = "round";
    for (const { tracklet, identity } of boxes) {
      const points = this.points.get(tracklet);
      if (!points || points.length < 2 || identity === undefined) continue;
      const strength = highlighted === null || identity === highlighted ? 1 : 0.35;
      for (const [step, piece] of pieces(points)) drawPiece(context, view, piece, { identity, strength: (strength * step) / STEPS });
    }
    context.globalAlpha = 1;
  }
}

/** Runs of points of about one age: [step of fading (1: oldest), points]. */
function pieces(points) {
  const newest = points.at(-1).time;
  const found = [];
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    if (b.time - a.time > LONGEST_GAP_SECONDS || Math.hypot(b.x - a.x, b.y - a.y) > LONGEST_JUMP) continue;
    const step = Math.max(1, Math.ceil(STEPS * (1 - (newest - b.time) / SECONDS)));
    const last = found.at(-1);
    if (last && last[0] === step && last[1].at(-1) === a) last[1].push(b);
    else found.push([step, [a, b]]);
  }
  return found;
}

function drawPiece(context, view, points, { identity, strength }) {
  context.beginPath();
  points.forEach(({ x, y }, index) => {
    const place = [view.x + x * view.width, view.y + y * view.height];
    if (index) context.lineTo(...place);
    else context.moveTo(...place);
  });
  stroke(context, 5, "#000000", 0.4 * strength);
  stroke(context, 3, look(identity).hue, STRONGEST * strength);
}

function stroke(context, width, colour, alpha) {
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.globalAlpha = alpha;
  context.stroke();
}
