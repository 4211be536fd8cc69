// Times as people read them: in the browser's time zone and language.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const clockTime = (seconds) => clock.format(seconds * 1000);

export const dayOf = (seconds) => day.format(seconds * 1000);

export const today = () => dayOf(Date.now() / 1000);

/** "15:57:02 – 15:57:41", with the day in front unless it is `knownDay`. */
export function span(begin, end, knownDay = today()) {
  const times = `${clockTime(begin)} – ${clockTime(end)}`;
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

/** "39 s", "2 min 5 s", "1 h 3 min". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
