// Which people or tracklets are meant: when, where, of what name, only those in view.

import { h } from "./dom.js";
import { texts } from "./texts.js";

const WORDS = texts.filters;
const TYPING_MS = 250;

/**
 * A row of controls. `values` holds what is chosen: { name, camera, live, period, from, to }, times
 * in seconds since the epoch; dispatches "change" when it is another choice.
 */
export class Filters extends EventTarget {
  /**
   * @param parts those wanted: "name", "camera", "live", "time"
   * @param usual the time that is meant if nobody chooses: "" for any
   */
  constructor(parts, usual = "") {
    super();
    this.usual = usual;
    const periods = Object.entries(WORDS.periods).filter(([value]) => value || !usual);
    this.fields = {
      name: h("input", { type: "search", class: "input", placeholder: WORDS.namePlaceholder, maxlength: "80", autocomplete: "off" }),
      camera: h("select", { class: "input" }, option("", WORDS.anyCamera)),
      live: h("input", { type: "checkbox" }),
      period: h("select", { class: "input" }, ...periods.map(([value, text]) => option(value, text))),
      from: h("input", { type: "datetime-local", class: "input", step: "1" }),
      to: h("input", { type: "datetime-local", class: "input", step: "1" }),
    };
    this.clear = h("button", { type: "button", class: "button", onclick: () => this.reset() }, WORDS.clear);
    this.between = h("span", { class: "between", hidden: "" },
      label(WORDS.from, this.fields.from), label(WORDS.to, this.fields.to));
    this.element = h("form", { class: "filters", role: "search", "aria-label": WORDS.title }, ...this.controls(parts), this.clear);
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("input", ({ target }) => this.later(target === this.fields.name ? TYPING_MS : 0));
    this.values = {};
  }

  controls(parts) {
    const { name, camera, live, period } = this.fields;
    const controls = {
      name: [label(WORDS.name, name)],
      camera: [label(WORDS.camera, camera)],
      time: [label(WORDS.time, period), this.between],
      live: [h("label", { class: "choice" }, live, WORDS.live)],
    };
    return parts.flatMap((part) => controls[part]);
  }

  /** Fills the choice of cameras; one that is chosen stays chosen. */
  setCameras(names) {
    const { camera } = this.fields;
    const known = [...camera.options].slice(1).map((each) => each.value);
    const wanted = camera.value && !names.includes(camera.value) ? [...names, camera.value] : names;
    if (known.join("\n") === wanted.join("\n")) return;
    const chosen = camera.value;
    camera.replaceChildren(option("", WORDS.anyCamera), ...wanted.map((each) => option(each, each)));
    camera.value = chosen;
  }

  get values() {
    const { name, camera, live, period, from, to } = this.fields;
    const values = { name: name.value.trim(), camera: camera.value, live: live.checked, period: period.value };
    return { ...values, from: seconds(from), to: seconds(to) };
  }

  set values({ name = "", camera = "", live = false, period = "", from = null, to = null }) {
    const { fields } = this;
    if (camera && ![...fields.camera.options].some((each) => each.value === camera)) fields.camera.append(option(camera, camera));
    Object.assign(fields.name, { value: name });
    Object.assign(fields.camera, { value: camera });
    Object.assign(fields.live, { checked: live });
    Object.assign(fields.period, { value: (period in WORDS.periods && period) || this.usual });
    Object.assign(fields.from, { value: local(from) });
    Object.assign(fields.to, { value: local(to) });
    this.refresh();
  }

  /** True if anything is left out. */
  get narrow() {
    const { name, camera, live, period, from, to } = this.values;
    return Boolean(name || camera || live || (period === "between" ? from ?? to : period !== this.usual));
  }

  /** What the server is asked with; "the last hour" counts from `now`, seconds since the epoch. */
  query(now) {
    const { name, camera, live, period, from, to } = this.values;
    const since = { hour: now - 3600, day: now - 86400, week: now - 7 * 86400, today: midnight(now) }[period];
    const times = period === "between" ? { from, to } : { from: since };
    return { name, camera, live: live || null, ...times };
  }

  /** The choice as the part of an address after "?", and back. */
  toSearch() {
    const { name, camera, live, period, from, to } = this.values;
    const entries = Object.entries({ name, camera, live: live ? "1" : "", period: period === this.usual ? "" : period, from, to });
    return new URLSearchParams(entries.filter(([key, value]) => value && (period === "between" || (key !== "from" && key !== "to")))).toString();
  }

  fromSearch(search) {
    const { from, to, live, ...others } = Object.fromEntries(search);
    this.values = { ...others, live: live === "1", from: from ? Number(from) : null, to: to ? Number(to) : null };
  }

  reset() {
    this.values = {};
    this.dispatchEvent(new Event("change"));
    this.element.querySelector(".input").focus();
  }

  later(milliseconds) {
    this.refresh();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.dispatchEvent(new Event("change")), milliseconds);
  }

  refresh() {
    this.between.hidden = this.fields.period.value !== "between";
    this.clear.hidden = !this.narrow;
  }
}

const option = (value, text) => h("option", { value }, text);
const label = (text, field) => h("label", { class: "field" }, h("span", {}, text), field);

/** What a field of date and time says, in seconds since the epoch; null: nothing. */
function seconds({ value }) {
  const time = new Date(value).getTime();
  return value && !Number.isNaN(time) ? time / 1000 : null;
}

/** A time as such a field wants it: "2009-06-25T14:00:00", by the browser's clock. */
function local(time) {
  if (time === null || Number.isNaN(time)) return "";
  const minutes = new Date(time * 1000).getTimezoneOffset();
  return new Date((time - minutes * 60) * 1000).toISOString().slice(0, 19);
}

function midnight(now) {
  const day = new Date(now * 1000);
  return day.setHours(0, 0, 0, 0) / 1000;
}
