// The little that is needed to build and keep up a page.

/** Makes an element: h("p", { class: "note" }, "text", child). */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Makes the children of `parent` match `items`, in order, keeping those whose key is the same.
 * `create(item)` gives { element, update(item) }. Focus and scroll survive, since nothing that
 * stays in place is touched.
 */
export class KeyedList {
  constructor(parent, key, create) {
    Object.assign(this, { parent, key, create, entries: new Map() });
  }

  update(items) {
    const wanted = new Set(items.map(this.key));
    for (const [key, entry] of this.entries) {
      if (!wanted.has(key)) {
        if (entry.element.parentElement === this.parent) entry.element.remove(); // it may have moved on
        this.entries.delete(key);
      }
    }
    const focused = document.activeElement;
    items.forEach((item, index) => this.place(item, index));
    if (focused !== document.activeElement && this.parent.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }

  place(item, index) {
    const key = this.key(item);
    if (!this.entries.has(key)) this.entries.set(key, this.create(item));
    const entry = this.entries.get(key);
    const there = this.parent.children[index] ?? null;
    if (there !== entry.element) this.parent.insertBefore(entry.element, there);
    entry.update(item);
  }
}
