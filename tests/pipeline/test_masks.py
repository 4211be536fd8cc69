"""Masks: what nobody is to see is black in every picture that leaves ingest."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from streams import CLIP_SIZE, write_clip

from pipeline.config import CameraSettings
from pipeline.data import Frame
from pipeline.ingest import LiveReaders, read_recordings
from pipeline.ingest.framing import mask_pixels

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
TRIANGLE = [[0.2, 0.1], [0.9, 0.4], [0.4, 0.95]]
LAST = 31
"""Number of a picture whose first five blocks of eight are white."""


def camera(clip: Path, *masks: object, **settings: object) -> CameraSettings:
    return CameraSettings.model_validate({"source": str(clip), "masks": list(masks)} | settings)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("masks") / "clip.mp4", count=LAST + 1)


def last(**cameras: CameraSettings) -> list[Frame]:
    return list(read_recordings(cameras))[-1]


def inside(outline: object, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels of a picture lie in a polygon, by their middles and without OpenCV's filling."""
    corners = np.array(outline, np.float32) * size - 0.5
    return np.array(
        [
            [
                cv2.pointPolygonTest(corners.astype(np.float32), (x, y), False) >= 0
                for x in range(size[0])
            ]
            for y in range(size[1])
        ]
    )


def test_a_mask_is_black_and_nothing_else_is_touched(clip: Path) -> None:
    (masked,), (whole,) = last(west=camera(clip, LEFT_HALF)), last(west=camera(clip))
    middle = CLIP_SIZE[0] // 2
    assert whole.image[:, :middle].max() > 200
    assert masked.image[:, :middle].max() == 0
    assert np.array_equal(masked.image[:, middle + 1 :], whole.image[:, middle + 1 :])


@pytest.mark.parametrize("size", [(64, 36), (101, 57)])
def test_no_pixel_of_a_mask_is_left_out(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    (corners,) = mask_pixels([TRIANGLE], size)  # type: ignore[list-item]
    cv2.fillPoly(image, [corners], (0, 0, 0))
    assert image[inside(TRIANGLE, size)].max() == 0
    assert (image == 0).mean() < inside(TRIANGLE, size).mean() + 0.05


def test_masks_may_overlap(clip: Path) -> None:
    (frame,) = last(west=camera(clip, LEFT_HALF, LEFT_HALF))
    assert frame.image[:, : CLIP_SIZE[0] // 2].max() == 0


def test_a_mask_counts_in_the_picture_after_the_region(clip: Path) -> None:
    region = [0, 0, CLIP_SIZE[0] // 2, CLIP_SIZE[1]]
    (masked,) = last(west=camera(clip, LEFT_HALF, region=region))
    quarter = CLIP_SIZE[0] // 4
    assert masked.image[:, :quarter].max() == 0
    assert masked.image[:, quarter + 1 :].max() > 200


def test_another_camera_of_the_same_source_is_not_masked(clip: Path) -> None:
    one, other = last(one=camera(clip, LEFT_HALF), other=camera(clip))
    assert one.image[:, : CLIP_SIZE[0] // 2].max() == 0
    assert other.image[:, : CLIP_SIZE[0] // 2].max() > 200


def test_masks_change_while_the_camera_runs(clip: Path) -> None:
    with LiveReaders({"west": camera(clip, loop=True)}) as readers:
        assert readers.collect(10.0)
        readers.change({"west": camera(clip, [[0, 0], [1, 0], [1, 1], [0, 1]], loop=True)})
        deadline = time.monotonic() + 10.0
        blackest = 255
        while blackest > 0 and time.monotonic() < deadline:
            blackest = max((int(f.image.max()) for f in readers.collect(1.0)), default=blackest)
    assert blackest == 0
