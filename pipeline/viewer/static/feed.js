// A long list of the server's, a page at a time.

import { get } from "./api.js";

export class Feed {
  /**
   * @param path of the list
   * @param query what narrows it down, without count and cursor
   * @param count entries of a page
   */
  constructor(path, query, count) {
    Object.assign(this, { path, query, count, cursor: null, ended: false, asking: null });
  }

  /** The next page's items; [] at the end. Two calls at once get the same page. */
  next() {
    if (this.ended) return Promise.resolve([]);
    this.asking ??= this.ask().finally(() => (this.asking = null));
    return this.asking;
  }

  async ask() {
    const { path, query, count, cursor } = this;
    const { items, next } = await get(path, { ...query, count, cursor });
    this.cursor = next;
    this.ended = next === null;
    return items;
  }
}
