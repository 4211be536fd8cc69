"""Sharing out cameras: evenly, by what they cost, and without going to and fro."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sharing import Share, share_out, to_give_up


def node(name: str, *costs: float, pace: float = 0.0, allowed: set[str] | None = None) -> Share:
    demand = {f"{name}{i}": cost for i, cost in enumerate(costs)}
    return Share(name, demand, pace, None if allowed is None else frozenset(allowed))


def test_free_cameras_are_dealt_out_evenly() -> None:
    dealt = share_out(["c1", "c2", "c3", "c4"], [node("a"), node("b")])
    assert sorted(map(len, dealt.values())) == [2, 2]


def test_who_has_less_to_do_takes_more() -> None:
    dealt = share_out(["c1", "c2"], [node("a", 0.3, 0.3), node("b")])
    assert dealt == {"b": ["c1", "c2"]}


def test_a_slow_machine_takes_less() -> None:
    slow, fast = node("slow", 0.2, pace=0.1), node("fast", 0.2, pace=0.01)
    dealt = share_out([f"c{i}" for i in range(6)], [slow, fast])
    assert len(dealt["fast"]) > len(dealt.get("slow", []))


def test_a_camera_goes_only_where_it_may() -> None:
    dealt = share_out(["c1", "c2"], [node("a", allowed={"c1"}), node("b", 5.0, allowed={"c2"})])
    assert dealt == {"a": ["c1"], "b": ["c2"]}
    assert share_out(["c3"], [node("a", allowed={"c1"})]) == {}


def test_a_newcomer_gets_cameras() -> None:
    assert to_give_up("a", [node("a", *[0.1] * 12), node("b")]) is not None


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([], id="nobody else"),
        pytest.param([("b", 0.1, 0.1)], id="even"),
        pytest.param([("b", 0.1)], id="one more is as even as it gets"),
        pytest.param([("b", 0.2, 0.2)], id="another is fuller"),
    ],
)
def test_what_is_well_shared_stays(others: list[tuple[str, float]]) -> None:
    nodes = [node("a", 0.1, 0.1), *(node(name, *costs) for name, *costs in others)]  # type: ignore[misc,arg-type]
    assert to_give_up("a", nodes) is None


def test_a_slow_machine_is_not_given_what_it_cannot_do() -> None:
    fast, slow = node("fast", 0.1, 0.1, 0.1, pace=0.01), node("slow", pace=0.1)
    assert to_give_up("fast", [fast, slow]) is None


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=20), st.integers(2, 4))
def test_moving_comes_to_an_end(costs: list[float], count: int) -> None:
    """However cameras start out, they settle, and nobody then has far more than another."""
    demands: list[dict[str, float]] = [{} for _ in range(count)]
    demands[0] = {f"c{i}": cost for i, cost in enumerate(costs)}
    for _ in range(200):
        nodes = [Share(f"n{i}", demand) for i, demand in enumerate(demands)]
        moves = [(i, to_give_up(f"n{i}", nodes)) for i in range(count)]
        moving = [(i, camera) for i, camera in moves if camera is not None]
        if not moving:
            break
        ((giver, camera),) = moving
        (taker,) = share_out([camera], nodes)
        cost = demands[giver].pop(camera)
        demands[int(taker[1:])][camera] = cost
    else:
        pytest.fail("cameras move for ever")
