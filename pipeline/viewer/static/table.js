// A table whose rows stay where they are when their cells change.

import { KeyedList, h, setAttribute, setText } from "./dom.js";

export class Table {
  constructor(title, columns) {
    const head = columns.map((column) => h("th", { scope: "col" }, column));
    const body = h("tbody");
    this.rows = new KeyedList(body, ({ key }) => key, ({ cells }) => new Row(cells.length));
    const caption = h("caption", {}, title);
    const table = h("table", {}, caption, h("thead", {}, h("tr", {}, ...head)), body);
    this.element = h("div", { class: "scroll", role: "region", "aria-label": title, tabindex: "0" }, table);
  }

  /** @param rows [{ key, cells: [text], bad, title }] */
  update(rows) {
    this.element.hidden = rows.length === 0;
    this.rows.update(rows);
  }
}

class Row {
  constructor(count) {
    this.cells = Array.from({ length: count }, (_, index) => (index ? h("td") : h("th", { scope: "row" })));
    this.element = h("tr", {}, ...this.cells);
  }

  update({ cells, bad = false, title = "" }) {
    cells.forEach((text, index) => setText(this.cells[index], text));
    setAttribute(this.element, "title", title);
    this.element.classList.toggle("bad", bad);
  }
}
