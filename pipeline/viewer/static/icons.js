// The page's signs, drawn with one pen. They never stand alone: a text is beside or behind them.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  live: "M3 5h8v6H3zM13 5h8v6h-8zM3 13h8v6H3zM13 13h8v6h-8z",
  identities: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.5c2.2.8 3.5 2.8 3.5 5.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 21 21",
  site: "M5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM19 13a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7 21a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7.3 6.5l9.5 3M5.3 8l1.3 8M17 12l-8 5",
  health: "M3 12h4l3-8 4 16 3-8h4",
  recording: "M3 5h18v14H3zM10 9v6l5-3z",
  layers: "M12 4 3 9l9 5 9-5zM3 14l9 5 9-5",
  large: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  small: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  back: "M14 6l-6 6 6 6",
  close: "M6 6l12 12M18 6 6 18",
};

/** The sign of this name as an element; readers of screens do not notice it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute("d", PATHS[name] ?? PATHS.live);
  svg.append(path);
  return svg;
}
