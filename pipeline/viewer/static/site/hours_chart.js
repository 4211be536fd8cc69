// How many people each hour has seen: bars, and the same as a table.

import { h } from "../dom.js";
import { s } from "../svg.js";
import { Table } from "../table.js";
import { texts } from "../texts.js";
import { clockTime, dayOf } from "../times.js";

const WORDS = texts.site;
const HEIGHT = 180;
const FOOT = 22; // for the hours
const HEAD = 16; // for the numbers
const LABEL_PX = 64; // of a label below
const MOST_BARS = 24 * 31;

export class HoursChart {
  constructor() {
    this.drawing = s("svg", { class: "hours", role: "img", "aria-label": WORDS.hours });
    this.tablePlace = h("details", {}, h("summary", {}, WORDS.asTable));
    this.columns = "";
    this.element = h("section", {}, h("h3", {}, WORDS.hours), this.drawing, h("p", { class: "hint" }, WORDS.hoursHelp), this.tablePlace);
  }

  /**
   * @param hours [{ begin, people, cameras }]
   * @param cameras their names in order
   * @param width pixels there are
   */
  update(hours, cameras, width) {
    const shown = hours.slice(-MOST_BARS);
    const most = Math.max(1, ...shown.map(({ people }) => people));
    const step = width / Math.max(1, shown.length);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const every = Math.max(1, Math.ceil(LABEL_PX / step));
    this.drawing.setAttribute("aria-label", shown.filter(({ people }) => people).map(sentence).join("; ") || WORDS.hours);
    this.drawing.replaceChildren(line(width), ...shown.flatMap((hour, index) => bar(hour, index, { step, most, every })));
    this.fillTable(shown, cameras);
  }

  fillTable(hours, cameras) {
    if (this.columns !== cameras.join("\n")) {
      this.columns = cameras.join("\n");
      this.table?.element.remove();
      this.table = new Table(WORDS.hours, WORDS.hourColumns(cameras));
      this.tablePlace.append(this.table.element);
    }
    this.table.update(hours.map((hour) => ({
      key: hour.begin,
      cells: [when(hour), WORDS.count(hour.people), ...cameras.map((camera) => WORDS.count(hour.cameras[camera] ?? 0))],
    })));
  }
}

const when = ({ begin }) => `${dayOf(begin)}, ${clockTime(begin)}`;
const sentence = (hour) => WORDS.hour(when(hour), hour.people);
const line = (width) => s("path", { class: "base", d: `M0 ${HEIGHT - FOOT}H${width}` });

/** One hour: its bar, how many people, and now and then which hour it is. */
function bar(hour, index, { step, most, every }) {
  const height = ((HEIGHT - FOOT - HEAD) * hour.people) / most;
  const x = index * step;
  const gap = Math.min(3, step / 5);
  const rect = s("rect", { x: x + gap / 2, y: HEIGHT - FOOT - height, width: Math.max(1, step - gap), height, rx: Math.min(2, step / 4) });
  const title = s("title");
  title.textContent = sentence(hour);
  const drawn = [s("g", { class: "hour" }, title, rect)];
  if (hour.people && step > 26) drawn.push(text(x + step / 2, HEIGHT - FOOT - height - 4, WORDS.count(hour.people), "middle"));
  if (index % every === 0) drawn.push(text(x + 1, HEIGHT - 6, label(hour), "start"));
  return drawn;
}

const hourOf = new Intl.DateTimeFormat(undefined, { hour: "numeric" });
const dayShort = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** "14", or the day where one begins. */
function label({ begin }) {
  const date = new Date(begin * 1000);
  return date.getHours() ? hourOf.format(date) : dayShort.format(date);
}

function text(x, y, content, anchor) {
  const element = s("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}
