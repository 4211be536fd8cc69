// Puts the page together.

import { showAccount } from "./account.js";
import * as api from "./api.js";
import { Connection, ServerClock } from "./connection.js";
import { setText } from "./dom.js";
import { Looking } from "./looking.js";
import { Model } from "./model.js";
import { Navigation } from "./navigation.js";
import { HealthLight } from "./problems.js";
import { Refresher } from "./refresher.js";
import { Router } from "./router.js";
import { AuditScreen } from "./screens/audit.js";
import { HealthScreen } from "./screens/health.js";
import { IdentitiesScreen } from "./screens/identities.js";
import { LiveScreen } from "./screens/live.js";
import { SearchScreen } from "./screens/search.js";
import { SiteScreen } from "./screens/site.js";
import { Shortcuts } from "./shortcuts.js";
import { texts } from "./texts.js";

/** The screens in their order, each with the key that leads to it after "g"; some lie behind another. */
const SCREENS = [
  { name: "live", key: "l", Screen: LiveScreen },
  { name: "identities", key: "i", Screen: IdentitiesScreen },
  { name: "search", key: "s", Screen: SearchScreen },
  { name: "site", key: "m", Screen: SiteScreen },
  { name: "health", key: "h", Screen: HealthScreen },
  { name: "audit", key: "a", Screen: AuditScreen, behind: "health" },
];

const byId = (id) => document.getElementById(id);

function go(hash) {
  location.hash = hash;
}

const clock = new ServerClock();
const model = new Model(clock);
const connection = new Connection(clock);
const looking = new Looking(connection);
const navigation = new Navigation(byId("navigation"), SCREENS);
new HealthLight(navigation.links.get("health"), model, clock);
const router = new Router(byId("screen"), SCREENS, { model, clock, connection, looking, api, go }, arrived);
const shortcuts = new Shortcuts(SCREENS, go);
byId("help").addEventListener("click", () => shortcuts.help());
byId("help").title = texts.keys;

let line = { state: "open" }; // see Connection

function arrived(name, moved) {
  navigation.mark(name);
  summarise();
  if (moved) byId("screen").focus({ preventScroll: true });
}

function summarise() {
  const live = model.cameras.filter(({ status }) => status?.state === "running").length;
  const people = [...model.people.values()].filter((person) => model.inView(person)).length;
  setText(byId("site"), model.site);
  const counts = model.cameras.length ? texts.summary(live, model.cameras.length, people) : "";
  setText(byId("summary"), line.state === "open" ? counts : texts.notConnected);
  document.title = texts.title(texts.screens[router.current], model.site);
}

function banner() {
  const element = byId("banner");
  const seconds = Math.ceil((line.retryAt - performance.now()) / 1000);
  const lost = `${texts.lost} ${texts.reconnecting(seconds)}`;
  const text = { open: model.trouble ? texts.trouble(model.trouble) : "", lost, refused: texts.signIn };
  setText(element, text[line.state]);
  element.hidden = !element.textContent;
  document.body.classList.toggle("lost", line.state !== "open");
}

const summary = new Refresher(model, ["people", "cameras"], () => {
  summarise();
  banner();
});

connection.addEventListener("preview", ({ detail }) => {
  if (!detail.picture && !detail.film) model.saw(detail.header); // with a picture: when it is drawn
});
connection.addEventListener("message", ({ detail }) => model.apply(detail));
connection.addEventListener("state", ({ detail }) => {
  line = detail;
  summary.now();
});
model.addEventListener("cameras", banner);
router.route();
showAccount(byId("account"));
summary.on();
