// How the site's processes and cameras are doing: a light in the bar, and everything behind it.

import { KeyedList, h, setAttribute, setText } from "./dom.js";
import { texts } from "./texts.js";
import { clockTime, duration } from "./times.js";

const SILENT_SECONDS = 5; // processes report every second

export class HealthPanel {
  /**
   * @param link what opens it; its text and colour say how things are
   * @param model what the page knows of the site
   * @param clock the server's clock
   */
  constructor(link, model, clock) {
    Object.assign(this, { link, model, clock });
    this.build();
    for (const name of ["health", "cameras"]) model.addEventListener(name, () => this.update());
    setInterval(() => this.update(), 1000);
  }

  build() {
    const title = h("h2", { id: "health-title" }, texts.health);
    const close = h("button", { class: "close", type: "button", onclick: () => this.dialog.close() }, texts.close);
    this.verdict = h("p", { class: "verdict" });
    this.problems = h("ul", { class: "problems" });
    this.problemList = new KeyedList(this.problems, (text) => text, (text) => new Line(text));
    this.processes = new Table(texts.processes, texts.processColumns);
    this.cameras = new Table(texts.cameras, texts.cameraColumns);
    this.times = new Table(texts.times, texts.timeColumns);
    this.happenings = new Table(texts.happenings, texts.happeningColumns);
    const tables = [this.processes, this.cameras, this.happenings, this.times].map((table) => table.element);
    const head = h("header", {}, title, close);
    this.dialog = h("dialog", { class: "health", "aria-labelledby": "health-title" },
      head, h("div", { class: "sheet" }, this.verdict, this.problems, ...tables));
    this.dialog.addEventListener("close", () => {
      if (location.hash === "#health") location.hash = "";
    });
    this.dialog.addEventListener("click", ({ target }) => {
      if (target === this.dialog) this.dialog.close(); // beside it
    });
    document.body.append(this.dialog);
  }

  /** Opens or closes it, as the page's address says. */
  route() {
    const wanted = location.hash === "#health";
    if (wanted && !this.dialog.open) {
      this.update();
      this.dialog.showModal();
    }
    if (!wanted && this.dialog.open) this.dialog.close();
  }

  update() {
    const known = this.model.health !== null;
    const problems = known ? problemsOf(this.model, this.clock.now()) : [];
    const state = !known ? "unknown" : problems.length ? "trouble" : "well";
    setAttribute(this.link, "data-state", state);
    setText(this.link, state === "trouble" ? texts.problems(problems.length) : texts.health);
    setAttribute(this.link, "title", texts.verdict[state]);
    if (this.dialog.open || !this.filled) this.fill(state, problems);
  }

  fill(state, problems) {
    setText(this.verdict, texts.verdict[state]);
    setAttribute(this.verdict, "data-state", state);
    this.problemList.update([...new Set(problems)]);
    if (!this.model.health) return;
    this.filled = true;
    const { processes, happenings } = this.model.health;
    this.processes.update(processes.map((process) => this.processRow(process)));
    this.cameras.update(this.model.cameras.map((camera) => this.cameraRow(camera)));
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
    if (!status || !health) return { key: name, bad: true, cells: [name, texts.unknown, "", "", "", "", "", ""] };
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
      ],
    };
  }
}

/** Whatever somebody ought to look after, a sentence each. */
function problemsOf({ health, cameras, trouble }, now) {
  const { processes } = health;
  const of = (role) => processes.filter((process) => process.role === role);
  const found = trouble ? [trouble] : [];
  if (!of("node").length) found.push(texts.noNode);
  if (!of("matcher").length) found.push(texts.noMatcher);
  else if (of("matcher").every(({ working }) => working === false)) found.push(texts.nobodyDecides);
  for (const process of processes) {
    if (now - process.updated > SILENT_SECONDS) found.push(texts.silent(process.name));
    else if (!process.ready) found.push(texts.notReady(process.name, process.note));
  }
  for (const { name, status } of cameras) {
    if (!status) found.push(`${name}: ${texts.unknownWhy}`);
    else if (status.state === "waiting") found.push(`${name}: ${texts.problem(status.problem)}, ${texts.since(clockTime(status.since))}`);
    else if (status.problem) found.push(`${name}: ${texts.problem(status.problem)}`);
  }
  return found;
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

function happeningRow({ time, what, process }) {
  return { key: `${time} ${what} ${process}`, cells: [clockTime(time), texts.happened(process, what)] };
}

class Line {
  constructor(text) {
    this.element = h("li", {}, text);
  }

  update() {}
}

class Table {
  constructor(title, columns) {
    const head = columns.map((column) => h("th", { scope: "col" }, column));
    const body = h("tbody");
    this.rows = new KeyedList(body, ({ key }) => key, ({ cells }) => new Row(cells.length));
    const caption = h("caption", {}, title);
    const table = h("table", {}, caption, h("thead", {}, h("tr", {}, ...head)), body);
    this.element = h("div", { class: "scroll", role: "region", "aria-label": title, tabindex: "0" }, table);
  }

  update(rows) {
    this.element.hidden = rows.length === 0;
    this.rows.update(rows);
  }
}

class Row {
  constructor(count) {
    this.cells = Array.from({ length: count }, (_, index) => (index ? h("td") : h("th", { scope: "row" })));
    this.element = h("tr", {}, ...this.cells);
  }

  update({ cells, bad = false, title = "" }) {
    cells.forEach((text, index) => setText(this.cells[index], text));
    setAttribute(this.element, "title", title);
    this.element.classList.toggle("bad", bad);
  }
}
