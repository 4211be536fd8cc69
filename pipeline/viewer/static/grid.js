// The cameras: a tile each, laid out so that the pictures are as large as they can be; or one of them
// large and the others in a strip.

import { KeyedList, h } from "./dom.js";
import { capacity } from "./film.js";
import { commonAspect, fit, fitLarge } from "./layout.js";
import { texts } from "./texts.js";
import { CameraTile } from "./tile.js";

const FPS = 30; // more pictures than this nobody needs
const STRIP_FPS = 10;
const CAPTION_PX = 34;
const NARROW = matchMedia("(max-width: 899px)"); // as in style.css: the people stand below
const CAMERAS_SHARE = 0.66; // of a narrow screen's height, so that people can be seen below

export class CameraGrid {
  /** @param app { model, clock, connection, looking, layers, areas, why } */
  constructor(section, app) {
    Object.assign(this, { section, app, model: app.model, connection: app.connection });
    this.dirty = new Set();
    this.waiting = null;
    this.tiles = new Map();
    this.large = null; // name of the camera that is shown large
    this.inSight = new Set(); // elements of tiles that are not scrolled away
    this.capacity = 0; // cameras whose own video can be shown
    capacity().then((count) => (this.capacity = count)); // `look` comes by every second
    this.first = h("div", { class: "first" });
    this.grid = h("div", { class: "grid" });
    this.space = h("div", { class: "space" }, h("h2", { class: "unseen" }, texts.cameras), this.first, this.grid);
    section.append(this.space);
    const list = (parent) => new KeyedList(parent, ({ name }) => name, (camera) => this.entry(camera));
    this.lists = { first: list(this.first), grid: list(this.grid) };
    this.listen();
  }

  listen() {
    this.model.addEventListener("cameras", () => this.update());
    for (const name of ["people", "highlight"]) this.model.addEventListener(name, () => this.redraw());
    this.app.layers.addEventListener("change", () => this.redraw());
    this.connection.addEventListener("preview", (event) => this.receive(event));
    new ResizeObserver(() => this.arrange()).observe(this.space);
    document.addEventListener("visibilitychange", () => document.hidden && this.rest(this.tiles.values()));
    this.sight = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "60px" });
    setInterval(() => this.update(), 1000);
  }

  /** Shows a camera large, or none. */
  enlarge(name) {
    this.large = name;
    this.update();
  }

  /** The camera before or after the large one, in the order of cams.yaml. */
  neighbour(step) {
    const names = this.model.cameras.map(({ name }) => name);
    return names.at((names.indexOf(this.large) + step) % names.length);
  }

  entry({ name }) {
    if (!this.tiles.has(name)) this.tiles.set(name, this.create(name));
    const tile = this.tiles.get(name);
    return { element: tile.element, update: ({ status }) => tile.update(status) };
  }

  create(name) {
    const tile = new CameraTile(name, this.app, {
      dirty: (which) => this.draw(which),
      done: (camera) => this.done(camera),
      look: () => this.section.clientWidth && this.look(),
    });
    this.sight.observe(tile.element);
    return tile;
  }

  update() {
    const isLarge = ({ name }) => name === this.large;
    this.lists.first.update(this.model.cameras.filter(isLarge));
    this.lists.grid.update(this.model.cameras.filter((camera) => !isLarge(camera)));
    this.section.classList.toggle("one-large", this.model.cameras.some(isLarge));
    for (const [name, tile] of this.tiles) if (tile.large !== (name === this.large)) tile.setLarge(name === this.large);
    this.forgetOthers();
    this.arrange();
  }

  /** The site's cameras may change while one looks. */
  forgetOthers() {
    const names = new Set(this.model.cameras.map(({ name }) => name));
    for (const [name, tile] of this.tiles) {
      if (names.has(name)) continue;
      this.tiles.delete(name);
      this.dirty.delete(tile);
      this.inSight.delete(tile.element);
      this.sight.unobserve(tile.element);
      tile.close();
    }
  }

  receive(event) {
    const tile = this.tiles.get(event.detail.header.camera);
    const { picture, film } = event.detail;
    if (!tile || !(picture || film) || !this.section.clientWidth) return;
    event.preventDefault(); // the server is told when it has been drawn
    tile.receive(event.detail);
  }

  // ── how large everything is ───────────────────────────────────────────────────────────────

  arrange() {
    if (!this.section.clientWidth) return; // another screen is shown
    const style = getComputedStyle(this.space);
    const room = {
      aspect: commonAspect(this.model.cameras),
      width: this.space.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      height: this.height(style),
      gap: parseFloat(getComputedStyle(this.grid).columnGap),
      caption: CAPTION_PX,
    };
    this.space.style.setProperty("--aspect", room.aspect);
    if (this.section.classList.contains("one-large")) this.arrangeLarge(room);
    else this.arrangeAll(room);
    this.look();
  }

  arrangeAll(room) {
    const { columns, tile } = fit({ ...room, count: this.model.cameras.length, minimum: NARROW.matches ? 150 : 200 });
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--tile", `${tile}px`);
  }

  arrangeLarge(room) {
    const { tile, strip, beside } = fitLarge({ ...room, others: this.model.cameras.length - 1 });
    this.first.style.setProperty("--tile", `${tile}px`);
    this.grid.style.setProperty("--tile", `${strip}px`);
    this.section.classList.toggle("strip-beside", beside);
  }

  height(style) {
    if (NARROW.matches && !document.fullscreenElement) return window.innerHeight * CAMERAS_SHARE;
    return this.space.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inSight.add(target);
      else this.inSight.delete(target);
    }
    this.rest([...this.tiles.values()].filter((tile) => !this.inSight.has(tile.element)));
    if (this.section.clientWidth) this.look();
  }

  /** Says what is on the screen, and how large. */
  look() {
    const tiles = [...this.tiles.values()].filter((tile) => this.inSight.has(tile.element));
    const fps = ({ name }) => (this.section.classList.contains("one-large") && name !== this.large ? STRIP_FPS : FPS);
    const largestFirst = tiles.filter((tile) => tile.wantsVideo).sort((a, b) => b.pixels - a.pixels);
    const filmed = new Set(largestFirst.slice(0, this.capacity));
    const wanted = (tile) => ({ width: tile.pixels, fps: fps(tile), video: filmed.has(tile) });
    this.app.looking.want(Object.fromEntries(tiles.map((tile) => [tile.name, wanted(tile)])));
  }

  /** Tiles that nobody sees decode nothing. */
  rest(tiles) {
    for (const tile of tiles) tile.rest();
  }

  // ── drawing: whatever has changed, together, in the next animation frame ──────────────────

  redraw() {
    for (const tile of this.tiles.values()) this.draw(tile);
  }

  draw(tile) {
    this.dirty.add(tile);
    this.wake();
  }

  done(camera) {
    this.connection.receipt(camera);
    this.wake();
  }

  wake() {
    this.waiting ??= requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.waiting = null;
    const tiles = [...this.dirty];
    this.dirty.clear();
    for (const tile of tiles) tile.draw();
    this.connection.flushReceipts();
  }
}
