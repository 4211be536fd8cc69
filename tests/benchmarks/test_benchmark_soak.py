"""The soak test tells growth from noise, and what comes and goes is put back."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
import redis

from benchmarks.cameras import CameraServer
from benchmarks.soak import Record, Series, Unrest, sample, soak_site, summary, trend
from pipeline.config import load_site
from pipeline.errors import HandoffError


def series(per_hour: float, *, noise: float = 1.0, minutes: int = 60) -> Series:
    """A sample every 5 s that begins at 400 and grows by so much an hour."""
    random = np.random.default_rng(1)
    times = np.arange(0, 60 * minutes, 5.0)
    values = 400 + per_hour * times / 3600 + noise * random.standard_normal(len(times))
    return list(zip(times.tolist(), values.tolist(), strict=True))


def test_the_slope_is_found_with_its_error() -> None:
    found = trend(series(60.0), warm_up=600.0)
    assert found.slope == pytest.approx(60.0, abs=1.0)
    assert 0.0 < found.error < 1.0


@pytest.mark.parametrize(
    ("per_hour", "flat"),
    [
        pytest.param(0.0, True, id="noise alone"),
        pytest.param(-30.0, True, id="shrinking"),
        pytest.param(3.0, True, id="less than one percent"),
        pytest.param(60.0, False, id="a MiB a minute"),
    ],
)
def test_growth_is_told_from_noise(per_hour: float, flat: bool) -> None:
    assert trend(series(per_hour), warm_up=600.0, share=0.01).flat is flat


def test_what_grows_during_the_warm_up_alone_is_flat() -> None:
    rising = [(float(t), min(t, 600.0)) for t in range(0, 3600, 5)]
    assert trend(rising, warm_up=600.0).flat
    assert not trend(rising, warm_up=0.0).flat


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(
        HandoffError, match="expected 12 samples after the warm-up or more, found 4"
    ):
        trend([(float(t), 1.0) for t in range(10)], warm_up=6.0)


def test_a_redis_that_does_not_answer_costs_its_own_figures_alone() -> None:
    nobody = redis.Redis(port=1, socket_timeout=0.1)
    here = psutil.Process()
    assert "command memory" in sample(here, nobody, here.pid)


def test_one_series_that_grows_fails_the_whole() -> None:
    record = Record({"node memory": series(60.0), "node threads": series(0.0, noise=0.0)})
    table, flat = summary(record, warm_up=600.0)
    assert not flat
    assert table.count("FAIL") == 1
    assert table.count("pass") == 1


def test_cameras_come_and_go_in_turn(tmp_path: Path) -> None:
    server, record = CameraServer(tmp_path / "none.h264", 2, port=1), Record()
    site = soak_site([server], fps=3.0, memory_seconds=60.0)
    with subprocess.Popen(["sleep", "60"], preexec_fn=_ignore_hangup) as process:
        unrest = Unrest(site, tmp_path, server, psutil.Process(process.pid), record)
        unrest._done = 2  # the server has been killed and is back
        unrest.act(80.0)
        left = list(load_site(tmp_path / "cams.yaml").cameras)
        unrest.act(94.0)
        unrest.act(96.0)
        process.kill()
    assert left == ["a0"]
    assert list(load_site(tmp_path / "cams.yaml").cameras) == ["a0", "a1"]
    assert record.events == [(80.0, "camera taken out"), (96.0, "camera put back")]


def _ignore_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
