// Somebody's way over the floor, where cameras know it: seen along whole lines, and between them unseen.

import { get } from "../api.js";
import { h, setText } from "../dom.js";
import { PlanGround, onPlan, together } from "../site/plan_ground.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";
import { clockSpan } from "../times.js";

const WORDS = texts.identities;
const WIDTH = 420;
const HIGHEST = 420;

export class PathPlan {
  constructor() {
    Object.assign(this, { cameras: new Map(), state: "" });
    this.drawing = s("svg", { class: "plan", role: "img" });
    this.ground = new PlanGround(this.drawing);
    this.way = s("g", { class: "walk" });
    const head = s("marker", { id: "walk-head", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto", markerUnits: "userSpaceOnUse" },
      s("path", { d: "M0 0 8 4 0 8z" }));
    this.drawing.append(s("defs", {}, head), this.way);
    this.note = h("p", { class: "hint" });
    this.element = h("section", { hidden: "" }, h("h3", {}, WORDS.path), this.drawing, this.note);
  }

  /** Asks which cameras know the floor; `changed` is called if some do. */
  async load(changed) {
    const plan = await get("/plan").catch(() => ({ cameras: [] }));
    this.cameras = new Map(together(plan).map((camera) => [camera.camera, camera]));
    this.state = "";
    if (!this.cameras.size) return;
    this.ground.take([...this.cameras.values()], WIDTH, HIGHEST);
    changed();
  }

  /**
   * Draws somebody's tracklets, in order of time.
   * @returns false if no camera that saw them knows the floor
   */
  update(tracklets) {
    const legs = tracklets.map((tracklet) => this.leg(tracklet)).filter(Boolean);
    this.element.hidden = !legs.length;
    const state = JSON.stringify(legs);
    if (state === this.state) return legs.length > 0;
    this.state = state;
    const elsewhere = [...new Set(tracklets.map(({ camera }) => camera))].filter((camera) => !this.cameras.has(camera));
    setText(this.note, [WORDS.walkHelp, elsewhere.length ? texts.site.missing(elsewhere) : ""].filter(Boolean).join(" "));
    this.drawing.setAttribute("aria-label", WORDS.walkOf(legs.map(({ camera, times }) => WORDS.seenThere(camera, times))));
    this.draw(legs);
    return legs.length > 0;
  }

  /** A tracklet from where its feet came into the picture to where they left it, in pixels. */
  leg({ camera, entered, left, begin, end }) {
    const known = this.cameras.get(camera);
    const ends = known ? [entered, left].map((point) => onPlan(known.homography, point)) : [null];
    if (ends.includes(null)) return null;
    const [from, to] = ends.map((end) => this.ground.at(end).map((value) => Math.round(value * 10) / 10));
    return { camera, from, to, times: clockSpan(begin, end) };
  }

  draw(legs) {
    const unseen = legs.slice(1).map(({ from }, index) => s("path", { class: "unseen-way", d: `M${legs[index].to}L${from}` }));
    const seen = legs.map((leg) => line(leg));
    const [x, y] = legs.at(-1)?.to ?? [0, 0];
    const last = legs.length ? [s("circle", { class: "here", cx: x, cy: y, r: 7 })] : [];
    this.way.replaceChildren(...unseen, ...seen, ...last);
  }
}

function line({ camera, from, to, times }) {
  const title = s("title");
  title.textContent = WORDS.seenThere(camera, times);
  return s("path", { class: "seen-way", d: `M${from}L${to}`, "marker-end": "url(#walk-head)" }, title);
}
