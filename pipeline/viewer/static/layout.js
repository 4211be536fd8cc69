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
