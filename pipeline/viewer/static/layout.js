// How many columns of cameras make the pictures largest.

/**
 * The grid for `count` pictures of about the same `aspect` (width / height) in a space of `width`
 * by `height`: { columns, tile } with the tile's width. If everything cannot be seen at once with
 * tiles of `minimum` width, they get that width and more, and the page scrolls.
 */
export function fit({ count, aspect, width, height, gap, caption, minimum }) {
  let best = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows - caption) * aspect;
    const tile = Math.floor(Math.min(byWidth, byHeight));
    if (tile > best.tile) best = { columns, tile };
  }
  if (best.tile >= Math.min(minimum, width)) return best;
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (minimum + gap))));
  return { columns, tile: Math.floor((width - gap * (columns - 1)) / columns) };
}

/** The middle one of the cameras' aspects; 16:9 until one is known. */
export function commonAspect(cameras) {
  const known = cameras
    .map(({ status }) => (status ? status.size[0] / status.size[1] : NaN))
    .filter((aspect) => aspect > 0)
    .sort((a, b) => a - b);
  return known.length ? known[Math.floor(known.length / 2)] : 16 / 9;
}

const STRIP = 176; // width of the small tiles beside a large one
const SCROLLBAR = 20;

/**
 * One large picture and a strip of `others`: { tile, strip, beside } with the widths of the large
 * and of the small tiles; `beside`: the strip is a column, not a row below.
 */
export function fitLarge({ others, aspect, width, height, gap, caption }) {
  const within = (w, h) => Math.floor(Math.max(120, Math.min(w, (h - caption) * aspect)));
  if (!others) return { tile: within(width, height), strip: 0, beside: false };
  const below = within(width, height - gap - caption - STRIP / aspect);
  const beside = within(width - gap - STRIP - SCROLLBAR, height);
  return { tile: Math.max(below, beside), strip: STRIP, beside: beside > below };
}
