// The REST interface. What goes wrong is an Error with the server's own sentence.

import { texts } from "./texts.js";

const BASE = "/api/v1";

/** The full address of something of the interface, such as a picture's. */
export const address = (path) => `${BASE}${path}`;

const always = {}; // what every question is asked with

/** From now on GET has this in its query, too, unless it says otherwise. */
export const askWith = (query) => Object.assign(always, query);

/** The answer to GET; `query` holds what comes after the question mark, without null and "". */
export function get(path, query = {}) {
  const given = Object.entries({ ...always, ...query }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(given).toString();
  return ask(search ? `${path}?${search}` : path, {});
}

/** The answer to POST; `body` is a FormData, or anything that JSON can say. */
export function post(path, body) {
  if (body instanceof FormData) return ask(path, { method: "POST", body });
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
}

async function ask(path, options) {
  const answer = await fetch(address(path), options).catch(() => null);
  if (!answer) throw new Error(texts.noAnswer);
  if (answer.ok) return answer.json();
  const error = new Error(await sentence(answer));
  error.status = answer.status;
  throw error;
}

async function sentence(answer) {
  const { detail } = await answer.json().catch(() => ({}));
  if (typeof detail === "string") return detail;
  return Array.isArray(detail) && detail[0]?.msg ? detail[0].msg : texts.failed(answer.status);
}
