from __future__ import annotations

from benchmarks.turnover import measure


def test_what_is_kept_is_bounded_by_what_is_remembered() -> None:
    rows = list(measure(600, rows=3))
    passed, kept = ([int(row[i].replace(",", "")) for row in rows] for i in (0, 1))
    assert passed == [200, 400, 600]
    assert 0 < kept[0] <= 200
    assert kept[-1] < 600
