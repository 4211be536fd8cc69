"""Pictures of a lens: what it bends, the same straightened, and the error at every corner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.fitting import Fit
from calibration.views import View
from pipeline.errors import ConfigError
from pipeline.ingest.straighten import Straightening
from pipeline.lens import Lens

LONGEST = 0.03
"""The largest error is drawn as long as this part of the picture's width."""

PANEL = 900
"""Width of each of the two pictures."""

_INK, _PAPER, _DIM = (40, 40, 40), (255, 255, 255), (110, 110, 110)
_SEEN = (233, 180, 86)  # BGR of Okabe and Ito's sky blue, orange, green and vermilion
_ERROR = (0, 94, 213)
_LINE = (115, 158, 0)
_MARGIN, _HEAD, _FOOT = 16, 66, 40
_PART_ALPHA = 0.35

Image = NDArray[np.uint8]


def save_picture(fit: Fit, views: Sequence[View], lens: Lens, path: Path) -> None:
    """Draws the view that the lens bends most, before and after, with all corners and errors.

    Left the original: blue dots are the corners of all views, red strokes their errors, enlarged.
    Right the straightened picture, with straight lines through the rows and columns of its board.

    Args:
        fit: the lens with its errors.
        views: what it was fitted to.
        lens: the same as its file has it.
        path: the picture to write; its folder is made.

    Raises:
        ConfigError: it cannot be written.
    """
    straightening = Straightening(lens, views[0].size)
    shown = max(views, key=lambda view: _bent(view, straightening))
    scale = PANEL / lens.size[0]
    left = _original(shown, fit, views, scale)
    right = _straightened(shown, straightening, scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = _page(left, right, _titles(fit, views, lens, shown), _captions(fit, straightening))
    if not cv2.imwrite(str(path), drawn):
        raise ConfigError(f"--picture: expected a name such as lens.png, found {path}")


def _bent(view: View, straightening: Straightening) -> float:
    """How far straightening moves a view's corners against each other, pixels."""
    moved = straightening.points(view.corners.xy.astype(np.float64)) - view.corners.xy
    return float(np.nan_to_num(moved).std(axis=0).sum())


def _original(shown: View, fit: Fit, views: Sequence[View], scale: float) -> Image:
    panel = _resized(shown.picture(), scale)
    places = np.concatenate([view.corners.xy for view in views])
    errors = np.concatenate(fit.residuals)
    factor = _enlargement(fit)
    dots = panel.copy()
    for x, y in _fine((places + 0.5) * scale - 0.5):
        cv2.circle(dots, (x, y), _bits(3.0), _SEEN, -1, cv2.LINE_AA, _SHIFT)
    panel = cv2.addWeighted(dots, 0.75, panel, 0.25, 0).astype(np.uint8)
    ends = places - errors * factor  # from where it was seen towards where it should be
    starts = (places + 0.5) * scale - 0.5
    for start, end in zip(_fine(starts), _fine((ends + 0.5) * scale - 0.5), strict=True):
        cv2.line(panel, start, end, _ERROR, 2, cv2.LINE_AA, _SHIFT)
    return panel


def _straightened(shown: View, straightening: Straightening, scale: float) -> Image:
    panel = _resized(straightening.maps().apply(shown.picture()), scale)
    places = (straightening.points(shown.corners.xy.astype(np.float64)) + 0.5) * scale - 0.5
    for axis in (1, 0):
        numbers = np.round(shown.points[:, axis] / _step(shown.points[:, axis])).astype(int)
        for number in np.unique(numbers):
            _line_through(panel, places[numbers == number])
    for x, y in _fine(places):
        cv2.circle(panel, (x, y), _bits(3.0), _SEEN, -1, cv2.LINE_AA, _SHIFT)
    return panel


def _step(values: NDArray[np.float32]) -> float:
    """The distance between two rows (or columns) of corners on the board."""
    steps = np.diff(np.unique(values))
    return float(steps[steps > 1e-6].min())


def _line_through(panel: Image, places: NDArray[np.float64]) -> None:
    """Draws the straight line that fits some places best, a little longer than they reach."""
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) < 3:
        return
    middle = places.mean(axis=0)
    direction = np.linalg.svd(places - middle)[2][0]
    along = (places - middle) @ direction
    reach = 0.12 * (along.max() - along.min())
    ends = [middle + direction * (along.min() - reach), middle + direction * (along.max() + reach)]
    start, end = _fine(np.array(ends))
    cv2.line(panel, start, end, _LINE, 1, cv2.LINE_AA, _SHIFT)


def _enlargement(fit: Fit) -> int:
    """By how much errors are drawn larger than they are."""
    longest = float(np.percentile(np.linalg.norm(np.concatenate(fit.residuals), axis=1), 99))
    width = 2 * fit.matrix[0, 2]  # roughly
    return max(1, round(LONGEST * width / max(longest, 1e-6)))


def _titles(fit: Fit, views: Sequence[View], lens: Lens, shown: View) -> tuple[str, str]:
    (fx, fy), sigma = lens.focal_length, fit.deviations
    width, height = lens.size
    title = f"{fit.model.name} · RMS {fit.rms:.2f} px · {len(views)} views of {width}×{height}"
    numbers = (
        f"focal length {fx:.1f} ± {sigma[0]:.1f}, {fy:.1f} ± {sigma[1]:.1f} px · centre "
        f"{lens.centre[0]:.1f} ± {sigma[2]:.1f}, {lens.centre[1]:.1f} ± {sigma[3]:.1f} px · "
        f"shown: {shown.name}"
    )
    return title, numbers


def _captions(fit: Fit, straightening: Straightening) -> tuple[str, str]:
    zoom = straightening.straight[0, 0] / straightening.matrix[0, 0]
    return (
        f"original; corners of all views, their errors {_enlargement(fit)} times enlarged",
        f"straightened, {zoom:.2f} times the size; straight lines through the corners",
    )


def _page(left: Image, right: Image, titles: tuple[str, str], captions: tuple[str, str]) -> Image:
    height, width = left.shape[:2]
    page: Image = np.full((_HEAD + height + _FOOT, 3 * _MARGIN + 2 * width, 3), _PAPER, np.uint8)
    for panel, x in ((left, _MARGIN), (right, 2 * _MARGIN + width)):
        page[_HEAD : _HEAD + height, x : x + width] = panel
    _write(page, titles[0], (_MARGIN, 28), 20, _INK, 600)
    _write(page, titles[1], (_MARGIN, 54), 16, _DIM, 400)
    for caption, x in zip(captions, (_MARGIN, 2 * _MARGIN + width), strict=True):
        _write(page, caption, (x, _HEAD + height + 26), 16, _DIM, 400)
    return page


def _write(
    page: Image,
    text: str,
    at: tuple[int, int],
    size: int,
    colour: tuple[int, int, int],
    weight: int,
) -> None:
    cv2.putText(page, text, at, colour, cv2.FontFace("sans"), size, weight)


_SHIFT = 4  # OpenCV draws at fractions of a pixel given so many bits more


def _bits(value: float) -> int:
    return round(value * (1 << _SHIFT))


def _fine(places: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Places as OpenCV wants them; what lies nowhere goes to where it is not seen."""
    safe = np.nan_to_num(places, nan=-1e3).clip(-1e5, 1e5)
    return [(_bits(float(x)), _bits(float(y))) for x, y in safe]


def _resized(picture: Image, scale: float) -> Image:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way), np.uint8)
