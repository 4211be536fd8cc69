// Draws the boxes of one picture onto its canvas, in CSS pixels.

import { look } from "./colours.js";
import { texts } from "./texts.js";

const DARK = "rgb(0 0 0 / 72%)";
const FONT_PX = 12;
const FONT = `600 ${FONT_PX}px system-ui, sans-serif`;
const LABEL_HEIGHT = 18;
const SHORT_BELOW = 240; // narrower pictures have only numbers on their labels

/**
 * Draws boxes with their labels.
 *
 * @param context a 2D context
 * @param view where the picture is: { x, y, width, height }
 * @param boxes [{ xywh: fractions of the picture, identity: number or undefined }]
 * @param highlighted the identity to stand out, or null
 */
export function drawBoxes(context, view, boxes, highlighted) {
  const placed = boxes.map((box) => ({ ...box, ...onScreen(view, box.xywh) }));
  const rank = ({ identity }) => (identity === undefined ? 0 : identity === highlighted ? 2 : 1);
  placed.sort((a, b) => rank(a) - rank(b));
  for (const box of placed) {
    context.globalAlpha = highlighted === null || box.identity === highlighted ? 1 : 0.35;
    if (box.identity === undefined) drawUndecided(context, box);
    else drawBox(context, box, box.identity === highlighted);
  }
  drawLabels(context, view, placed, highlighted);
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

function drawBox(context, box, strong) {
  const { hue, stripe } = look(box.identity);
  const width = strong ? 4 : 2.5;
  stroke(context, box, { width: width + 2.5, colour: DARK });
  stroke(context, box, { width, colour: hue });
  if (stripe) stroke(context, box, { width, colour: stripe, dash: [8, 8] });
}

function stroke(context, { x, y, width: w, height: h }, { width, colour, dash = [] }) {
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.beginPath();
  context.roundRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w), Math.round(h), 3);
  context.stroke();
}

/** Labels go above their box, or where they hide no other label. */
function drawLabels(context, view, boxes, highlighted) {
  const taken = [];
  context.font = FONT;
  context.textBaseline = "middle";
  for (const box of boxes.filter((b) => b.identity !== undefined).reverse()) {
    const text = view.width < SHORT_BELOW ? String(box.identity) : texts.person(box.identity);
    const label = place(box, context.measureText(text).width + 10, view, taken);
    taken.push(label);
    context.globalAlpha = highlighted === null || box.identity === highlighted ? 1 : 0.35;
    drawLabel(context, label, text, look(box.identity));
  }
}

function drawLabel(context, { x, y, width, height }, text, { hue, ink }) {
  context.setLineDash([]);
  context.lineWidth = 2;
  context.strokeStyle = DARK;
  context.fillStyle = hue;
  context.beginPath();
  context.roundRect(x, y, width, height, 4);
  context.stroke();
  context.fill();
  context.fillStyle = ink;
  context.fillText(text, x + 5, y + height / 2 + 0.5);
}

function place(box, width, view, taken) {
  const left = clamp(box.x - 1, view.x + 1, view.x + view.width - width - 1);
  const lowest = view.y + view.height - LABEL_HEIGHT - 1;
  const label = (y) => ({ x: left, y: clamp(y, view.y + 1, lowest), width, height: LABEL_HEIGHT });
  const choices = [box.y - LABEL_HEIGHT - 2, box.y + box.height + 2, box.y + 2].map(label);
  return choices.find((choice) => !taken.some((other) => overlap(choice, other))) ?? choices[0];
}

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
