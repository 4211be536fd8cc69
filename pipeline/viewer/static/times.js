// Times as people read them: in the browser's time zone and language.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const clockTime = (seconds) => clock.format(seconds * 1000);

export const dayOf = (seconds) => day.format(seconds * 1000);

export const today = () => dayOf(Date.now() / 1000);

/** "15:57:02 – 15:57:41", with the day in front unless it is `knownDay`. */
export function span(begin, end, knownDay = today()) {
  const times = clockSpan(begin, end);
  return dayOf(begin) === knownDay ? times : `${dayOf(begin)}, ${times}`;
}

/** "UTC+2": the zone that times at this moment are shown in. */
export function utcOffset(seconds) {
  const minutes = -new Date(seconds * 1000).getTimezoneOffset();
  const rest = Math.abs(minutes) % 60;
  const hours = Math.trunc(Math.abs(minutes) / 60);
  if (minutes === 0) return "UTC";
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** "15:57:02 – 15:57:41", "3:57:02 – 3:57:41 PM", without the day; a single time if they are the same. */
export function clockSpan(begin, end) {
  const [first, last] = [begin, end].map((seconds) => clock.formatToParts(seconds * 1000));
  const text = (parts) => parts.map(({ value }) => value).join("").trim();
  if (text(first) === text(last)) return text(last);
  const half = first.at(-1);
  const said = half.type === "dayPeriod" && half.value === last.at(-1).value; // once is enough
  return `${text(said ? first.slice(0, -1) : first)} – ${text(last)}`;
}

/** "25 Jun 2009", "24 Jun 2009 – 25 Jun 2009", or nothing if it is today. */
export function daySpan(begin, end) {
  const [first, last] = [dayOf(begin), dayOf(end)];
  if (first === last) return first === today() ? "" : first;
  return `${first} – ${last}`;
}

/** "0.4 s", "8.2 s", then as `duration`: for what is over in a moment. */
export const brief = (seconds) => (seconds < 9.95 ? `${tenths.format(seconds)} s` : duration(seconds));

/** "39 s", "2 min 5 s", "1 h 3 min". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const minute = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A mark on an axis whose marks are `step` seconds apart: no finer than that. */
export function tickLabel(seconds, step) {
  if (step < 60) return clockTime(seconds);
  return (step < 86400 ? minute : date).format(seconds * 1000);
}
