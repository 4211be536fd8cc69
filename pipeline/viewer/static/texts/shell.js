// What stands around every screen: the bar, the line to the server, the help.

export const shell = {
  cameras: "Cameras",
  summary: (live, cameras, people) =>
    `${live} of ${cameras} ${cameras === 1 ? "camera" : "cameras"} live · ` +
    (people === 0 ? "nobody in view" : `${people} ${people === 1 ? "person" : "people"} in view`),

  notConnected: "Not connected",
  lost: "The connection to the viewer is lost. What you see is the last picture received.",
  reconnecting: (seconds) => (seconds > 0 ? `Trying again in ${seconds} s…` : "Trying again…"),
  signIn: "You have been signed out: reload the page to sign in again.",
  signOut: "Sign out",
  signedInAs: (name, role) => `Signed in as ${name} (${role})`,
  trouble: (sentence) => `Nothing new can be shown: ${sentence}`,
  noAnswer: "The viewer does not answer.",
  failed: (status) => `The viewer could not do that (${status}).`,

  navigation: "Screens",
  screens: { live: "Live", identities: "Identities", search: "Search", site: "Site", health: "Health", audit: "Audit log", recording: "Recording" },
  title: (screen, site) => [screen, site, "Handoff"].filter(Boolean).join(" · "),
  close: "Close",
  cancel: "Cancel",
  looking: "Looking…",
  tryAgain: "Try again",

  keys: "Keys",
  keysTitle: "Keys on every screen",
  keysOn: "Use these keys",
  or: "or",
  goTo: (screen) => `Go to ${screen}`,
  showHelp: "Show this help",
  leave: "Leave what is open",
};
