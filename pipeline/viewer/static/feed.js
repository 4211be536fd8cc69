// A long list of the server's, a page at a time.

import { get } from "./api.js";

export class Feed {
  /**
   * @param path of the list
   * @param query what narrows it down, without count and cursor
   * @param count entries of the first page
   * @param more entries of those after it: whoever goes on wants much
   */
  constructor(path, query, count, more = count) {
    Object.assign(this, { path, query, count, more, cursor: null, ended: false, asking: null });
  }

  /** The next page's items; [] at the end. Two calls at once get the same page. */
  next() {
    if (this.ended) return Promise.resolve([]);
    this.asking ??= this.ask().finally(() => (this.asking = null));
    return this.asking;
  }

  async ask() {
    const { path, query, more, cursor } = this;
    const count = cursor === null ? this.count : more;
    const { items, next } = await get(path, { ...query, count, cursor });
    this.cursor = next;
    this.ended = next === null;
    return items;
  }
}
