"""A board held before a camera: of its pictures those that differ are kept; files and streams."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from rendered_boards import lens, poses, render, true_corners
from streams import RtspServer, require_gstreamer

from calibration.boards import Kind, make_board
from calibration.gathering import from_camera
from calibration.intrinsics import write_lens
from pipeline.config import CameraSettings
from pipeline.errors import SourceError

CHESSBOARD = make_board(Kind.CHESSBOARD, "9x6", square=0.025, dictionary="5X5_100", marker=None)
BARREL = lens()


def film(path: Path) -> Path:
    """A second of every way to hold a board, ten pictures a second."""
    options = {"crf": "12", "x264-params": "aud=1:keyint=10:bframes=0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for pose in poses(5, reach=0.25):
            picture = cv2.cvtColor(render(CHESSBOARD, BARREL, pose), cv2.COLOR_GRAY2BGR)
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("footage") / "board.mp4")


def test_of_a_cameras_pictures_those_that_differ_are_kept(footage: Path, tmp_path: Path) -> None:
    bent = tmp_path / "old.yaml"
    write_lens(lens(distortion=(0.2, 0.0, 0.0, 0.0)), bent, comment="not this one")
    settings = CameraSettings(source=str(footage), lens=bent, region=[0, 0, 100, 100])
    said: list[str] = []
    gathered = from_camera("door", settings, CHESSBOARD, wanted=30, seconds=60, say=said.append)
    seen = np.concatenate([view.corners.xy for view in gathered.views])
    true = np.concatenate([true_corners(CHESSBOARD, BARREL, pose) for pose in poses(5, reach=0.25)])
    apart = np.linalg.norm(seen[:, None] - true[None], axis=2).min(axis=1)
    assert len(gathered.views) == 5
    assert apart.max() < 1.0  # neither the old lens nor the region had a say
    assert {reason.split(" as ")[0] for _, reason in gathered.rejected} == {"the same"}
    assert "view 5 of 30" in said[-2]


def test_enough_views_are_enough(footage: Path) -> None:
    settings = CameraSettings(source=str(footage))
    gathered = from_camera("door", settings, CHESSBOARD, wanted=2, seconds=60, say=len)
    assert len(gathered.views) == 2


def test_a_stream_shows_a_board_as_well_as_a_file(tmp_path: Path) -> None:
    require_gstreamer()
    server = RtspServer(film(tmp_path / "board.h264"))
    server.start()
    try:
        settings = CameraSettings(source=server.url)
        gathered = from_camera("door", settings, CHESSBOARD, wanted=4, seconds=30, say=len)
    finally:
        server.kill()
    assert len(gathered.views) == 4


def test_a_camera_that_cannot_be_opened_is_an_error() -> None:
    settings = CameraSettings(source="rtsp://user:canary@127.0.0.1:1/clip")
    with pytest.raises(SourceError) as error:
        from_camera("door", settings, CHESSBOARD, wanted=2, seconds=9, say=len)
    assert str(error.value) == (
        "camera door: nobody listens at rtsp://***@127.0.0.1:1/clip (connection refused)"
    )
