"""docs/api.md is run as it stands: its Python as a doctest, its curl in a shell."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from api_parts import crop, populate, remember
from numpy.typing import NDArray
from viewer_parts import make_site, serving

from pipeline.client import ApiError, Client
from pipeline.config import DetectorSettings, NetworkSettings
from pipeline.data import Evidence
from pipeline.store import Store
from pipeline.viewer.looking import Looker

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.fixture
def frame(vtest_path: Path) -> NDArray[np.uint8]:
    clip = cv2.VideoCapture(str(vtest_path))
    return [clip.read()[1] for _ in range(49)][48]


@pytest.fixture
def address(
    store: Store, ssdlite_path: Path, frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A site of four people, the first of whom comes back, and a photo of all in this folder."""
    detector = DetectorSettings(model=str(ssdlite_path))
    network = NetworkSettings(weights="drsa_osnet_x0_5")
    site = make_site().model_copy(update={"detector": detector, "network": network})
    looker = Looker(site)
    populate(store, looker, frame)
    why = Evidence(6.0, 1.5, -1.0, 0.91, closest="west-0", came_from="west-0", gap=292.0)
    first = crop(frame, looker.people(frame)[0][0])
    remember(store, looker, "east-5", 1, first, evidence=why)
    store.new_identity(above=4)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("photo.jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 98])
    with serving(store, site) as address:
        yield address


def test_the_python_examples_do_what_they_say(address):
    with Client(address) as site:
        result = doctest.testfile(
            str(DOCS),
            module_relative=False,
            globs={"site": site, "Path": Path},
            optionflags=FLAGS,
            encoding="utf-8",
        )
    assert result.attempted > 30
    assert result.failed == 0


def test_the_shell_examples_work(address, tmp_path: Path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (script,) = re.findall(r"```sh\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        ["sh", "-e"],
        input=script,
        cwd=tmp_path,
        env=os.environ | {"HANDOFF": address},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "crop.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (tmp_path / "people.csv").read_text().startswith("identity,name")


def test_every_route_is_in_the_table(address):
    text = DOCS.read_text(encoding="utf-8")
    description = httpx.get(f"{address}/api/v1/openapi.json").json()
    paths = [path.removeprefix("/api/v1") for path in description["paths"]]
    named = [re.sub(r"\{tracklet\}", "{id}", path) for path in paths if "/export/" not in path]
    assert [path for path in named if path not in text] == []


def test_lists_go_on_to_the_last_page(address, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.client._PAGE", 2)
    with Client(address) as site:
        assert [person.identity for person in site.identities()] == [1, 4, 3, 2]
        assert len(list(site.tracklets())) == 5
        assert len(list(site.decisions())) == 5


def test_a_client_says_that_nobody_answers():
    with Client("http://127.0.0.1:9", timeout_seconds=2) as site, pytest.raises(ApiError) as error:
        site.cameras()
    assert error.value.status == 0


def test_a_client_brings_its_token(store):
    with serving(store, make_site(token="a-secret-of-some-length")) as address:
        with Client(address, token="a-secret-of-some-length") as site:
            assert [camera.name for camera in site.cameras()] == ["west", "east"]
        with Client(address) as site, pytest.raises(ApiError) as error:
            site.cameras()
    assert error.value.status == 401
