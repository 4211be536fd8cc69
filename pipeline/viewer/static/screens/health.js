// How the site's processes and cameras are doing.

import { KeyedList, h, setAttribute, setText } from "../dom.js";
import { condition } from "../problems.js";
import { Refresher } from "../refresher.js";
import { hashOf } from "../router.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";
import { clockTime, duration } from "../times.js";

export class HealthScreen {
  constructor({ model, clock }) {
    Object.assign(this, { model, clock });
    this.refresher = new Refresher(model, ["health", "cameras"], () => this.update());
    this.build();
  }

  build() {
    this.verdict = h("p", { class: "verdict" });
    this.problems = h("ul", { class: "problems" });
    this.problemList = new KeyedList(this.problems, (text) => text, (text) => new Line(text));
    this.processes = new Table(texts.processes, texts.processColumns);
    this.cameras = new Table(texts.cameras, texts.cameraColumns);
    this.times = new Table(texts.times, texts.timeColumns);
    this.outgoing = new Table(texts.outgoing, texts.outgoingColumns);
    this.happenings = new Table(texts.happenings, texts.happeningColumns);
    const tables = [this.processes, this.cameras, this.outgoing, this.happenings, this.times].map((table) => table.element);
    const title = h("h2", { tabindex: "-1" }, texts.screens.health);
    const audit = h("p", { class: "more operators" }, h("a", { href: hashOf("audit"), class: "button" }, texts.toAudit));
    this.element = h("section", { class: "health sheet", "aria-label": texts.screens.health },
      title, this.verdict, this.problems, ...tables, audit);
  }

  show() {
    this.refresher.on();
  }

  hide() {
    this.refresher.off();
  }

  update() {
    const { state, problems } = condition(this.model, this.clock.now());
    setText(this.verdict, texts.verdict[state]);
    setAttribute(this.verdict, "data-state", state);
    this.problemList.update(problems);
    if (!this.model.health) return;
    const { processes, happenings, outgoing } = this.model.health;
    this.processes.update(processes.map((process) => this.processRow(process)));
    this.cameras.update(this.model.cameras.map((camera) => this.cameraRow(camera)));
    this.outgoing.update(outgoing.map(wayRow));
    this.times.update(processes.flatMap(timeRows));
    this.happenings.update(happenings.map(happeningRow));
  }

  processRow(process) {
    const { name, started, cpu, memory, threads, cameras, timings } = process;
    const redis = timings.find(({ what }) => what === "redis");
    return {
      key: name,
      bad: !process.ready,
      cells: [
        name, doing(process), duration(this.clock.now() - started), texts.percent(cpu), texts.bytes(memory),
        texts.count(threads), process.role === "node" ? cameras.join(", ") || texts.none : "", texts.time(redis?.mean),
      ],
    };
  }

  cameraRow({ name, status }) {
    const health = this.model.health.cameras.find((camera) => camera.name === name);
    if (!status || !health) return { key: name, bad: true, cells: [name, texts.unknown, "", "", "", "", "", "", ""] };
    const drops = Object.entries(health.drops).map(([reason, rate]) => texts.drops(rate, reason));
    const totals = Object.entries(health.dropped).map(([reason, count]) => texts.dropped(count, reason));
    const running = status.state === "running";
    return {
      key: name,
      bad: status.state === "waiting",
      title: totals.length ? texts.droppedHelp(totals) : "",
      cells: [
        name, texts.stateOf(status), status.node || "–", texts.rate(health.received), texts.rate(running ? health.analysed : null),
        drops.join(", ") || texts.none, texts.time(running ? health.delay : null), texts.offset(status.clock, health.clock_offset),
        texts.sent(status.sent ?? []),
      ],
    };
  }
}

function doing({ role, working, note }) {
  const task = working === null ? texts.role(role) : texts.matcher(working);
  return note && working === null ? `${task}: ${note}` : task;
}

function timeRows({ name, timings }) {
  return timings.map(({ what, rate, mean, p95 }) => ({
    key: `${name} ${what}`,
    cells: [texts.timing(what), name, texts.rate(rate), texts.time(mean), texts.time(p95)],
  }));
}

function wayRow({ name, problem }) {
  return { key: name, bad: Boolean(problem), title: problem, cells: [texts.wayOut(name), texts.told(problem)] };
}

function happeningRow({ time, what, process }) {
  return { key: `${time} ${what} ${process}`, cells: [clockTime(time), texts.happened(process, what)] };
}

class Line {
  constructor(text) {
    this.element = h("li", {}, text);
  }

  update() {}
}
