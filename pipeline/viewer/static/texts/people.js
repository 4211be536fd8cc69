// Who was seen where, and when.

import { numbers } from "./numbers.js";

const person = (n) => `Person ${n}`;

export const people = {
  people: "People",
  arrow: "→",
  person,
  provisional: (name) => `${name}?`,
  called: ({ identity, name }) => name || person(identity),

  zone: (day, offset) => `Capture times, ${day ? `${day}, ` : ""}${offset}`,
  inView: "In view now",
  earlier: "Seen earlier",
  nobody: "Nobody yet",
  nobodyWhy: "Everybody the cameras see appears here, with one number across all cameras.",
  liveIn: (cameras) => `now in ${cameras.join(", ")}`,
  handover: (cameras) => `${cameras} cameras`,
  handoverHelp: (cameras) => `Recognised in ${cameras} cameras`,
  thumbnail: (n, camera) => `Person ${n} in ${camera}`,

  back: "All people",
  gone: (n) => `Person ${n} is not known here, or not any more.`,
  tracklets: (count) => (count === 1 ? "Seen once" : `Seen ${count} times`),
  certain: (confidence) => `${numbers.percent(confidence)} certain`,
  certainHelp: "Probability that this is the same person",
  still: "still in view",
};
