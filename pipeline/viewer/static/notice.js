// What stands over a camera's picture when there is nothing new to see, and why.

import { h } from "./dom.js";
import { texts } from "./texts.js";
import { clockTime } from "./times.js";

const UNREPORTED_SECONDS = 6; // nodes report every second

/** What a camera's status has to say: { state, title, lines }, or null if pictures should come. */
export function noticeOf(camera, status, now) {
  if (!status || now - status.updated > UNREPORTED_SECONDS) {
    return { state: "unknown", title: texts.unknown, lines: [texts.unknownWhy] };
  }
  const since = texts.since(clockTime(status.since));
  if (status.state === "waiting") {
    const nextTry = status.next_try && texts.nextTry(Math.ceil(status.next_try - now));
    const when = [since, nextTry].filter(Boolean).join(" · ");
    const lines = [why(camera, status), when, texts.runBy(status.node)].filter(Boolean);
    return { state: "offline", title: texts.problem(status.problem), lines };
  }
  if (status.state === "ended") return { state: "ended", title: texts.ended, lines: [since] };
  if (status.state === "connecting") {
    return { state: "connecting", title: texts.connecting, lines: [since, texts.runBy(status.node)].filter(Boolean) };
  }
  return null;
}

/** The error; its beginning may name the camera, which stands above the picture already. */
const why = (camera, { error }) => (error ?? "").replace(`camera ${camera}: `, "");

/** Puts a notice into its element, or takes it away. */
export function showNotice(element, notice) {
  element.hidden = !notice;
  if (!notice) return;
  const wanted = [notice.title, ...notice.lines].join("\n");
  if (element.dataset.text === wanted) return;
  element.dataset.text = wanted;
  element.replaceChildren(h("strong", {}, notice.title), ...notice.lines.map((line) => h("p", {}, line)));
}
