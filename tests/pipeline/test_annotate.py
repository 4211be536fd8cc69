"""Annotated videos: what they show, that players can read them, that they are reproducible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.annotate import PALETTE, Annotator, VideoWriter, annotate
from pipeline.data import Frame
from pipeline.errors import InvalidArray
from pipeline.mot import Table
from pipeline.privacy_settings import PrivacySettings
from pipeline.veil import Veil

GREY = 90
PEOPLE = Table.build(
    frame=[1, 2, 2],
    identity=[1, 1, 9],
    xyxy=[[20, 60, 60, 160], [30, 60, 70, 160], [120, 60, 160, 160]],
)


def pictures(count: int, *, width: int = 200, height: int = 200) -> Iterator[Frame]:
    """A textured picture that moves, so that the encoder has something to do."""
    texture = np.random.default_rng(3).integers(60, 120, (height, width, 3), dtype=np.uint8)
    for index in range(count):
        yield Frame("west", index, index / 7, np.roll(texture, index, axis=1))


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24").astype(np.uint8) for f in container.decode(video=0)]


def rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


@pytest.mark.parametrize(
    ("size", "even"),
    [((200, 120), (200, 120)), ((199, 120), (200, 120)), ((331, 575), (332, 576))],
    ids=["even", "odd width", "odd both"],
)
def test_the_video_is_h264_that_every_browser_plays(
    tmp_path: Path, size: tuple[int, int], even: tuple[int, int]
) -> None:
    frames = pictures(5, width=size[0], height=size[1])
    assert annotate(frames, PEOPLE, tmp_path / "west.mp4", fps=7) == 5
    with av.open(str(tmp_path / "west.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == even
        assert (stream.average_rate, stream.frames) == (7, 5)


def test_the_index_comes_before_the_pictures_so_that_playing_can_begin(tmp_path: Path) -> None:
    annotate(pictures(5), PEOPLE, tmp_path / "west.mp4", fps=7)
    content = (tmp_path / "west.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("fps", [7, 12.5, 29.97], ids=str)
def test_the_frame_rate_is_kept(tmp_path: Path, fps: float) -> None:
    annotate(pictures(3), PEOPLE, tmp_path / "west.mp4", fps=fps)
    with av.open(str(tmp_path / "west.mp4")) as container:
        rate = container.streams.video[0].average_rate
    assert rate is not None
    assert float(rate) == pytest.approx(fps, abs=1e-3)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    annotate(pictures(40, width=330), PEOPLE, tmp_path / "first.mp4", fps=7)
    annotate(pictures(40, width=330), PEOPLE, tmp_path / "second.mp4", fps=7)
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_people_are_drawn_in_their_colour_in_their_frame_only(tmp_path: Path) -> None:
    annotate(pictures(3), PEOPLE, tmp_path / "west.mp4", fps=7)
    first, second, third = decoded(tmp_path / "west.mp4")
    left_edge = (slice(80, 140), slice(119, 122))
    np.testing.assert_allclose(second[left_edge].mean((0, 1)), rgb(PALETTE[1]), atol=40)
    np.testing.assert_allclose(first[left_edge].mean((0, 1)), [GREY] * 3, atol=30)
    np.testing.assert_allclose(third[left_edge].mean((0, 1)), [GREY] * 3, atol=30)


def test_the_eighth_identity_has_the_first_colour_again() -> None:
    image = np.full((200, 200, 3), GREY, np.uint8)
    first, eighth = (
        Annotator((200, 200)).draw(
            image, Table.build(frame=[1], identity=[identity], xyxy=[[20, 60, 60, 160]])
        )
        for identity in (1, 8)
    )
    np.testing.assert_array_equal(first[61:], eighth[61:])


def test_names_stay_inside_the_picture() -> None:
    image = np.full((200, 200, 3), GREY, np.uint8)
    corner = Table.build(frame=[1], identity=[12], xyxy=[[180, 0, 200, 60]])
    drawn = Annotator((200, 200)).draw(image, corner)
    changed = (drawn != image).any(axis=2)
    assert changed[:15, 140:178].any(), "the name, moved to the left of the box's own corner"


def test_the_picture_itself_is_not_changed() -> None:
    image = np.full((200, 200, 3), GREY, np.uint8)
    Annotator((200, 200)).draw(image, PEOPLE.at(2))
    assert (image == GREY).all()


def write(path: Path, *images: NDArray[np.uint8]) -> None:
    with VideoWriter(path, fps=7) as video:
        for image in images:
            video.write(image)


def test_pictures_of_another_size_are_refused_and_no_half_of_a_video_is_left(
    tmp_path: Path,
) -> None:
    large, small = np.zeros((30, 40, 3), np.uint8), np.zeros((30, 20, 3), np.uint8)
    with pytest.raises(InvalidArray, match=r"expected pictures of \(40, 30\), found \(20, 30\)"):
        write(tmp_path / "west.mp4", large, small)
    assert list(tmp_path.iterdir()) == []


def test_no_pictures_make_no_video(tmp_path: Path) -> None:
    assert annotate([], PEOPLE, tmp_path / "west.mp4", fps=7) == 0
    assert list(tmp_path.iterdir()) == []


def detail(part: NDArray[np.uint8]) -> float:
    """Mean difference of neighbouring pixels."""
    return float(np.abs(np.diff(part.astype(int), axis=0)).mean())


def test_a_video_hides_those_in_the_table_and_all_others_who_may_be_there(tmp_path: Path) -> None:
    veil = Veil(PrivacySettings(people="persons"))
    elsewhere = np.array([[120, 20, 180, 180]], np.float32)
    people = {0: elsewhere, 1: np.empty((0, 4), np.float32)}  # nobody looked at the last picture
    path = tmp_path / "west.mp4"
    annotate(pictures(3), PEOPLE, path, fps=7, veil=veil, people=people)
    first, second, last = decoded(path)
    before = list(pictures(3))
    assert detail(first[70:150, 30:50]) < detail(before[0].image[70:150, 30:50]) / 2
    assert detail(first[60:140, 130:170]) < detail(before[0].image[60:140, 130:170]) / 2
    assert detail(second[40:50]) > detail(before[1].image[40:50]) / 2
    assert detail(last) < detail(before[2].image) / 2


def test_hiding_people_does_not_touch_the_pictures_themselves(tmp_path: Path) -> None:
    (frame,) = pictures(1)
    before = frame.image.copy()
    veil = Veil(PrivacySettings(people="persons"))
    annotate([frame], PEOPLE, tmp_path / "west.mp4", fps=7, veil=veil)
    assert np.array_equal(frame.image, before)
