// Every text of the page, in one place.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });

const whole = new Intl.NumberFormat();

const problems = {
  address: "Unknown address",
  authentication: "Wrong user name or password",
  not_found: "Nothing is served there",
  refused: "Nobody listens there",
  timeout: "No answer",
  tls: "No secure connection",
  server: "The camera reports an error",
  codec: "Video cannot be decoded",
  not_video: "Not a video",
  permission: "No permission",
  ended: "The stream ended",
  connection: "The connection broke",
  corrupt: "Broken pictures",
  region: "Region outside the picture",
  lens: "Lens measured at other proportions",
  clock: "Its clock is wrong",
  unexpected: "Reading failed",
};

const states = { connecting: "connecting", running: "live", ended: "ended" };
const roles = { node: "Runs cameras", matcher: "Matches", viewer: "Shows this page" };
const stages = {
  collect: "Waiting for pictures",
  detect: "Detecting",
  track: "Tracking",
  embed: "Embedding",
  match: "Matching",
  preview: "Making previews",
  redis: "Redis round trip",
  "to analysis": "From arrival to analysis",
  "to tracks": "From arrival to tracks",
  "to decision": "From arrival to decision",
  "to page": "From arrival to this page",
};
const reasons = {
  replaced: "replaced by newer",
  stale: "too old",
  skipped: "not decoded",
  corrupt: "broken",
  region: "outside the region",
  lens: "other than the lens",
  unconvertible: "not convertible",
};
const happened = { started: "has started", restarted: "has been restarted", gone: "is gone" };
const brief = (seconds) => (seconds < 0.01 ? `${number.format(seconds * 1000)} ms` : texts.delay(seconds));

export const texts = {
  cameras: "Cameras",
  people: "People",
  arrow: "→",
  person: (n) => `Person ${n}`,
  called: ({ identity, name }) => name || texts.person(identity),
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

  connecting: "Connecting…",
  ended: "Recording ended",
  unknown: "No news",
  unknownWhy: "No node is running this camera.",
  problem: (kind) => problems[kind] ?? (kind ? kind.replaceAll("_", " ") : "Offline"),
  runBy: (node) => (node ? `Run by ${node}` : ""),
  waitingForPicture: "Waiting for the first picture…",
  noPicture: (seconds) => `No picture for ${seconds} s`,
  since: (time) => `since ${time}`,
  nextTry: (seconds) => (seconds > 0 ? `next try in ${seconds} s` : "trying now…"),

  notConnected: "Not connected",
  lost: "The connection to the viewer is lost. What you see is the last picture received.",
  reconnecting: (seconds) => (seconds > 0 ? `Trying again in ${seconds} s…` : "Trying again…"),
  signIn: "This viewer wants its token again: reload the page.",
  trouble: (sentence) => `Nothing new can be shown: ${sentence}`,

  health: "Health",
  close: "Close",
  problems: (count) => (count === 1 ? "1 problem" : `${count} problems`),
  verdict: { well: "Everything works.", trouble: "Something needs looking after:", unknown: "Not known yet." },
  noNode: "No node is running: no camera is read.",
  noMatcher: "No matcher is running: nobody new is recognised.",
  nobodyDecides: "No matcher is deciding: nobody new is recognised.",
  silent: (name) => `${name} has not reported for a while.`,
  notReady: (name, note) => `${name} is not ready${note ? `: ${note}` : "."}`,
  processes: "Processes",
  processColumns: ["Process", "Task", "Running for", "CPU", "Memory", "Threads", "Cameras", "Redis"],
  cameraColumns: ["Camera", "State", "Node", "Received", "Analysed", "Left out", "Delay", "Clock"],
  times: "Times of the last half minute",
  timeColumns: ["What", "Process", "How often", "Mean", "95 of 100 within"],
  happenings: "What happened",
  happeningColumns: ["When", "What"],
  role: (role) => roles[role] ?? role,
  matcher: (working) => (working ? "Matches" : "Stands by"),
  stateOf: ({ state, problem }) => (state === "waiting" ? texts.problem(problem) : states[state]),
  percent: (share) => (share === null ? "–" : percent.format(share)),
  bytes: (bytes) => (bytes === null ? "–" : `${whole.format(Math.round(bytes / 1e6))} MB`),
  count: (value) => (value === null ? "–" : whole.format(value)),
  rate: (value) => (value === null ? "–" : `${number.format(value)} /s`),
  time: (seconds) => (seconds === null || seconds === undefined ? "–" : brief(seconds)),
  none: "none",
  drops: (rate, reason) => `${number.format(rate)} /s ${reasons[reason] ?? reason}`,
  dropped: (count, reason) => `${whole.format(count)} ${reasons[reason] ?? reason}`,
  droppedHelp: (totals) => `Left out since the start: ${totals.join(", ")}`,
  offset: (clock, seconds) => {
    if (clock === "file") return "of the recording";
    if (seconds === null) return "ours";
    return `${seconds < 0 ? "−" : "+"}${brief(Math.abs(seconds))}`;
  },
  timing: (what) => stages[what] ?? what,
  happened: (process, what) => `${process} ${happened[what]}`,

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
