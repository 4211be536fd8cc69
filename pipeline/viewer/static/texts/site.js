// The Site screen.

import { numbers } from "./numbers.js";

export const site = {
  loading: "Counting…",
  now: "In view now",
  people: "People seen",
  stay: "Median stay",
  busiest: "Busiest camera",
  nowHelp: "People with a sighting within the last seconds.",
  peopleHelp: "Each counted once, however often they came.",
  stayHelp: "From first to last sight of a visit, which ends when somebody is out of sight for five minutes.",
  none: "–",
  count: (value) => numbers.whole(value),
  ofCamera: (camera, people) => `${camera} (${numbers.whole(people)})`,

  hours: "People per hour",
  hourColumns: (cameras) => ["Hour", "All", ...cameras],
  hour: (hour, people) => `${hour}: ${people === 1 ? "1 person" : `${numbers.whole(people)} people`}`,
  hoursHelp: "Everybody is counted once in each hour in which they were seen.",
  asTable: "As a table",

  stays: "How long people stay in view",
  stayColumns: ["Camera", "Visits", "Median", "Mean", "9 of 10 within"],
  wholeSite: "The whole site",

  ways: "Ways between cameras",
  waysHelp: "Arrows are as wide as people went that way in this time; beside them the time it takes as a rule.",
  wayColumns: ["From", "To", "People", "Median", "Learned: median", "1 to 9 of 10", "Rests on"],
  way: ({ from, to, count, seconds }) => `${from} → ${to}: ${count}×${seconds ? `, ${seconds}` : ""}`,
  waysOf: (ways) => `Ways between cameras. ${ways.join("; ")}`,
  noWays: "Nobody went from one camera to another in this time.",
  backAgain: (camera) => `${camera} again`,
  between: (low, high) => `${low} to ${high}`,
  weight: (value) => numbers.decimal(value),

  plan: "Floor plan",
  planHelp: "Where people stand now, by their feet; lines show where they came from in the last seconds.",
  planOf: (names) => (names.length ? `Floor plan. In view: ${names.join(", ")}` : "Floor plan. Nobody is in view."),
  noPlan: "No camera knows where the floor is yet. Measure it once for each camera:",
  planCommand: "python -m calibration.ground points --camera NAME --points points.yaml --output ground/NAME.yaml",
  planThen: "then name the file in cams.yaml: cameras.NAME.ground.",
  missing: (cameras) => `Without a floor: ${cameras.join(", ")}.`,
  apart: "These cameras have a floor, but no common plan: give each --at x,y,heading.",
  metres: (value) => `${value} m`,

  exports: "Download",
  exportsHelp: "What was seen in the time above.",
  files: { identities: "People", tracklets: "Sightings", statistics: "Figures" },
  file: (what, kind) => `${what} as ${kind.toUpperCase()}`,
};
