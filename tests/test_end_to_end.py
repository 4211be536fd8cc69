"""The main job on real video: real detector, real network, real Redis, real browser."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.mot import read_table

ROOT = Path(__file__).resolve().parents[1]
SITE = """
site: clip
cameras:
  west: {{source: {source}, region: [0, 0, 330, 576], fps: 7, start: 2009-06-25T13:57:00Z}}
  east: {{source: {source}, region: [440, 0, 328, 576], fps: 7, start: 2009-06-25T13:57:00Z}}
detector: {{model: ssdlite}}
viewer: {{port: 0}}
"""


def offline(cams: Path, output: Path, *options: str) -> None:
    command = [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", str(cams), "--offline"]
    subprocess.run([*command, "--output", str(output), *options], check=True, timeout=230)


def site(folder: Path, source: str) -> Path:
    cams = folder / "cams.yaml"
    cams.write_text(SITE.format(source=source), encoding="utf-8")
    return cams


def cut(source: Path, target: Path, frames: int) -> Path:
    """The first frames of a video, copied packet by packet."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        for packet in reader.demux(video=0):
            if packet.dts is None or frames == 0:
                break
            packet.stream = stream
            writer.mux(packet)
            frames -= 1
    return target


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, vtest_path: Path) -> Path:
    """The first 25 seconds of the demo's recording."""
    return cut(vtest_path, tmp_path_factory.mktemp("clip") / "clip.avi", 175)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """What an offline run with video makes of the clip."""
    folder = tmp_path_factory.mktemp("results")
    offline(site(folder, str(clip)), folder / "out", "--video")
    return folder / "out"


def test_people_are_found_in_both_views(results: Path) -> None:
    for camera in ("west", "east"):
        table = read_table(results / f"{camera}.txt")
        assert len(np.unique(table.identity)) >= 2
        assert table.frame.min() >= 1
        assert table.frame.max() <= 175


def test_an_identity_carries_over_from_one_camera_into_the_other(results: Path) -> None:
    identities = json.loads((results / "identities.json").read_text())["identities"]
    cameras = [{tracklet["camera"] for tracklet in i["tracklets"]} for i in identities]
    assert {"west", "east"} in cameras


def overlap(one: dict[str, str], other: dict[str, str]) -> float:
    """Seconds for which two tracklets of identities.json are both there."""
    begin = max(datetime.fromisoformat(t["begin"]) for t in (one, other))
    end = min(datetime.fromisoformat(t["end"]) for t in (one, other))
    return (end - begin).total_seconds()


def test_nobody_is_in_two_places_at_once(results: Path) -> None:
    identities = json.loads((results / "identities.json").read_text())["identities"]
    pairs = [pair for i in identities for pair in combinations(i["tracklets"], 2)]
    assert pairs
    for one, other in pairs:
        tolerance = 0.0 if one["camera"] == other["camera"] else 0.5
        assert overlap(one, other) <= tolerance


def test_every_tracklet_has_a_picture(results: Path) -> None:
    identities = json.loads((results / "identities.json").read_text())["identities"]
    pictures = [results / t["thumbnail"] for i in identities for t in i["tracklets"]]
    assert pictures
    assert all(picture.read_bytes().startswith(b"\xff\xd8") for picture in pictures)


def test_every_tracklet_says_where_its_feet_came_in_and_went_out(results: Path) -> None:
    identities = json.loads((results / "identities.json").read_text())["identities"]
    tracklets = [tracklet for i in identities for tracklet in i["tracklets"]]
    feet = np.array([(tracklet["entered"], tracklet["left"]) for tracklet in tracklets])
    assert feet.shape == (len(tracklets), 2, 2)
    assert ((feet >= -0.5) & (feet <= 1.5)).all()
    assert len(np.unique(feet)) > len(tracklets)


def test_every_tracklet_has_its_embedding(results: Path) -> None:
    identities = json.loads((results / "identities.json").read_text())["identities"]
    looks = np.load(results / "embeddings.npy")
    assert len(looks) == sum(len(i["tracklets"]) for i in identities)
    assert np.linalg.norm(looks, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_the_annotated_video_has_every_frame(results: Path) -> None:
    with av.open(str(results / "west.mp4")) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in video.decode(video=0)) == 175


def test_the_same_input_gives_the_same_bytes(results: Path, clip: Path, tmp_path: Path) -> None:
    offline(site(tmp_path, str(clip)), tmp_path / "out", "--video")
    assert contents(tmp_path / "out") == contents(results)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}
