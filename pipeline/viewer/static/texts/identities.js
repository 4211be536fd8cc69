// Everybody who was seen, one of them, and what people correct about them.

const times = (count) => (count === 1 ? "once" : `${count} times`);
const some = (count) => (count === 1 ? "1 sighting" : `${count} sightings`);
const person = (n) => `Person ${n}`;
const list = new Intl.ListFormat("en", { type: "conjunction" });

export const identities = {
  live: "Live",
  inViewNow: "In view now",
  where: (cameras, count) => `${cameras.length === 1 ? cameras[0] : `${cameras.length} cameras`} · ${times(count)}`,
  choose: (name) => `Choose ${name}`,
  chosen: (count) => `${count} chosen${count === 1 ? ": choose another one to merge them" : ""}`,
  chooseNone: "Choose none",
  actions: "What to do with those chosen",
  newer: (count) => (count === 1 ? "1 newer" : `${count} newer`),
  noneSuch: "Nobody was found. Is the time right, or the camera?",
  looking: "Looking…",

  merge: "Merge",
  mergeTitle: (count) => (count === 2 ? "Are these two one person?" : `Are these ${count} one person?`),
  whoStays: "Which number do they keep?",
  mergeMeans: "All their sightings come together under it. The other numbers lead there. It can be undone.",
  mergeWith: "Merge with…",
  mergeWithWhom: (name) => `Who else is ${name}?`,
  nameOrNumber: "Name or number",
  latestFirst: "Those seen last come first.",

  rename: "Rename",
  save: "Save",
  nameOf: "Name of this person; empty: none",
  searchAlike: "Search alike",
  forget: "Forget…",
  forgetTitle: (name) => `Forget ${name}?`,
  forgetWhat: (name, count) =>
    `Everything about ${name} is erased: ${some(count)} with pictures and looks, the name, and what was corrected about them.`,
  forgetFinal: "It cannot be undone. Whoever they are, they get a new number when they come again.",
  forgetYes: "Erase for ever",

  journey: "Journey",
  timelineKeys: "Timeline: arrow keys move it, plus and minus zoom, 0 shows all",
  timelineHelp: "Point at a bar for its times, click it for the sighting. Zoom with + and −, or Ctrl and the wheel.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  zoomWhole: "Show the whole journey",
  whole: "All",
  path: "Path",
  walkHelp: "Whole lines: seen, from where the feet came into the picture to where they left it. Dotted: out of sight.",
  walkOf: (places) => `Path over the floor plan: ${places.join("; ")}`,
  seenThere: (camera, times) => `${camera}, ${times}`,
  pathOf: (legs) => (legs.length ? `Path over the cameras: ${list.format(legs)}` : "Seen by one camera only"),
  leg: (from, to, count) => `${from} to ${to}${count > 1 ? ` ${times(count)}` : ""}`,
  often: (count, duration) => `${duration} (${count}×)`,
  transits: "From camera to camera",
  backIn: (camera) => `again in ${camera}`,
  overlap: "at once",

  sightings: "Sightings",
  chooseSighting: (camera, time) => `Choose the sighting in ${camera} at ${time}`,
  chosenOf: (count, all) => `${count} of ${some(all)} chosen`,
  oneMustStay: "At least one sighting must stay.",
  split: "Is somebody else",
  like: (camera, time) => `${camera}, ${time}`,
  watch: "Watch in the recording",
  searchThis: "Search with this picture",
  attentionLoading: "Asking the network. The first time takes a few seconds…",
  attentionMeans: (count) => `The network looks at people with ${count} parts, each at a place of its own.`,
  part: (number) => `Part ${number}: where it looks`,
  noPicture: "The picture is not kept any more.",
};

const said = {
  merge: ({ identity, other }) => `${person(other)} is ${person(identity)}`,
  split: ({ identity, other, moved }) => `${some(moved)} of ${person(identity)} became ${person(other)}`,
  rename: ({ identity }) => `${person(identity)} was renamed`,
  forget: ({ identity }) => `${person(identity)} was forgotten`,
  undo: ({ identity }) => `A correction of ${person(identity)} was undone`,
};

export const corrections = {
  title: "Corrections",
  none: "Nobody has corrected anything here.",
  entry: (entry) => said[entry.kind](entry),
  undo: "Undo",
  undoThis: (what) => `Undo: ${what}`,
  undone: "Undone.",
  merged: (keep, others) => `${list.format(others.map(person))} ${others.length === 1 ? "is" : "are"} ${person(keep)} now.`,
  split: (count, identity, other) => `${some(count)} of ${person(identity)} ${count === 1 ? "is" : "are"} ${person(other)} now.`,
  renamed: (identity, name) => (name ? `${person(identity)} is called ${name} now.` : `${person(identity)} has no name any more.`),
  forgotten: (identity) => `${person(identity)} is forgotten.`,
};

export const filters = {
  title: "Filters",
  name: "Name",
  namePlaceholder: "Part of a name",
  camera: "Camera",
  anyCamera: "All cameras",
  time: "Seen",
  periods: { "": "At any time", hour: "In the last hour", today: "Today", day: "In the last 24 hours", week: "In the last 7 days", between: "Between…" },
  from: "From",
  to: "To",
  live: "In view now",
  clear: "Clear filters",
};
