// Where cameras stand in a small drawing.

const RIM = 44; // for names

/** Map camera → { x, y } in a drawing of this size: round an ellipse, the first at the left. */
export function placesOf(cameras, width, height) {
  const [a, b] = [width / 2 - RIM, height / 2 - RIM];
  return new Map(cameras.map((camera, index) => {
    const angle = Math.PI + (2 * Math.PI * index) / cameras.length;
    return [camera, { x: width / 2 + a * Math.cos(angle), y: height / 2 + b * Math.sin(angle) }];
  }));
}
