// Draws the boxes of one picture onto its canvas, in CSS pixels.

import { look } from "./colours.js";
import { texts } from "./texts.js";

const DARK = "rgb(0 0 0 / 72%)";
const SHORT_BELOW = 340; // narrower pictures have only numbers on their labels
const LONGEST = 24; // characters of a name on a label
const LONG = { text: longLabel, font: "600 12px system-ui, sans-serif", height: 18, margin: 5 };
const SHORT = { text: ({ identity }) => String(identity), font: "600 11px system-ui, sans-serif", height: 15, margin: 3 };

/**
 * Draws boxes with their labels.
 *
 * @param context a 2D context
 * @param view where the picture is: { x, y, width, height }
 * @param boxes [{ xywh: fractions of the picture, identity: number or undefined, name }]
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

function longLabel(person) {
  const text = texts.called(person);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Each label goes where it hides least, above its box if that is as good as anywhere. */
function drawLabels(context, view, boxes, highlighted) {
  const taken = [];
  const style = view.width < SHORT_BELOW ? SHORT : LONG;
  context.font = style.font;
  context.textBaseline = "middle";
  for (const box of boxes.filter((b) => b.identity !== undefined).reverse()) {
    const text = style.text(box);
    const size = { width: context.measureText(text).width + 2 * style.margin, height: style.height };
    const label = place(box, size, view, [...taken, ...boxes.filter((other) => other !== box)]);
    taken.push(label);
    context.globalAlpha = highlighted === null || box.identity === highlighted ? 1 : 0.35;
    drawLabel(context, label, text, look(box.identity), style.margin);
  }
}

function drawLabel(context, { x, y, width, height }, text, { hue, ink }, margin) {
  context.setLineDash([]);
  context.lineWidth = 2;
  context.strokeStyle = DARK;
  context.fillStyle = hue;
  context.beginPath();
  context.roundRect(x, y, width, height, 4);
  context.stroke();
  context.fill();
  context.fillStyle = ink;
  context.fillText(text, x + margin, y + height / 2 + 0.5);
}

function place(box, { width, height }, view, obstacles) {
  const rightmost = view.x + view.width - width - 1;
  const lowest = view.y + view.height - height - 1;
  const above = box.y - height - 2;
  const below = box.y + box.height + 3;
  const [left, right] = [box.x - 1, box.x + box.width - width + 1];
  const places = [[left, above], [right, above], [left, below], [right, below], [left, box.y + 2]];
  return places
    .map(([x, y]) => ({ x: clamp(x, view.x + 1, rightmost), y: clamp(y, view.y + 1, lowest) }))
    .map((label) => ({ ...label, width, height }))
    .reduce((best, label) => (hidden(label, obstacles) < hidden(best, obstacles) ? label : best));
}

/** How much of the obstacles a label hides, in square pixels. */
const hidden = (label, obstacles) => obstacles.reduce((sum, other) => sum + overlap(label, other), 0);

function overlap(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));
