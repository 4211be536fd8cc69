"""Single pictures of a recording: of whatever kind the file is, the right one comes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import SourceError
from pipeline.ingest.seeking import PictureFinder
from pipeline.ingest.source import VideoSource

COUNT, RATE = 60, 10
ASKED = [0, 1, 2, 41, 3, 59, 0, 30, 29, 58, 12]
FILES = {
    "MP4 with pictures that refer ahead": "clip.mp4",
    "Matroska": "clip.mkv",
    "a transport stream": "clip.ts",
    "a bare stream, which tells no times": "clip.h264",
}


def write(path: Path) -> None:
    """A bright bar wanders over the ground; every twelfth picture needs no other."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"bf": "2", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for number in range(COUNT):
            image = np.full((64, 128, 3), 40, np.uint8)
            image[:, 2 * number : 2 * number + 8] = 230
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


@pytest.mark.parametrize("name", FILES.values(), ids=FILES)
def test_pictures_are_found_in_any_order(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path)
    with VideoSource(str(path)) as source:
        true = [picture.image().copy() for picture in source.pictures()]
    with PictureFinder(str(path), count=len(true)) as finder:
        found = [finder.find(index) for index in ASKED]
    assert [picture is not None and picture.index for picture in found] == ASKED
    same = [np.array_equal(p.image(), true[p.index]) for p in found if p is not None]
    assert all(same)


def test_numbers_are_counted_where_the_file_tells_of_others(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write(path)
    with PictureFinder(str(path), count=COUNT - 1) as finder:
        bars = [finder.find(index) for index in (40, 7)]
    assert [int(np.argmax(bar.image()[32, :, 0] > 150)) // 2 for bar in bars if bar] == [40, 7]


@pytest.mark.parametrize("index", [COUNT, 10 * COUNT])
def test_beyond_the_end_there_is_none_and_it_goes_on(tmp_path: Path, index: int) -> None:
    path = tmp_path / "clip.mp4"
    write(path)
    with PictureFinder(str(path), count=COUNT) as finder:
        assert finder.find(index) is None
        assert finder.find(5) is not None


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4"):
        PictureFinder(str(tmp_path / "gone.mp4"), count=1)
