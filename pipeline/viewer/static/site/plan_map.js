// The floor plan seen from above: cameras, what they see, and where people stand now.

import { look } from "../colours.js";
import { h } from "../dom.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";
import { PlanGround, onPlan, together } from "./plan_ground.js";

const WORDS = texts.site;
const HIGHEST = 640;
const TRAIL_SECONDS = 4;
const GONE_SECONDS = 2; // after the last box

const feet = ([x, y, width, height]) => [x + width / 2, y + height];

export class PlanMap {
  constructor(model, clock) {
    Object.assign(this, { model, clock, cameras: new Map(), trails: new Map() });
    this.drawing = s("svg", { class: "plan", role: "img", "aria-label": WORDS.plan });
    this.ground = new PlanGround(this.drawing);
    this.people = s("g");
    this.drawing.append(this.people);
    this.note = h("p", { class: "hint" });
    this.how = h("div", { class: "how" }, h("p", {}, WORDS.noPlan), h("pre", {}, WORDS.planCommand), h("p", {}, WORDS.planThen));
    this.element = h("section", {}, h("h3", {}, WORDS.plan), this.drawing, this.note, this.how);
  }

  /** The cameras on the plan; their boxes are wanted. */
  get wanted() {
    return [...this.cameras.keys()];
  }

  /**
   * @param plan the answer of /plan
   * @param width pixels there are
   */
  take(plan, width) {
    const shown = together(plan);
    this.cameras = new Map(shown.map((camera) => [camera.camera, camera]));
    this.drawing.toggleAttribute("hidden", !shown.length);
    this.how.hidden = plan.cameras.length > 0;
    const apart = plan.cameras.length > 0 && !shown.length;
    const missing = plan.cameras.length && plan.missing.length ? WORDS.missing(plan.missing) : "";
    this.note.textContent = [shown.length ? WORDS.planHelp : "", apart ? WORDS.apart : "", missing].filter(Boolean).join(" ");
    if (shown.length) this.ground.take(shown, width, HIGHEST);
  }

  /** The boxes of a camera's picture: everybody in them stands somewhere. */
  saw({ camera, time, boxes }) {
    const known = this.cameras.get(camera);
    if (!known) return;
    for (const { tracklet, xywh } of boxes) {
      const place = onPlan(known.homography, feet(xywh));
      if (!place) continue;
      const trail = this.trails.get(tracklet) ?? { points: [], seen: 0 };
      trail.points = [...trail.points.filter((point) => point.time > time - TRAIL_SECONDS && point.time < time), { place, time }];
      trail.seen = this.clock.now();
      this.trails.set(tracklet, trail);
    }
  }

  /** Called a few times a second while it is shown. */
  update() {
    const now = this.clock.now();
    for (const [tracklet, { seen }] of this.trails) if (now - seen > GONE_SECONDS) this.trails.delete(tracklet);
    const people = [...this.trails].map(([tracklet, trail]) => ({ ...trail, identity: this.model.owners.get(tracklet) }));
    const names = people.filter(({ identity }) => identity !== undefined).map(({ identity }) => this.nameOf(identity));
    this.drawing.setAttribute("aria-label", WORDS.planOf([...new Set(names)].sort()));
    this.people.replaceChildren(...people.map((person) => this.person(person)));
  }

  nameOf(identity) {
    return texts.called(this.model.people.get(identity) ?? { identity });
  }

  person({ points, identity }) {
    const { hue, stripe } = identity === undefined ? { hue: "none", stripe: null } : look(identity);
    const path = points.map(({ place }) => this.ground.at(place).map((value) => value.toFixed(1)).join(" "));
    const [x, y] = this.ground.at(points.at(-1).place);
    const parts = [
      s("path", { class: "trail", d: `M${path.join("L")}`, stroke: identity === undefined ? "currentColor" : hue }),
      s("circle", { cx: x, cy: y, r: 8, fill: hue, stroke: stripe ?? "currentColor" }),
    ];
    if (identity !== undefined) {
      const name = s("text", { x: x + 12, y: y + 4 });
      name.textContent = this.nameOf(identity);
      parts.push(name);
    }
    return s("g", { class: "person-dot" }, ...parts);
  }
}
