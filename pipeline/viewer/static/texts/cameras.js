// How cameras are doing.

import { numbers } from "./numbers.js";

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

export const cameras = {
  fps: (value) => `${numbers.decimal(value)} fps`,
  delay: numbers.seconds,
  pace: (status) =>
    `Analysed: ${numbers.decimal(status.fps)} pictures a second. ` +
    `From arrival to tracks: ${Math.round(status.delay * 1000)} ms. Dropped to stay live: ${Object.values(status.drops).reduce((sum, n) => sum + n, 0)}.`,
  delayHelp: "From the picture's arrival at the node to this screen",
  comesAs: (kind) => (kind === "video" ? "Shown from the camera's own video (H.264)" : "Shown from pictures (JPEG)"),
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
};
