// How the site is doing.

import { cameras } from "./cameras.js";
import { numbers } from "./numbers.js";

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
const brief = (seconds) => (seconds < 0.01 ? `${numbers.decimal(seconds * 1000)} ms` : numbers.seconds(seconds));

export const health = {
  toAudit: "Audit log: who did what",
  problems: (count) => (count === 1 ? "1 problem" : `${count} problems`),
  verdict: { well: "Everything works.", trouble: "Something needs looking after:", unknown: "Not known yet." },
  noNode: "No node is running: no camera is read.",
  noMatcher: "No matcher is running: nobody new is recognised.",
  nobodyDecides: "No matcher is deciding: nobody new is recognised.",
  silent: (name) => `${name} has not reported for a while.`,
  notReady: (name, note) => `${name} is not ready${note ? `: ${note}` : "."}`,
  processes: "Processes",
  processColumns: ["Process", "Task", "Running for", "CPU", "Memory", "Threads", "Cameras", "Redis"],
  cameraColumns: ["Camera", "State", "Node", "Received", "Analysed", "Left out", "Delay", "Clock", "Sent to pages"],
  times: "Times of the last half minute",
  timeColumns: ["What", "Process", "How often", "Mean", "95 of 100 within"],
  outgoing: "Who else is told",
  outgoingColumns: ["Way", "State"],
  wayOut: (name) => (name === "mqtt" ? "MQTT broker" : `Webhook ${name.replace(/^webhook:/, "")}`),
  told: (problem) => (problem ? "is not told" : "is told"),
  notTold: (name, problem) => `${name} is not told: ${problem}`,
  happenings: "What happened",
  happeningColumns: ["When", "What"],
  role: (role) => roles[role] ?? role,
  matcher: (working) => (working ? "Matches" : "Stands by"),
  stateOf: ({ state, problem }) => (state === "waiting" ? cameras.problem(problem) : states[state]),
  percent: (share) => (share === null ? "–" : numbers.percent(share)),
  bytes: (bytes) => (bytes === null ? "–" : `${numbers.whole(Math.round(bytes / 1e6))} MB`),
  count: (value) => (value === null ? "–" : numbers.whole(value)),
  rate: (value) => (value === null ? "–" : `${numbers.decimal(value)} /s`),
  time: (seconds) => (seconds === null || seconds === undefined ? "–" : brief(seconds)),
  none: "none",
  sent: (kinds) => kinds.map((kind) => kind.replace("h264", "H.264").replace(/^jpeg (\d+)$/, (_, width) => (width === "0" ? "boxes" : `JPEG ${width} px`))).join(", ") || "nobody looks",
  drops: (rate, reason) => `${numbers.decimal(rate)} /s ${reasons[reason] ?? reason}`,
  dropped: (count, reason) => `${numbers.whole(count)} ${reasons[reason] ?? reason}`,
  droppedHelp: (totals) => `Left out since the start: ${totals.join(", ")}`,
  offset: (clock, seconds) => {
    if (clock === "file") return "of the recording";
    if (seconds === null) return "ours";
    return `${seconds < 0 ? "−" : "+"}${brief(Math.abs(seconds))}`;
  },
  timing: (what) => stages[what] ?? what,
  happened: (process, what) => `${process} ${happened[what]}`,
};
