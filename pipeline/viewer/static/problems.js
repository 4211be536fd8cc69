// What somebody ought to look after, and the light in the bar that says so everywhere.

import { h, setAttribute, setText } from "./dom.js";
import { texts } from "./texts.js";
import { clockTime } from "./times.js";

const SILENT_SECONDS = 5; // processes report every second

/** How things are: { state: "unknown" | "well" | "trouble", problems: [sentence] }. */
export function condition(model, now) {
  if (model.health === null) return { state: "unknown", problems: [] };
  const problems = [...new Set(problemsOf(model, now))];
  return { state: problems.length ? "trouble" : "well", problems };
}

/** Whatever somebody ought to look after, a sentence each. */
function problemsOf({ health, cameras, trouble }, now) {
  const { processes, outgoing } = health;
  const of = (role) => processes.filter((process) => process.role === role);
  const found = trouble ? [trouble] : [];
  if (!of("node").length) found.push(texts.noNode);
  if (!of("matcher").length) found.push(texts.noMatcher);
  else if (of("matcher").every(({ working }) => working === false)) found.push(texts.nobodyDecides);
  for (const process of processes) {
    if (now - process.updated > SILENT_SECONDS) found.push(texts.silent(process.name));
    else if (!process.ready) found.push(texts.notReady(process.name, process.note));
  }
  for (const { name, problem } of outgoing) {
    if (problem) found.push(texts.notTold(texts.wayOut(name), problem));
  }
  for (const { name, status } of cameras) {
    if (!status) found.push(`${name}: ${texts.unknownWhy}`);
    else if (status.state === "waiting") found.push(`${name}: ${texts.problem(status.problem)}, ${texts.since(clockTime(status.since))}`);
    else if (status.problem) found.push(`${name}: ${texts.problem(status.problem)}`);
  }
  return found;
}

/** The link to the Health screen: its text and colour say how things are. */
export class HealthLight {
  constructor(link, model, clock) {
    Object.assign(this, { link, model, clock });
    this.label = link.querySelector(".label");
    for (const name of ["health", "cameras"]) model.addEventListener(name, () => this.update());
    setInterval(() => this.update(), 1000);
    this.update();
  }

  update() {
    const { state, problems } = condition(this.model, this.clock.now());
    setAttribute(this.link, "data-state", state);
    setText(this.label, state === "trouble" ? texts.problems(problems.length) : texts.screens.health);
    setAttribute(this.link, "title", texts.verdict[state]);
  }
}
