// The cameras: a tile each, laid out so that the pictures are as large as they can be.

import { KeyedList, h } from "./dom.js";
import { commonAspect, fit } from "./layout.js";
import { texts } from "./texts.js";
import { CameraTile } from "./tile.js";

const CAPTION_PX = 34;
const NARROW = matchMedia("(max-width: 899px)"); // as in style.css: the people stand below
const CAMERAS_SHARE = 0.66; // of a narrow screen's height, so that people can be seen below

export class CameraGrid {
  constructor(section, model, clock, connection) {
    Object.assign(this, { section, model, clock, connection });
    this.dirty = new Set();
    this.waiting = null;
    this.tiles = new Map();
    this.grid = h("div", { class: "grid" });
    section.setAttribute("aria-label", texts.cameras);
    section.append(h("h2", { class: "unseen" }, texts.cameras), this.grid);
    this.list = new KeyedList(this.grid, (camera) => camera.name, (camera) => this.create(camera));
    model.addEventListener("cameras", () => this.update());
    model.addEventListener("people", () => this.redraw());
    model.addEventListener("highlight", () => this.redraw());
    connection.addEventListener("preview", ({ detail }) => this.receive(detail));
    new ResizeObserver(() => this.arrange()).observe(section);
    setInterval(() => this.update(), 1000);
  }

  create({ name }) {
    const tile = new CameraTile(name, this.model, this.clock, {
      dirty: (which) => this.draw(which),
      done: (camera) => this.done(camera),
    });
    this.tiles.set(name, tile);
    return { element: tile.element, update: ({ status }) => tile.update(status) };
  }

  update() {
    this.list.update(this.model.cameras);
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
      tile.close();
    }
  }

  receive(preview) {
    const tile = this.tiles.get(preview.header.camera);
    if (tile) tile.receive(preview);
    else this.done(preview.header.camera);
  }

  arrange() {
    if (!this.section.clientWidth) return; // another screen is shown
    const style = getComputedStyle(this.section);
    const { columns, tile } = fit({
      count: this.model.cameras.length,
      aspect: this.aspect(),
      width: this.section.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      height: this.height(style),
      gap: parseFloat(getComputedStyle(this.grid).columnGap),
      caption: CAPTION_PX,
      minimum: NARROW.matches ? 150 : 200,
    });
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--tile", `${tile}px`);
    this.grid.style.setProperty("--aspect", this.aspect());
  }

  aspect() {
    return commonAspect(this.model.cameras);
  }

  height(style) {
    if (NARROW.matches) return window.innerHeight * CAMERAS_SHARE;
    return this.section.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
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
