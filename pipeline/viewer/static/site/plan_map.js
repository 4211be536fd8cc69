// The floor plan seen from above: cameras, what they see, and where people stand now.

import { look } from "../colours.js";
import { h } from "../dom.js";
import { s } from "../svg.js";
import { texts } from "../texts.js";

const WORDS = texts.site;
const HIGHEST = 640;
const RIM = 24;
const TRAIL_SECONDS = 4;
const GONE_SECONDS = 2; // after the last box
const NICE = [1, 2, 5, 10, 20, 50, 100];

/** Where feet at the middle of a box's lower edge stand, metres; null: not on the ground. */
export function onPlan(homography, [x, y, width, height]) {
  const foot = [x + width / 2, y + height, 1];
  const [px, py, w] = homography.map((row) => row[0] * foot[0] + row[1] * foot[1] + row[2] * foot[2]);
  return w > 0 ? [px / w, py / w] : null;
}

export class PlanMap {
  constructor(model, clock) {
    Object.assign(this, { model, clock, cameras: new Map(), trails: new Map() });
    this.drawing = s("svg", { class: "plan", role: "img" });
    this.ground = s("g");
    this.people = s("g");
    this.drawing.append(this.ground, this.people);
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
    this.width = width;
    const placed = plan.cameras.filter((camera) => camera.placed);
    const shown = placed.length ? placed : plan.cameras.length === 1 ? plan.cameras : [];
    this.cameras = new Map(shown.map((camera) => [camera.camera, camera]));
    this.drawing.toggleAttribute("hidden", !shown.length);
    this.how.hidden = plan.cameras.length > 0;
    const apart = plan.cameras.length > 0 && !shown.length;
    const missing = plan.cameras.length && plan.missing.length ? WORDS.missing(plan.missing) : "";
    this.note.textContent = [shown.length ? WORDS.planHelp : "", apart ? WORDS.apart : "", missing].filter(Boolean).join(" ");
    if (shown.length) this.drawGround(shown);
  }

  drawGround(cameras) {
    const points = cameras.flatMap(({ place, field_of_view }) => [...field_of_view, ...(place ? [place] : [])]);
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    this.left = Math.min(...xs);
    this.top = Math.max(...ys);
    const [across, along] = [Math.max(...xs) - this.left || 1, this.top - Math.min(...ys) || 1];
    this.scale = Math.min((this.width - 2 * RIM) / across, (HIGHEST - 2 * RIM) / along);
    this.drawing.setAttribute("viewBox", `0 0 ${this.width} ${Math.round(along * this.scale) + 2 * RIM + 18}`);
    this.ground.replaceChildren(...cameras.map((camera) => this.field(camera)), ...cameras.map((camera) => this.camera(camera)), this.ruler(along));
  }

  at([x, y]) {
    return [RIM + (x - this.left) * this.scale, RIM + (this.top - y) * this.scale];
  }

  field({ field_of_view }) {
    return s("polygon", { class: "field", points: field_of_view.map((point) => this.at(point).map(Math.round).join()).join(" ") });
  }

  camera({ camera, place }) {
    if (!place) return s("g");
    const [x, y] = this.at(place);
    const name = s("text", { x: x + 10, y: y + 4 });
    name.textContent = camera;
    return s("g", { class: "camera" }, s("circle", { cx: x, cy: y, r: 6 }), name);
  }

  ruler(along) {
    const metres = NICE.findLast((length) => length * this.scale < this.width / 4) ?? 1;
    const y = Math.round(along * this.scale) + 2 * RIM + 6;
    const text = s("text", { x: RIM + metres * this.scale + 6, y: y + 4 });
    text.textContent = WORDS.metres(metres);
    return s("g", { class: "ruler" }, s("path", { d: `M${RIM} ${y - 4}v8M${RIM} ${y}h${metres * this.scale}m0 -4v8` }), text);
  }

  /** The boxes of a camera's picture: everybody in them stands somewhere. */
  saw({ camera, time, boxes }) {
    const known = this.cameras.get(camera);
    if (!known) return;
    for (const { tracklet, xywh } of boxes) {
      const place = onPlan(known.homography, xywh);
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
    const path = points.map(({ place }) => this.at(place).map((value) => value.toFixed(1)).join(" "));
    const [x, y] = this.at(points.at(-1).place);
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
