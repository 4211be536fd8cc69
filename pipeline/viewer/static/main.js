// Puts the page together.

import { Connection, ServerClock } from "./connection.js";
import { setText } from "./dom.js";
import { CameraGrid } from "./grid.js";
import { HealthPanel } from "./health.js";
import { Model } from "./model.js";
import { PeopleList } from "./people.js";
import { PersonPage } from "./person.js";
import { texts } from "./texts.js";

const REFRESH_MS = 250; // the people are looked at again at most this often

const byId = (id) => document.getElementById(id);

const clock = new ServerClock();
const model = new Model(clock);
const connection = new Connection(clock);
new CameraGrid(byId("cameras"), model, clock, connection);
const health = new HealthPanel(byId("health"), model, clock);

let line = { state: "open" }; // see Connection
let refreshing = null;

// ── people: the list, or one of them ────────────────────────────────────────────────────────

const list = new PeopleList(model);
const page = new PersonPage(model);
const panel = byId("people");
panel.setAttribute("aria-label", texts.people);
panel.append(list.element, page.element);

function chosenPerson() {
  const match = location.hash.match(/^#person-(\d+)$/);
  return match ? Number(match[1]) : null;
}

function route() {
  health.route();
  const before = page.identity;
  const identity = chosenPerson();
  list.element.hidden = identity !== null;
  page.element.hidden = identity === null;
  model.pin(identity);
  page.open(identity);
  if (identity !== null) return;
  list.update();
  panel.querySelector(`[data-identity="${before}"] a`)?.focus();
}

function refresh() {
  refreshing ??= setTimeout(() => {
    refreshing = null;
    if (page.identity === null) list.update();
    else page.update();
    summarise();
  }, REFRESH_MS);
}

function summarise() {
  const live = model.cameras.filter(({ status }) => status?.state === "running").length;
  const people = [...model.people.values()].filter((person) => model.inView(person)).length;
  setText(byId("site"), model.site);
  const counts = model.cameras.length ? texts.summary(live, model.cameras.length, people) : "";
  setText(byId("summary"), line.state === "open" ? counts : texts.notConnected);
  document.title = model.site ? `${model.site} · Handoff` : "Handoff";
}

// ── the line to the server ──────────────────────────────────────────────────────────────────

function banner() {
  const element = byId("banner");
  const seconds = Math.ceil((line.retryAt - performance.now()) / 1000);
  const lost = `${texts.lost} ${texts.reconnecting(seconds)}`;
  const text = { open: model.trouble ? texts.trouble(model.trouble) : "", lost, refused: texts.signIn };
  setText(element, text[line.state]);
  element.hidden = !element.textContent;
  document.body.classList.toggle("lost", line.state !== "open");
}

connection.addEventListener("message", ({ detail }) => model.apply(detail));
connection.addEventListener("state", ({ detail }) => {
  line = detail;
  banner();
  refresh();
});
for (const name of ["people", "cameras"]) model.addEventListener(name, refresh);
model.addEventListener("cameras", banner);
window.addEventListener("hashchange", route);
window.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && page.identity !== null) location.hash = "";
});
setInterval(() => {
  refresh();
  banner();
}, 1000);
route();
