// The audit log: who did what.

const person = (n) => `Person ${n}`;
const corrected = {
  merge: ({ keep, other }) => `Said that ${person(other)} is ${person(keep)}`,
  split: ({ identity }) => `Took sightings off ${person(identity)}`,
  rename: ({ identity }) => `Named ${person(identity)}`,
  undo: () => "Took a correction back",
};
const did = {
  "sign in": (details, done) => (done ? "Signed in" : "Tried to sign in"),
  "sign out": () => "Signed out",
  search: ({ by }) => (by === "picture" ? "Searched by a photo" : "Searched by a picture from here"),
  correction: (details) => corrected[details.kind]?.(details) ?? "Corrected something",
  forget: ({ identity }) => (identity ? `Had ${person(identity)} forgotten` : "Had somebody forgotten"),
  export: ({ file }) => `Exported ${file ?? "figures"}`,
  reload: () => "Had the settings read anew",
};

export const audit = {
  about: "Who signed in, looked for somebody or changed something, newest first.",
  entries: "Entries",
  columns: ["When", "What", "Who", "From"],
  user: "Who",
  userPlaceholder: "A user's name",
  action: "What",
  anything: "Anything",
  actions: {
    "sign in": "Signing in", "sign out": "Signing out", search: "Searches", correction: "Corrections",
    forget: "Forgetting", export: "Exports", reload: "Settings read anew",
  },
  nobody: "not signed in",
  did: ({ action, details, done }) => did[action]?.(details, done) ?? action,
  where: ({ camera }) => (camera ? `at ${camera}` : ""),
  refused: "refused",
  older: "Show older entries",
  none: "Nothing of the kind is in the log.",
};
