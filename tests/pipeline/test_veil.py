"""The veil: nobody under it can be made out, and the rest of the picture stays as it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.data import Crop
from pipeline.privacy_settings import PrivacySettings
from pipeline.thumbnail import encode_thumbnail, people_in, with_people
from pipeline.veil import Veil, head_parts

SIZE = (320, 240)
STANDING = (100.0, 60.0, 160.0, 200.0)
SMALL = (30.0, 100.0, 42.0, 130.0)


def boxes(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def noise(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A picture in which no two neighbouring pixels are alike."""
    width, height = size
    return np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)


def veil(people: str) -> Veil:
    return Veil(PrivacySettings.model_validate({"people": people}))


def covered(people: str, *rows: tuple[float, ...]) -> NDArray[np.uint8]:
    image = noise()
    veil(people).cover(image, boxes(*rows))
    return image


def head(box: tuple[float, ...]) -> tuple[slice, slice]:
    """Rows and columns of a standing person's head: a seventh of the height, in the middle."""
    size, middle = (box[3] - box[1]) / 7, (box[0] + box[2]) / 2
    columns = slice(int(middle - size / 2), int(middle + size / 2))
    return slice(int(box[1]), int(box[1] + size)), columns


def colours(part: NDArray[np.uint8]) -> int:
    return len(np.unique(part.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("people", ["faces", "persons"])
@pytest.mark.parametrize("box", [STANDING, SMALL], ids=["large", "small"])
def test_a_head_is_left_with_six_by_six_blocks_at_most(people: str, box: tuple[float, ...]) -> None:
    assert colours(covered(people, box)[head(box)]) <= 36


def test_faces_leaves_legs_and_everything_else_as_it_was() -> None:
    image, before = covered("faces", STANDING), noise()
    assert np.array_equal(image[120:], before[120:])
    assert np.array_equal(image[:, :80], before[:, :80])


def test_persons_leaves_nothing_of_a_person() -> None:
    left, top, right, bottom = map(int, STANDING)
    assert colours(covered("persons", STANDING)[top:bottom, left:right]) <= 16 * 8


def test_without_privacy_nothing_is_touched() -> None:
    assert np.array_equal(covered("none", STANDING), noise())


def test_what_two_boxes_share_gets_the_larger_blocks() -> None:
    on_the_head = (120.0, 60.0, 140.0, 82.0)  # what a detector sometimes takes for a person, too
    assert colours(covered("faces", STANDING, on_the_head)[head(STANDING)]) <= 9
    assert colours(covered("faces", on_the_head, STANDING)[head(STANDING)]) <= 9


def test_a_box_beyond_the_edge_is_covered_as_far_as_it_is_seen() -> None:
    image = covered("persons", (-40.0, -30.0, 40.0, 60.0), (500.0, 500.0, 600.0, 700.0))
    assert colours(image[:60, :40]) <= 16 * 16


@pytest.mark.parametrize(
    ("box", "share"),
    [((0.0, 0.0, 40.0, 100.0), 1 / 3), ((0.0, 0.0, 100.0, 100.0), 1.0)],
    ids=["standing", "head and shoulders"],
)
def test_the_wider_a_box_the_more_of_it_may_be_head(box: tuple[float, ...], share: float) -> None:
    ((_, _, _, bottom),) = head_parts(boxes(box))
    assert bottom == pytest.approx(100 * share)


# ── pictures that are kept ──────────────────────────────────────────────────────────────────


def crop(*people: tuple[float, ...]) -> Crop:
    return Crop(time=0.0, image=noise((100, 300)), quality=1.0, people=boxes(*people))


def decoded(picture: bytes | None) -> NDArray[np.uint8]:
    assert picture is not None
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)


def detail(part: NDArray[np.uint8]) -> float:
    """Mean difference of neighbouring pixels: what JPEG leaves of noise, or of flat blocks."""
    return float(np.abs(np.diff(part.astype(int), axis=0)).mean())


def test_a_kept_picture_says_who_is_in_it() -> None:
    everybody = boxes((0, 0, 1, 1), (-0.2, 0.3, 0.5, 1.4))
    picture = encode_thumbnail(crop(*everybody.tolist()))
    found = people_in(picture)
    assert found is not None
    np.testing.assert_allclose(found, everybody, atol=1e-3)
    assert decoded(picture).shape == (256, 85, 3)


@pytest.mark.parametrize("picture", [b"", b"\xff\xd8", b"GIF89a", b"\xff\xd8\xff\xe0\x00\x00ab"])
def test_a_picture_that_says_nothing_is_no_reason_to_fail(picture: bytes) -> None:
    assert people_in(picture) is None
    assert veil("faces").thumbnail(picture) is None


def test_the_head_of_whoever_else_got_into_the_picture_is_hidden_too() -> None:
    behind = (0.3, 0.5, 0.7, 1.0)  # somebody whose head is in the middle of the picture
    kept = encode_thumbnail(crop((0, 0, 1, 1), behind))
    shown = decoded(veil("faces").thumbnail(kept))
    assert detail(shown[130:160, 35:50]) < detail(decoded(kept)[130:160, 35:50]) / 3
    assert detail(shown[200:, :]) == pytest.approx(detail(decoded(kept)[200:, :]), rel=0.2)


def test_a_picture_that_does_not_say_who_is_in_it_is_hidden_as_a_whole() -> None:
    kept = encode_thumbnail(crop())
    assert people_in(kept) is None
    assert detail(decoded(veil("faces").thumbnail(kept))) < detail(decoded(kept)) / 3


def test_a_hidden_picture_is_not_hidden_further_when_it_is_shown() -> None:
    hidden = veil("faces").thumbnail(encode_thumbnail(crop((0, 0, 1, 1))))
    assert hidden is not None
    again = veil("faces").thumbnail(hidden)
    assert detail(decoded(again)[200:, :]) > 20


def test_too_many_people_to_be_told_are_not_told() -> None:
    picture = encode_thumbnail(crop())
    assert with_people(picture, np.zeros((10_000, 4), np.float32)) == picture


def test_without_privacy_a_kept_picture_is_shown_as_it_is() -> None:
    kept = encode_thumbnail(crop((0, 0, 1, 1)))
    assert veil("none").thumbnail(kept) == kept
