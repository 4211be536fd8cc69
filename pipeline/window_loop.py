"""The window itself: shows what the feed tells until q is pressed or it is closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2

from pipeline.window import Tile, compose, places
from pipeline.window_feed import Feed

_TITLE = "Handoff"
_SIZE = (1280, 720)  # at first; people may make it larger or smaller
_KEY_MILLISECONDS = 30  # between two pictures, in which keys are listened to
_QUIT = (ord("q"), ord("Q"), 27)


def show(feed: Feed, stopping: Callable[[], bool]) -> None:
    """Shows all cameras until told to stop, q or Escape is pressed, or the window is closed.

    The digits 1 to 9 show one camera alone, 0 all of them again, f the whole screen.

    Args:
        feed: gives what is to be seen.
        stopping: says when to stop.
    """
    # FREERATIO: else the size asked for below is that of the last picture, not of the window.
    cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.resizeWindow(_TITLE, *_SIZE)
    alone = 0
    try:
        while not stopping():
            tiles = choose(feed.tiles(), alone)
            size = _size()
            feed.look(widest(tiles, size))
            cv2.imshow(_TITLE, compose(tiles, size))
            key = cv2.waitKey(_KEY_MILLISECONDS) & 0xFF
            if key in _QUIT or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return
            if key == ord("f"):
                _toggle_whole_screen()
            elif ord("0") <= key <= ord("9"):
                alone = key - ord("0")
    finally:
        cv2.destroyAllWindows()


def choose(tiles: Sequence[Tile], alone: int) -> list[Tile]:
    """The tile of that number, from 1, alone; all of them for 0, or if there is none such."""
    return [tiles[alone - 1]] if 1 <= alone <= len(tiles) else list(tiles)


def widest(tiles: Sequence[Tile], size: tuple[int, int]) -> int:
    """Width in which pictures are shown, pixels."""
    return max([right - left for left, _, right, _ in places(tiles, size)], default=0)


def _size() -> tuple[int, int]:
    _, _, width, height = cv2.getWindowImageRect(_TITLE)
    return (width, height) if width > 0 and height > 0 else _SIZE


def _toggle_whole_screen() -> None:
    whole = cv2.getWindowProperty(_TITLE, cv2.WND_PROP_FULLSCREEN) == cv2.WINDOW_FULLSCREEN
    cv2.setWindowProperty(
        _TITLE, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_NORMAL if whole else cv2.WINDOW_FULLSCREEN
    )
