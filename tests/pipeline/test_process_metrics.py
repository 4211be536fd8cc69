"""Metrics: what is measured comes out in Prometheus' text format, and every metric is declared."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.metrics import CATALOGUE, Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The one sample of this name and these labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    samples = [s for family in families for s in family.samples if s.name == name]
    (found,) = [s.value for s in samples if labels.items() <= s.labels.items()]
    return found


def test_a_stage_is_timed():
    metrics = Metrics("node")
    with metrics.stage("detect"):
        time.sleep(0.02)
    assert 0.02 <= value(metrics, "handoff_stage_seconds_sum", stage="detect") < 0.2
    assert value(metrics, "handoff_stage_seconds_bucket", stage="detect", le="0.01") == 0
    assert value(metrics, "handoff_stage_seconds_bucket", stage="detect", le="10.0") == 1


def test_a_stage_that_fails_is_timed_and_fails():
    metrics = Metrics("node")
    with pytest.raises(RuntimeError), metrics.stage("detect"):
        raise RuntimeError
    assert value(metrics, "handoff_stage_seconds_count", stage="detect") == 1


def test_delays_are_told_apart_by_where_to_and_summed_by_camera():
    metrics = Metrics("node")
    metrics.delay("tracks", 0.3, camera="west")
    metrics.delay("tracks", 0.1, camera="east")
    metrics.delay("decision", 2.0)
    assert value(metrics, "handoff_delay_seconds_count", to="tracks") == 2
    assert value(metrics, "handoff_delay_seconds_sum", to="decision") == 2.0
    assert value(metrics, "handoff_delay_by_camera_seconds_sum", camera="west") == 0.3


def test_a_delay_below_nothing_by_two_machines_clocks_is_nothing():
    metrics = Metrics("viewer")
    metrics.delay("page", -0.5)
    assert value(metrics, "handoff_delay_seconds_sum", to="page") == 0.0


def test_counters_add_up_and_gauges_do_not():
    metrics = Metrics("matcher")
    for size in (3, 5):
        metrics.count("decisions", kind="new")
        metrics.count("sightings_sent", 10)
        metrics.gauge("gallery_size", size)
    metrics.redis(0.002)
    assert value(metrics, "handoff_decisions_total", kind="new") == 2
    assert value(metrics, "handoff_sightings_sent_total") == 20
    assert value(metrics, "handoff_gallery_size") == 5
    assert value(metrics, "handoff_redis_seconds_count") == 1


def test_the_process_measures_itself():
    metrics = Metrics("node")
    waiting = threading.Event()
    before = value(metrics, "handoff_threads")
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    during = value(metrics, "handoff_threads")
    waiting.set()
    thread.join()
    assert during == before + 1
    assert value(metrics, "process_resident_memory_bytes") > 1e6
    assert value(metrics, "process_open_fds") > 2
    assert value(metrics, "process_cpu_seconds_total") > 0
    assert 0 <= value(metrics, "handoff_uptime_seconds") < 60


def test_two_processes_in_one_do_not_mix():
    one, other = Metrics("node"), Metrics("matcher")
    one.count("sightings_sent")
    assert value(other, "handoff_sightings_sent_total") == 0


def test_an_unknown_metric_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"expected one of .*sightings_sent.*, found 'typo'"):
        Metrics("node").count("typo")


def test_an_unknown_label_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"decisions: expected labels among \('kind',\), found"):
        Metrics("matcher").count("decisions", sort="new")


def test_a_label_left_out_is_empty():
    metrics = Metrics("matcher")
    metrics.count("rejected")
    assert value(metrics, "handoff_rejected_total", reason="") == 1


@pytest.mark.timed
def test_measuring_costs_microseconds():
    metrics = Metrics("node")
    began = time.perf_counter()
    for _ in range(1000):
        with metrics.stage("track"):
            pass
    assert time.perf_counter() - began < 0.1


def test_every_metric_is_declared_once_with_a_help_text():
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    assert all(metric.help and not metric.help.endswith(".") for metric in CATALOGUE)


def test_the_documentation_lists_every_metric_and_no_other():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(handoff_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    labels = [", ".join(f"`{label}`" for label in metric.labels) for metric in CATALOGUE]
    assert rows == [
        (metric.name, metric.kind, named, metric.help)
        for metric, named in zip(CATALOGUE, labels, strict=True)
    ]
