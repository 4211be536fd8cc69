// The floor seen from above: cameras, what they see, and a ruler. Others draw people onto it.

import { s } from "../svg.js";
import { texts } from "../texts.js";

const RIM = 24;
const NICE = [1, 2, 5, 10, 20, 50, 100];

/** Where feet at a point of the picture stand, metres; null: not on the ground. */
export function onPlan(homography, [x, y]) {
  const [px, py, w] = homography.map((row) => row[0] * x + row[1] * y + row[2]);
  return w > 0 ? [px / w, py / w] : null;
}

/** The cameras that one plan can show: those with a place on it, or the only one there is. */
export function together({ cameras }) {
  const placed = cameras.filter(({ placed }) => placed);
  if (placed.length) return placed;
  return cameras.length === 1 ? cameras : [];
}

export class PlanGround {
  /** @param drawing the SVG it is the lowest part of */
  constructor(drawing) {
    this.drawing = drawing;
    this.element = s("g");
    drawing.append(this.element);
  }

  /**
   * Draws cameras.
   * @param cameras those of /plan that share a plan
   * @param width, highest pixels there are
   */
  take(cameras, width, highest) {
    this.width = width;
    const points = cameras.flatMap(({ place, field_of_view }) => [...field_of_view, ...(place ? [place] : [])]);
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    this.left = Math.min(...xs);
    this.top = Math.max(...ys);
    const [across, along] = [Math.max(...xs) - this.left || 1, this.top - Math.min(...ys) || 1];
    this.scale = Math.min((width - 2 * RIM) / across, (highest - 2 * RIM) / along);
    const bottom = Math.round(along * this.scale) + 2 * RIM;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${bottom + 18}`);
    const fields = cameras.map((camera) => this.field(camera));
    this.element.replaceChildren(...fields, ...cameras.map((camera) => this.camera(camera)), this.ruler(bottom + 6));
  }

  /** From metres on the plan to pixels of the drawing. */
  at([x, y]) {
    return [RIM + (x - this.left) * this.scale, RIM + (this.top - y) * this.scale];
  }

  field({ field_of_view }) {
    return s("polygon", { class: "field", points: field_of_view.map((point) => this.at(point).map(Math.round).join()).join(" ") });
  }

  camera({ camera, place }) {
    if (!place) return s("g");
    const [x, y] = this.at(place);
    const name = s("text", x < this.width / 2 ? { x: x + 10, y: y + 4 } : { x: x - 10, y: y + 4, class: "before" });
    name.textContent = camera;
    return s("g", { class: "camera" }, s("circle", { cx: x, cy: y, r: 6 }), name);
  }

  ruler(y) {
    const metres = NICE.findLast((length) => length * this.scale < this.width / 4) ?? 1;
    const text = s("text", { x: RIM + metres * this.scale + 6, y: y + 4 });
    text.textContent = texts.site.metres(metres);
    return s("g", { class: "ruler" }, s("path", { d: `M${RIM} ${y - 4}v8M${RIM} ${y}h${metres * this.scale}m0 -4v8` }), text);
  }
}
