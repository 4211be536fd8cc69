// A grid of which only the rows in sight exist: ten thousand people cost no more than thirty.

import { KeyedList } from "../dom.js";

const SPARE_ROWS = 2; // above and below, so that keys and thumbs meet rows that are there

export class WindowGrid {
  /**
   * @param element the list to fill; its place in the page may move
   * @param key, create see KeyedList
   * @param size { width: at least, height, gap } of an entry, CSS pixels
   * @param nearEnd called when the last rows come into sight
   */
  constructor(element, key, create, size, nearEnd) {
    Object.assign(this, { element, size, nearEnd, items: [] });
    this.list = new KeyedList(element, key, create);
    const moved = () => this.render();
    document.addEventListener("scroll", moved, { capture: true, passive: true }); // whatever scrolls
    new ResizeObserver(moved).observe(element);
  }

  update(items) {
    this.items = items;
    this.render();
  }

  render() {
    if (!this.element.isConnected || !this.element.clientWidth) return;
    const { height, gap } = this.size;
    const columns = this.columns();
    const rows = Math.ceil(this.items.length / columns);
    const { top } = this.element.getBoundingClientRect();
    const line = height + gap;
    const first = Math.max(0, Math.min(Math.floor(-top / line) - SPARE_ROWS, rows - 1));
    const last = Math.min(rows, Math.ceil((window.innerHeight - top) / line) + SPARE_ROWS);
    this.element.style.setProperty("--columns", columns);
    this.element.style.height = `${Math.max(0, rows * line - gap)}px`;
    this.element.style.paddingTop = `${first * line}px`;
    this.list.update(this.items.slice(first * columns, Math.max(last, first) * columns));
    if (last >= rows) this.nearEnd();
  }

  columns() {
    const { width, gap } = this.size;
    return Math.max(1, Math.floor((this.element.clientWidth + gap) / (width + gap)));
  }
}
