// Puts the page of a recording together: the live page's parts, with a folder of results behind them.

import * as api from "./api.js";
import { setText } from "./dom.js";
import { Model } from "./model.js";
import { Navigation } from "./navigation.js";
import { Playhead } from "./recording/playhead.js";
import { Router, hashOf } from "./router.js";
import { IdentitiesScreen } from "./screens/identities.js";
import { RecordingScreen } from "./screens/recording.js";
import { Shortcuts } from "./shortcuts.js";
import { texts } from "./texts.js";

const SCREENS = [
  { name: "recording", key: "r", Screen: RecordingScreen },
  { name: "identities", key: "i", Screen: IdentitiesScreen },
];

const byId = (id) => document.getElementById(id);

function go(hash) {
  location.hash = hash;
}

/** Everybody, of the results that are looked at. */
async function load(results) {
  api.askWith({ results });
  const { items } = await api.get("/identities");
  model.begin({ site: recording.site, cameras: recording.cameras.map(({ name }) => ({ name, status: null })), identities: items });
  connection.dispatchEvent(new CustomEvent("message", { detail: { type: "snapshot" } }));
  setText(byId("summary"), texts.recording.bar(recording.folder, items.length));
  return items;
}

const watch = ({ begin, identity }) => `${hashOf("recording")}?at=${begin.toFixed(3)}&person=${identity}`;

function arrived(name, moved) {
  navigation.mark(name);
  document.title = texts.title(texts.screens[name], recording.site);
  if (moved) byId("screen").focus({ preventScroll: true });
}

function fail(error) {
  setText(byId("banner"), error.message);
  byId("banner").hidden = false;
}

const connection = new EventTarget(); // nothing comes by itself, but screens listen
const clock = { now: () => recording.end }; // "the last hour" is the recording's
const model = new Model(clock, Infinity); // a recording has an end
const navigation = new Navigation(byId("navigation"), SCREENS);
const shortcuts = new Shortcuts(SCREENS, go);
byId("help").addEventListener("click", () => shortcuts.help());
byId("help").title = texts.keys;

const recording = await api.get("/recording").catch(fail);
if (recording) {
  const playhead = new Playhead(recording.begin, recording.end);
  const looking = { want() {} };
  const app = { model, clock, connection, looking, api, go, watch, recorded: true, recording, playhead, load };
  setText(byId("site"), recording.site);
  await load(recording.results[0]).catch(fail);
  new Router(byId("screen"), SCREENS, app, arrived).route();
}
