"""The REST interface is asked what nobody would ask: Schemathesis makes it up from its OpenAPI.

Every route but the endless one (/events) gets the edges of what its description allows, what it
forbids, and what comes to mind. No answer may be an error of the server, an undocumented status,
or another shape than described.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import pytest
from api_parts import populate
from viewer_parts import make_site, serving

from pipeline.config import DetectorSettings, NetworkSettings
from pipeline.store import Store
from pipeline.viewer.looking import Looker

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


@pytest.fixture
def address(store: Store, ssdlite_path: Path, vtest_path: Path) -> Iterator[str]:
    """A site of four people whom a real network has seen."""
    detector = DetectorSettings(model=str(ssdlite_path))
    network = NetworkSettings(weights="drsa_osnet_x0_5")
    site = make_site().model_copy(update={"detector": detector, "network": network})
    clip = cv2.VideoCapture(str(vtest_path))
    picture = [clip.read()[1] for _ in range(49)][48]
    populate(store, Looker(site), picture)
    store.new_identity(above=4)
    store.corrections.rename(1, "Ann")
    photo = {"picture": cv2.imencode(".jpg", picture)[1].tobytes()}
    with serving(store, site) as address:
        # The first search loads the network; the time there is is for asking.
        httpx.post(f"{address}/api/v1/search", files=photo, timeout=120).raise_for_status()
        yield address


def test_nothing_that_is_asked_brings_it_down(address: str, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "7",
        "--checks", ",".join(CHECKS), "--max-time", "40", "--no-color",
        "--exclude-path", "/api/v1/events", "--request-timeout", "60",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    tried = re.search(r"(\d+) generated", done.stdout)
    assert tried is not None
    assert int(tried[1]) > 150
    assert httpx.get(f"{address}/healthz").text == "ok\n"
