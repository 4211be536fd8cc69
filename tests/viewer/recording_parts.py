"""A real recording for the viewer's tests: an offline run on the beginning of the sample clip."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.viewer.recording_app import serve_recording

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 84
RATE = 7
WIDTH = {"west": 330, "east": 327}  # an odd width: videos have even ones
SITE = """
site: clip
privacy: {privacy}
cameras:
  west:
    source: {source}
    region: [0, 0, 330, 576]
    fps: 7
    start: 2009-06-25T13:57:00Z
    ground_truth: {truth}
  east: {{source: {source}, region: [440, 0, 327, 576], fps: 7, start: 2009-06-25T13:57:03Z}}
detector: {{model: ssdlite}}
"""


def run_offline(folder: Path, source: Path, *options: str, privacy: str = "none") -> Path:
    """The results of the sample's first seconds; east's clock is three seconds ahead of west's."""
    clip, truth, cams = folder / "clip.avi", folder / "truth.txt", folder / "cams.yaml"
    cut(source, clip)
    truth.write_text("1,5,10,20,30,60,1,-1,-1,-1\n", encoding="utf-8")
    cams.write_text(SITE.format(source=clip, truth=truth, privacy=privacy), encoding="utf-8")
    command = [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", str(cams), "--offline"]
    subprocess.run([*command, "--output", str(folder / "out"), *options], check=True, timeout=120)
    return folder / "out"


def cut(source: Path, target: Path) -> None:
    """The first pictures of a video, copied packet by packet."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        for packet, _ in zip(reader.demux(video=0), range(FRAMES), strict=False):
            packet.stream = stream
            writer.mux(packet)


@contextmanager
def viewing(folder: Path) -> Iterator[str]:
    """Serves a folder of results from a thread; gives the address without the last slash."""
    addresses: Queue[str] = Queue()
    stop = threading.Event()
    options = {"port": 0, "started": addresses.put, "stop": stop}
    thread = threading.Thread(target=serve_recording, args=(folder,), kwargs=options)
    thread.start()
    try:
        yield addresses.get(timeout=10).rstrip("/")
    finally:
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def pictures(clip: Path, camera: str) -> list[NDArray[np.uint8]]:
    """The pictures of a camera as they were filmed, uint8[H, W, 3] RGB."""
    left = {"west": 0, "east": 440}[camera]
    with av.open(str(clip)) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    return [frame[:, left : left + WIDTH[camera]] for frame in frames]


def copy_with(results: Path, target: Path, **changes: str) -> Path:
    """The same results without their videos, and with other sources, by camera."""
    shutil.copytree(results, target, ignore=shutil.ignore_patterns("pictures", "*.mp4"))
    run = json.loads((target / "run.json").read_text())
    for camera, source in changes.items():
        run["cameras"][camera]["settings"]["source"] = source
    (target / "run.json").write_text(json.dumps(run))
    return target
