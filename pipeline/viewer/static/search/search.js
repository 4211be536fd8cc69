// Asks the server who looks like somebody.

import { post } from "../api.js";

const MOST = 60;

/** Like a tracklet that is known; `query` { camera, from, to } narrows it down. */
export const askForTracklet = (tracklet, query) => post(withQuery(query), { tracklet });

/** Like somebody on a photo; `query.person` is the place in the list of those found on it. */
export function askForPicture(file, query) {
  const form = new FormData();
  form.append("picture", file);
  return post(withQuery(query), form);
}

function withQuery(query) {
  const given = Object.entries({ count: MOST, ...query }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `/search?${new URLSearchParams(given)}`;
}
