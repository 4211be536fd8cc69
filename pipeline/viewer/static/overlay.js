// Draws the boxes of one picture onto its canvas, in CSS pixels.

import { look } from "./colours.js";
import { drawLabels } from "./labels.js";

const DARK = "rgb(0 0 0 / 72%)";
const DASH = 7; // of those who may turn out to be somebody else
const GAP = 5;

/**
 * Draws boxes with their labels.
 *
 * @param context a 2D context
 * @param view where the picture is: { x, y, width, height }
 * @param boxes [{ xywh: fractions of the picture, identity: number or undefined, name, confirmed, confidence }]
 * @param highlighted the identity to stand out, or null
 * @param layers which layers are shown: { boxes, names, confidence }
 */
export function drawBoxes(context, view, boxes, highlighted, layers) {
  const placed = boxes.map((box) => ({ ...box, ...onScreen(view, box.xywh) }));
  const rank = ({ identity }) => (identity === undefined ? 0 : identity === highlighted ? 2 : 1);
  placed.sort((a, b) => rank(a) - rank(b));
  for (const box of layers.boxes ? placed : []) {
    context.globalAlpha = highlighted === null || box.identity === highlighted ? 1 : 0.35;
    if (box.identity === undefined) drawUndecided(context, box);
    else drawBox(context, box, box.identity === highlighted);
  }
  if (layers.names || layers.confidence) drawLabels(context, view, placed, highlighted, layers);
  context.globalAlpha = 1;
}

/** The box of a picture, {x, y, width, height}, from fractions to pixels. */
export function onScreen(view, [x, y, width, height]) {
  return {
    x: view.x + x * view.width,
    y: view.y + y * view.height,
    width: width * view.width,
    height: height * view.height,
  };
}

function drawUndecided(context, box) {
  stroke(context, box, { width: 3, colour: DARK });
  stroke(context, box, { width: 1, colour: "#ffffff", dash: [4, 4] });
}

/** Whole lines for those who are certain; of those who are not, every other dash has the stripe. */
function drawBox(context, box, strong) {
  const { hue, stripe } = look(box.identity);
  const width = strong ? 4 : 2.5;
  stroke(context, box, { width: width + 2.5, colour: DARK });
  stroke(context, box, { width, colour: hue, dash: box.confirmed ? [] : [DASH, GAP] });
  const striped = box.confirmed ? [8, 8] : [DASH, DASH + 2 * GAP];
  if (stripe) stroke(context, box, { width, colour: stripe, dash: striped });
}

function stroke(context, { x, y, width: w, height: h }, { width, colour, dash = [] }) {
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.lineCap = "butt";
  context.setLineDash(dash);
  context.beginPath();
  context.roundRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w), Math.round(h), 3);
  context.stroke();
}
