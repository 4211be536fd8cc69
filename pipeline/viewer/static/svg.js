// Drawings in the page.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element of a drawing: s("circle", { r: 5 }, child). */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
