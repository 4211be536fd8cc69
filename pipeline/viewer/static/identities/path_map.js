// Somebody's way from camera to camera, drawn between the site's cameras.

import { h } from "../dom.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";
import { brief } from "../times.js";
import { placesOf } from "./places.js";
import { transitsOf } from "./transits.js";

const WORDS = texts.identities;
const WIDTH = 360;
const HEIGHTS = [120, 240]; // of a drawing of two cameras, and of more
const RADIUS = 9;
const LABEL = 13; // from a line to its text
const BEND = 0.16; // of the distance: there and back are two lines

export class PathMap {
  constructor() {
    this.state = "";
    this.drawing = s("svg", { class: "path", role: "img" });
    this.title = h("h3", {}, WORDS.path);
    this.element = h("section", { hidden: "" }, this.title, this.drawing);
  }

  update(tracklets, cameras) {
    const ways = waysOf(tracklets);
    const seen = new Set(tracklets.map((t) => t.camera));
    const names = [...new Set([...cameras, ...seen])];
    const last = tracklets.at(-1)?.camera;
    const state = JSON.stringify([ways.map(({ key, count, seconds }) => [key, count, Math.round(seconds)]), names, [...seen], last]);
    this.element.hidden = seen.size < 2;
    if (state === this.state) return;
    this.state = state;
    const height = HEIGHTS[names.length > 2 ? 1 : 0];
    this.drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    this.draw(ways, placesOf(names, WIDTH, height), seen, last);
  }

  draw(ways, places, seen, last) {
    this.drawing.setAttribute("aria-label", WORDS.pathOf(ways.map(({ from, to, count }) => WORDS.leg(from, to, count))));
    const head = s("marker", { id: "way-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      s("path", { d: "M0 0 8 4 0 8z" }));
    const nodes = [...places].map(([camera, place]) => node(camera, place, seen.has(camera), camera === last));
    this.drawing.replaceChildren(s("defs", {}, head), ...ways.map((way) => edge(way, places)), ...nodes);
  }
}

/** Ways from one camera to another, those of the same ends together: { key, from, to, count, seconds }. */
function waysOf(tracklets) {
  const found = new Map();
  for (const { from, to, seconds } of transitsOf(tracklets)) {
    if (from === to) continue;
    const way = found.get(`${from}>${to}`) ?? { key: `${from}>${to}`, from, to, all: [] };
    way.all.push(Math.max(0, seconds));
    found.set(way.key, way);
  }
  return [...found.values()].map(({ all, ...way }) => ({ ...way, count: all.length, seconds: middle(all) }));
}

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function node(camera, { x, y }, seen, last) {
  const name = s("text", { x, y: y + RADIUS + 15 });
  name.textContent = camera;
  const classes = ["node", seen && "seen", last && "last"].filter(Boolean).join(" ");
  return s("g", { class: classes }, s("circle", { cx: x, cy: y, r: RADIUS }), name);
}

/** A line that bends to its left, with an arrow, how often it was gone and how long it took. */
function edge({ from, to, count, seconds }, places) {
  const [a, b] = [places.get(from), places.get(to)];
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  const bend = { x: (a.x + b.x) / 2 + dy * BEND, y: (a.y + b.y) / 2 - dx * BEND };
  const near = RADIUS + 4;
  const start = { x: a.x + (dx / length) * near, y: a.y + (dy / length) * near };
  const end = { x: b.x - (dx / length) * near, y: b.y - (dy / length) * near };
  const line = s("path", { d: `M${start.x} ${start.y}Q${bend.x} ${bend.y} ${end.x} ${end.y}`, "marker-end": "url(#way-head)" });
  const [outX, outY] = [(dy / length) * LABEL, 4 - (dx / length) * LABEL];
  const label = s("text", { x: (bend.x + (a.x + b.x) / 2) / 2 + outX, y: (bend.y + (a.y + b.y) / 2) / 2 + outY });
  label.textContent = count > 1 ? WORDS.often(count, brief(seconds)) : brief(seconds);
  return s("g", { class: "way" }, line, label);
}
