"""The live benchmark: rates from statuses, figures from delays, cameras that can be read."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from streams import require_gstreamer

from benchmarks.cameras import FPS, SIZE, CameraServer, Recordings, encode_clip
from benchmarks.load import Flow, Load, verdict
from benchmarks.site_run import Watch
from pipeline.errors import HandoffError


def status(updated: float, received: int, frames: int, **drops: int) -> dict[str, object]:
    return {"updated": updated, "received": received, "frames": frames, "drops": drops}


def load(*, cameras: int = 8, analysed: float = 5.0, delay: float = 0.2) -> Load:
    flows = [Flow(10.0, analysed, {"replaced": 10.0 - analysed})] * cameras
    pictures = np.array([(float(t), delay) for t in range(100)])
    cpu = {"node": 100.0, "viewer": 20.0, "cameras": 5.0, "client": 7.0, "others": 3.0}
    return Load(cameras, flows, pictures, cpu, [(0.0, 2.0**30)])


def test_rates_count_from_the_first_status_to_the_last() -> None:
    seen = [
        (0.0, status(100.0, 50, 20, replaced=30)),
        (10.0, status(110.0, 150, 70, replaced=75, stale=5)),
    ]
    assert Flow.between(seen) == Flow(10.0, 5.0, {"replaced": 4.5, "stale": 0.5})


def test_a_camera_whose_status_is_not_renewed_is_an_error() -> None:
    old = status(100.0, 50, 20)
    with pytest.raises(HandoffError, match="to be renewed, found it old"):
        Flow.between([(0.0, old), (10.0, old)])


def test_a_row_leaves_the_benchmarks_own_work_out_of_the_sites() -> None:
    row = load().row()
    assert row[0] == "8"
    assert row[2:7] == ["5.00 (5.00, 5.00)", "5.0 replaced", "200", "200", "200"]
    assert row[8:] == ["120", "100", "5", "7", "3", "1024"]


@pytest.mark.parametrize(
    ("analysed", "delay", "said"),
    [
        (5.0, 0.2, "each: met; 95 % within 500 ms: met"),
        (3.0, 0.2, "each: MISSED; 95 % within 500 ms: met"),
        (5.0, 0.6, "each: met; 95 % within 500 ms: MISSED"),
    ],
)
def test_targets_are_judged(analysed: float, delay: float, said: str) -> None:
    assert said in verdict([load(analysed=analysed, delay=delay)])


def test_what_the_page_is_told_once_a_second_is_noted() -> None:
    watch = Watch()
    watch.take_news(
        '{"type": "cameras", "cameras": [{"name": "a", "status": {"frames": 1}},'
        ' {"name": "b", "status": null}]}'
    )
    watch.take_news('{"type": "trouble", "sentence": null}')
    assert list(watch.statuses) == ["a"]
    assert watch.statuses["a"][0][1] == {"frames": 1}


def test_cameras_show_different_moments_and_come_back_on_their_port(tmp_path: Path) -> None:
    require_gstreamer()
    clip = encode_clip(tmp_path / "clip.h264", frames=4 * FPS)
    with CameraServer(clip, 2) as server:
        first, second = (_picture(server.url(number)) for number in range(2))
        port = server.port
        server.kill()
        server.start()
        again = _picture(server.url(0))
        assert server.port == port
    assert first.shape == second.shape == again.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(first.astype(int) - second).mean() > np.abs(first.astype(int) - again).mean()


def test_cameras_without_a_server_are_a_recording_with_its_true_rate(tmp_path: Path) -> None:
    clip = encode_clip(tmp_path / "clip.mp4", frames=2 * FPS)
    with Recordings(clip, 3) as cameras, av.open(cameras.url(2)) as source:
        times = [picture.time for picture in source.decode(video=0)]
    np.testing.assert_allclose(np.diff(times), 1 / FPS)
    assert len(times) == 2 * FPS


def _picture(url: str) -> np.ndarray:
    options = {"rtsp_transport": "tcp", "analyzeduration": "500000", "probesize": "500000"}
    with av.open(url, options=options, timeout=10) as source:
        return next(source.decode(video=0)).to_ndarray(format="bgr24")
