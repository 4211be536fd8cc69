// The page's address after the hash: which screen, and what of it.

/** Takes "#/live/west?person=3" apart: { name: "live", parts: ["west"], query: URLSearchParams }. */
export function parseHash(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", ...parts] = path.split("/").map(decoded);
  return { name, parts: parts.filter(Boolean), query: new URLSearchParams(search) };
}

/** "#/live/back%20yard" from the names of a screen and its parts. */
export const hashOf = (...names) => `#/${names.map(encodeURIComponent).join("/")}`;

/** Addresses of earlier versions, which people may have kept. */
export function upToDate(hash) {
  const person = hash.match(/^#person-(\d+)$/);
  if (person) return hashOf("identities", person[1]);
  return hash === "#health" ? hashOf("health") : hash;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody typed a lone %
  }
}

/**
 * Shows one of several screens, as the address says. A screen is made when it is first needed:
 * a class { constructor(app), element, show(parts, query), hide() }.
 */
export class Router {
  /**
   * @param place the element that screens are put into
   * @param routes [{ name, Screen }], the first of them for addresses that name none
   * @param app what screens are made with
   * @param arrived called with the name of the screen that is shown, whenever it is another one
   */
  constructor(place, routes, app, arrived) {
    Object.assign(this, { place, routes, app, arrived });
    this.screens = new Map();
    this.current = null;
    window.addEventListener("hashchange", () => this.route());
  }

  route() {
    const hash = upToDate(location.hash);
    if (hash !== location.hash) return void location.replace(hash);
    const { name, parts, query } = parseHash(hash);
    const { name: found } = this.routes.find((route) => route.name === name) ?? this.routes[0];
    this.change(found);
    this.screens.get(found).show(found === name ? parts : [], query);
  }

  change(name) {
    if (name === this.current) return;
    const before = this.screens.get(this.current);
    if (before) before.element.hidden = true;
    before?.hide();
    this.app.looking.want({}); // the next one says what it needs
    if (!this.screens.has(name)) this.make(name);
    this.screens.get(name).element.hidden = false;
    this.current = name;
    this.arrived(name, Boolean(before));
  }

  make(name) {
    const { Screen } = this.routes.find((route) => route.name === name);
    const screen = new Screen(this.app);
    this.screens.set(name, screen);
    this.place.append(screen.element);
  }
}
