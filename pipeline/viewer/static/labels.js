// Draws the names of people where they hide least.

import { look } from "./colours.js";
import { texts } from "./texts.js";

const DARK = "rgb(0 0 0 / 72%)";
const SHORT_BELOW = 340; // narrower pictures have only numbers on their labels
const LONGEST = 24; // characters of a name on a label
const LONG = { name: longName, font: "600 12px system-ui, sans-serif", height: 18, margin: 5 };
const SHORT = { name: ({ identity }) => String(identity), font: "600 11px system-ui, sans-serif", height: 15, margin: 3 };

/**
 * Each label goes where it hides least, above its box if that is as good as anywhere.
 *
 * @param boxes as in overlay.js, with { x, y, width, height } in pixels; the last ones matter most
 */
export function drawLabels(context, view, boxes, highlighted, layers) {
  const taken = [];
  const style = view.width < SHORT_BELOW ? SHORT : LONG;
  context.font = style.font;
  context.textBaseline = "middle";
  for (const box of boxes.filter((b) => b.identity !== undefined).reverse()) {
    const text = textOf(box, style, layers);
    const size = { width: context.measureText(text).width + 2 * style.margin, height: style.height };
    const label = place(box, size, view, [...taken, ...boxes.filter((other) => other !== box)]);
    taken.push(label);
    context.globalAlpha = highlighted === null || box.identity === highlighted ? 1 : 0.35;
    drawLabel(context, label, text, look(box.identity), style.margin);
  }
}

/** "Person 7", "Person 7?" while it may turn out otherwise, "Person 7? · 81%". */
function textOf(box, style, layers) {
  const parts = [];
  if (layers.names) parts.push(box.confirmed ? style.name(box) : texts.provisional(style.name(box)));
  if (layers.confidence) parts.push(texts.percent(box.confidence));
  return parts.join(" · ");
}

function longName(person) {
  const text = texts.called(person);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
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
