"""The benchmark of how long embeddings must be, on a small gallery."""

from __future__ import annotations

from typer.testing import CliRunner

from benchmarks.dimensions import app


def test_shorter_looks_find_as_much_and_take_less_memory() -> None:
    options = ["gallery", "--tracklets", "400", "--dimensions", "768,256"]
    lines = CliRunner().invoke(app, options).stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[-2:]]
    assert [row[0] for row in rows] == ["768", "256"]
    (long_found, long_bytes), (found, memory) = ([*map(_number, row[3:])] for row in rows)
    assert min(long_found, found) > 0.98
    assert memory < long_bytes


def _number(text: str) -> float:
    return float(text.replace(",", ""))
