// Every text of the page, in one place.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });

export const texts = {
  cameras: "Cameras",
  people: "People",
  arrow: "→",
  person: (n) => `Person ${n}`,
  summary: (live, cameras, people) =>
    `${live} of ${cameras} ${cameras === 1 ? "camera" : "cameras"} live · ` +
    (people === 0 ? "nobody in view" : `${people} ${people === 1 ? "person" : "people"} in view`),

  fps: (value) => `${number.format(value)} fps`,
  delay: (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${number.format(seconds)} s`),
  pace: (status) =>
    `Analysed: ${number.format(status.fps)} pictures a second. ` +
    `From arrival to tracks: ${Math.round(status.delay * 1000)} ms. Dropped to stay live: ${Object.values(status.drops).reduce((sum, n) => sum + n, 0)}.`,
  delayHelp: "From the picture's arrival at the node to this screen",
  picture: (camera, names) => `${camera}: ${names.length ? names.join(", ") : "nobody recognised in view"}`,

  offline: "Offline",
  connecting: "Connecting…",
  ended: "Recording ended",
  unknown: "No news",
  unknownWhy: "No node is reporting this camera.",
  waitingForPicture: "Waiting for the first picture…",
  noPicture: (seconds) => `No picture for ${seconds} s`,
  since: (time) => `since ${time}`,
  nextTry: (seconds) => (seconds > 0 ? `next try in ${seconds} s` : "trying now…"),

  notConnected: "Not connected",
  lost: "The connection to the viewer is lost. What you see is the last picture received.",
  reconnecting: (seconds) => (seconds > 0 ? `Trying again in ${seconds} s…` : "Trying again…"),
  signIn: "This viewer wants its token again: reload the page.",
  trouble: (sentence) => `Nothing new can be shown: ${sentence}`,

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
  certain: (confidence) => `${percent.format(confidence)} certain`,
  certainHelp: "Probability that this is the same person",
  still: "still in view",
};
