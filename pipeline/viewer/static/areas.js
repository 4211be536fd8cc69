// The parts of cameras' pictures that have a meaning: zones, where people come in and leave, and masks.

const DARK = "rgb(0 0 0 / 72%)";
const ZONE = "#ffffff";
const LOST = "#f0e442"; // where people are lost from sight and found again
const MASK = "#b0b8c4";
const FONT = "600 11px system-ui, sans-serif";
const NOTHING = { zones: [], masks: [] };

/** What is known of every camera; asked for again with `refresh`. */
export class Areas {
  /** @param changed called when there is something else to draw */
  constructor(api, changed) {
    Object.assign(this, { api, changed, cameras: new Map() });
  }

  async refresh() {
    const answer = await this.api.get("/areas").catch(() => null);
    if (!answer) return; // what is known stays
    this.cameras = new Map(answer.map((each) => [each.camera, each]));
    this.changed();
  }

  /** Draws those of a camera; `view` is where its picture is: { x, y, width, height }. */
  draw(context, view, camera) {
    const { zones, masks } = this.cameras.get(camera) ?? NOTHING;
    for (const corners of masks) outline(context, view, corners, MASK, [2, 3]);
    for (const { corners, lost } of zones) outline(context, view, corners, lost ? LOST : ZONE, [7, 5]);
    for (const { name, corners, lost } of zones) label(context, view, corners, name, lost ? LOST : ZONE);
  }
}

const onScreen = (view, [x, y]) => [view.x + x * view.width, view.y + y * view.height];

function outline(context, view, corners, colour, dash) {
  context.beginPath();
  for (const corner of corners) context.lineTo(...onScreen(view, corner));
  context.closePath();
  context.lineJoin = "round";
  for (const [width, style, pattern] of [[3.5, DARK, []], [1.5, colour, dash]]) {
    Object.assign(context, { lineWidth: width, strokeStyle: style });
    context.setLineDash(pattern);
    context.stroke();
  }
  context.setLineDash([]);
}

/** In the middle of the zone, as far as the picture reaches. */
function label(context, view, corners, name, colour) {
  const middle = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
  const [x, y] = onScreen(view, middle.map((value) => Math.min(0.97, Math.max(0.03, value))));
  Object.assign(context, { font: FONT, textAlign: "center", textBaseline: "middle", lineWidth: 3, strokeStyle: DARK, fillStyle: colour });
  context.strokeText(name, x, y);
  context.fillText(name, x, y);
  context.textAlign = "start";
}
