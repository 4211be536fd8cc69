// How an identity looks: the same everywhere, for ever, and told apart by colour-blind people too.
//
// The seven hues are those of Okabe and Ito (Color Universal Design, 2008), in an order that gives
// neighbours the greatest contrast. The next seven people get the same hues striped with white, the
// seven after them striped with black; then it begins anew. The number always stands beside it.

const HUES = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2"];
const STRIPES = [null, "#ffffff", "#111111"];

/** { hue, stripe (null: none), ink (readable on the hue) } of an identity. */
export function look(identity) {
  const index = identity - 1;
  const hue = HUES[index % HUES.length];
  const stripe = STRIPES[Math.floor(index / HUES.length) % STRIPES.length];
  return { hue, stripe, ink: luminance(hue) > 0.18 ? "#000000" : "#ffffff" };
}

/** Gives an element the identity's look as the custom properties --hue, --stripe and --ink. */
export function dress(element, identity) {
  const { hue, stripe, ink } = look(identity);
  element.style.setProperty("--hue", hue);
  element.style.setProperty("--stripe", stripe ?? hue);
  element.style.setProperty("--ink", ink);
}

/** Relative luminance as WCAG 2 defines it, 0 to 1. */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
