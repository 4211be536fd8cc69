// The site as a whole: how many people, when and where, the ways they take, where they stand now.

import { h, setText } from "../dom.js";
import { Filters } from "../filters.js";
import { hashOf } from "../router.js";
import { Exports } from "../site/exports.js";
import { Figures } from "../site/figures.js";
import { HoursChart } from "../site/hours_chart.js";
import { PlanMap } from "../site/plan_map.js";
import { WaysMap } from "../site/ways_map.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";
import { duration } from "../times.js";

const WORDS = texts.site;
const AGAIN_MS = 30_000; // figures are counted anew so often while they are looked at
const DRAW_MS = 200;
const PADDING_PX = 10; // of a drawing, as in site.css
const USUAL = "day";
const BOXES_FPS = 5;
const NO_PLAN = { cameras: [], missing: [] };

export class SiteScreen {
  constructor({ api, model, clock, connection, looking }) {
    Object.assign(this, { api, model, clock, looking, asked: 0, again: null, drawing: null });
    this.filters = new Filters(["time"], USUAL);
    this.filters.addEventListener("change", () => this.choose());
    this.note = h("p", { class: "search-note", role: "status" });
    this.figures = new Figures();
    this.hours = new HoursChart();
    this.stays = new Table(WORDS.stays, WORDS.stayColumns);
    this.ways = new WaysMap();
    this.plan = new PlanMap(model, clock);
    this.exports = new Exports();
    this.figuresPart = h("div", { class: "counted" }, this.figures.element, this.hours.element, this.ways.element, this.stays.element);
    this.element = h("section", { class: "site sheet", "aria-label": texts.screens.site }, h("h2", { tabindex: "-1" }, texts.screens.site),
      this.filters.element, this.note, this.figuresPart, this.plan.element, this.exports.element);
    new ResizeObserver(() => this.redraw()).observe(this.element);
    connection.addEventListener("preview", ({ detail }) => this.plan.saw(detail.header));
  }

  show(parts, query) {
    this.filters.fromSearch(query);
    this.ask();
    this.askPlan();
    this.again ??= setInterval(() => this.ask(), AGAIN_MS);
    this.drawing ??= setInterval(() => this.plan.update(), DRAW_MS);
  }

  hide() {
    clearInterval(this.again);
    clearInterval(this.drawing);
    this.again = this.drawing = null;
  }

  choose() {
    const search = this.filters.toSearch();
    history.replaceState(null, "", search ? `${hashOf("site")}?${search}` : hashOf("site"));
    this.ask();
  }

  async askPlan() {
    const plan = await this.api.get("/plan").catch(() => NO_PLAN);
    this.planned = plan;
    this.redraw();
    if (this.drawing !== null) this.looking.want(Object.fromEntries(this.plan.wanted.map((name) => [name, { width: 0, fps: BOXES_FPS }])));
  }

  async ask() {
    const asked = (this.asked += 1);
    if (!this.graph) setText(this.note, WORDS.loading);
    const answer = await this.answer().catch((error) => error);
    if (asked !== this.asked) return; // another time is asked for by now
    this.note.classList.toggle("bad", answer instanceof Error);
    setText(this.note, answer instanceof Error ? answer.message : "");
    if (!(answer instanceof Error)) this.take(...answer);
  }

  /** "The last hour" ends now by the cameras' time: of a recording that may be long ago. */
  async answer() {
    const usual = this.filters.values.period === USUAL; // as the server does without being told
    if (!usual && this.captured === undefined) this.captured = (await this.api.get("/statistics")).end;
    const { from, to } = usual ? {} : this.filters.query(this.captured);
    return Promise.all([this.api.get("/statistics", { from, to }), this.api.get("/graph", { from, to })]);
  }

  take(statistics, graph) {
    Object.assign(this, { statistics, graph });
    if (this.filters.values.period === USUAL) this.captured = statistics.end;
    this.figures.update(statistics);
    this.redraw();
    this.stays.update([stayRow(WORDS.wholeSite, statistics.stay), ...Object.entries(statistics.stays).map(([camera, stay]) => stayRow(camera, stay))]);
    this.exports.update(statistics.begin, statistics.end);
  }

  /** What is drawn takes the width there is. */
  redraw() {
    const width = this.figuresPart.clientWidth - 2 * PADDING_PX;
    if (width <= 0) return; // not shown
    if (this.planned) this.plan.take(this.planned, width);
    if (!this.graph) return;
    this.hours.update(this.statistics.hours, this.graph.cameras, width);
    this.ways.update(this.graph, this.planned ?? NO_PLAN, width);
  }
}

function stayRow(name, { visits, median, mean, p90 }) {
  const times = visits ? [median, mean, p90].map(duration) : [WORDS.none, WORDS.none, WORDS.none];
  return { key: name, cells: [name, WORDS.count(visits), ...times] };
}
