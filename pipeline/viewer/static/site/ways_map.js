// The cameras and the ways between them: drawn, and as a table.

import { h } from "../dom.js";
import { placesOf } from "../identities/places.js";
import { hashOf } from "../router.js";
import { s } from "../svg.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";
import { brief } from "../times.js";

const WORDS = texts.site;
const WIDEST_PX = 760;
const RADIUS = 12;
const BEND = 0.14; // of the distance: there and back are two lines
const THINNEST = 1.4;
const WIDEST = 9;
const MOST_DRAWN = 60; // ways: more are a ball of wool, the table has them all

export class WaysMap {
  constructor() {
    this.drawing = s("svg", { class: "ways", role: "group" });
    this.note = h("p", { class: "hint" });
    this.table = new Table(WORDS.ways, WORDS.wayColumns);
    const details = h("details", {}, h("summary", {}, WORDS.asTable), this.table.element);
    this.element = h("section", {}, h("h3", {}, WORDS.ways), this.drawing, this.note, details);
  }

  /**
   * @param graph the answer of /graph
   * @param plan the answer of /plan: where cameras stand, if that is known of all
   * @param space pixels there are
   */
  update({ cameras, ways }, plan, space) {
    const width = Math.min(WIDEST_PX, space);
    const walked = ways.filter(({ flow, from_camera, to_camera }) => flow && from_camera !== to_camera);
    this.note.textContent = walked.length ? WORDS.waysHelp : WORDS.noWays;
    const height = cameras.length > 2 ? Math.min(520, 240 + 14 * cameras.length) : 150;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const places = standing(cameras, plan, width, height) ?? placesOf(cameras, width, height);
    this.draw(walked.slice(0, MOST_DRAWN), places);
    this.table.update(ways.map(row));
  }

  draw(ways, places) {
    const most = Math.max(1, ...ways.map(({ flow }) => flow.count));
    this.drawing.setAttribute("aria-label", WORDS.waysOf(ways.map((way) => WORDS.way(told(way)))));
    const arrows = ways.filter(({ from_camera, to_camera }) => places.has(from_camera) && places.has(to_camera));
    this.drawing.replaceChildren(...arrows.map((way) => arrow(way, places, most)), ...[...places].map(([camera, place]) => node(camera, place)));
  }
}

/** Where cameras stand on the plan, scaled into the drawing; null: not all of them are placed. */
function standing(cameras, plan, width, height) {
  const placed = new Map(plan.cameras.filter(({ placed, place }) => placed && place).map(({ camera, place }) => [camera, place]));
  if (cameras.length < 2 || !cameras.every((camera) => placed.has(camera))) return null;
  const [xs, ys] = [0, 1].map((axis) => cameras.map((camera) => placed.get(camera)[axis]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const rim = 50;
  const scale = Math.min((width - 2 * rim) / (right - left || 1), (height - 2 * rim) / (high - low || 1));
  const middle = { x: (left + right) / 2, y: (low + high) / 2 };
  return new Map(cameras.map((camera) => {
    const [x, y] = placed.get(camera);
    return [camera, { x: width / 2 + (x - middle.x) * scale, y: height / 2 - (y - middle.y) * scale }];
  }));
}

function told({ from_camera, to_camera, flow, learned }) {
  const median = learned?.median ?? flow.median;
  return { from: from_camera, to: to_camera, count: flow.count, seconds: brief(Math.max(0, median)) };
}

function row({ from_camera, to_camera, flow, learned }) {
  return {
    key: `${from_camera}>${to_camera}`,
    cells: [
      from_camera, from_camera === to_camera ? WORDS.backAgain(to_camera) : to_camera,
      flow ? WORDS.count(flow.count) : WORDS.none, flow ? brief(flow.median) : WORDS.none,
      learned ? brief(learned.median) : WORDS.none,
      learned ? WORDS.between(brief(learned.p10), brief(learned.p90)) : WORDS.none,
      learned ? WORDS.weight(learned.weight) : WORDS.none,
    ],
  };
}

/** A camera; it leads to those who were seen there. */
function node(camera, { x, y }) {
  const name = s("text", { x, y: y + RADIUS + 16 });
  name.textContent = camera;
  return s("a", { href: `${hashOf("identities")}?camera=${encodeURIComponent(camera)}`, class: "camera-node" },
    s("circle", { cx: x, cy: y, r: RADIUS }), name);
}

/** A line that bends to its left, as wide as people went this way, with a head and a time. */
function arrow(way, places, most) {
  const { from, to, count, seconds } = told(way);
  const [a, b] = [places.get(from), places.get(to)];
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const bend = { x: (a.x + b.x) / 2 + dy * BEND, y: (a.y + b.y) / 2 - dx * BEND };
  const width = THINNEST + (WIDEST - THINNEST) * Math.sqrt(count / most);
  const head = 6 + width;
  const start = { x: a.x + ux * (RADIUS + 4), y: a.y + uy * (RADIUS + 4) };
  const tip = { x: b.x - ux * (RADIUS + 4), y: b.y - uy * (RADIUS + 4) };
  const [hx, hy] = toward(bend, tip);
  const neck = { x: tip.x - hx * head, y: tip.y - hy * head };
  const line = s("path", { class: "line", "stroke-width": width, d: `M${start.x} ${start.y}Q${bend.x} ${bend.y} ${neck.x} ${neck.y}` });
  const half = head * 0.6;
  const point = s("path", { class: "head", d: `M${tip.x} ${tip.y}L${neck.x - hy * half} ${neck.y + hx * half}L${neck.x + hy * half} ${neck.y - hx * half}z` });
  const label = s("text", { x: (bend.x + (a.x + b.x) / 2) / 2 + uy * (11 + width / 2), y: (bend.y + (a.y + b.y) / 2) / 2 + 4 - ux * (11 + width / 2) });
  label.textContent = seconds;
  const title = s("title");
  title.textContent = WORDS.way({ from, to, count, seconds });
  return s("g", { class: "flow" }, title, line, point, label);
}

function toward(from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return [(to.x - from.x) / length, (to.y - from.y) / length];
}
