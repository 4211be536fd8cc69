"""The letterbox: exact to the pixel, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.letterbox import PADDING, Fit, Letterbox

SIDES = st.integers(1, 4000)
SIZES = st.tuples(SIDES, SIDES)
INPUTS = st.sampled_from([(300, 300), (416, 416), (256, 416), (640, 384)])
FITS = st.sampled_from(["stretch", "corner", "centre"])


@given(source=SIZES, target=INPUTS, how=FITS, data=st.data())
def test_boxes_come_back_as_they_went(
    source: tuple[int, int], target: tuple[int, int], how: Fit, data: st.DataObject
) -> None:
    letterbox = Letterbox.fit(source, target, how)
    limits = [*source, *source]
    box = np.array([[data.draw(st.floats(0, limit)) for limit in limits]], np.float32)
    back = letterbox.to_source(letterbox.to_target(box))
    np.testing.assert_allclose(back, box, rtol=1e-5, atol=1e-4 * max(source) / min(target))


@given(source=SIZES, target=INPUTS, how=FITS)
def test_the_picture_fills_its_place_in_the_input_exactly(
    source: tuple[int, int], target: tuple[int, int], how: Fit
) -> None:
    letterbox = Letterbox.fit(source, target, how)
    (left, top), (width, height) = letterbox.offset, letterbox.inner
    corners = letterbox.to_target(np.array([[0, 0, *source]], np.float32))
    np.testing.assert_allclose(corners, [[left, top, left + width, top + height]], rtol=1e-5)
    assert 0 <= left <= target[0] - width
    assert 0 <= top <= target[1] - height


@given(source=st.tuples(st.integers(1, 900), st.integers(1, 900)), target=INPUTS, how=FITS)
def test_only_the_padding_is_grey(
    source: tuple[int, int], target: tuple[int, int], how: Fit
) -> None:
    letterbox = Letterbox.fit(source, target, how)
    picture = letterbox.apply(np.full((source[1], source[0], 3), 7, np.uint8))
    assert picture.shape == (target[1], target[0], 3)
    assert (picture == 7).all(axis=2).sum() == letterbox.inner[0] * letterbox.inner[1]
    assert np.isin(picture, [7, PADDING]).all()


@pytest.mark.parametrize(
    ("how", "inner", "offset"),
    [
        ("stretch", (416, 416), (0, 0)),
        ("corner", (238, 416), (0, 0)),
        ("centre", (238, 416), (89, 0)),
    ],
)
def test_a_portrait_view_in_a_square(
    how: Fit, inner: tuple[int, int], offset: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit((330, 576), (416, 416), how)
    assert (letterbox.inner, letterbox.offset) == (inner, offset)


def test_a_thing_in_the_picture_lies_where_the_boxes_say() -> None:
    picture = np.zeros((576, 330, 3), np.uint8)
    picture[100:200, 50:150] = 255
    letterbox = Letterbox.fit((330, 576), (416, 416), "centre")
    ys, xs = np.nonzero(letterbox.apply(picture)[:, :, 0] > 180)
    seen = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
    np.testing.assert_allclose(letterbox.to_source(seen), [[50, 100, 150, 200]], atol=1.0)
