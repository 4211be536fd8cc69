"""What is measured on: people who were not trained on in any set."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from engines.datasets import (
    LabelledTracklet,
    RetrievalProblem,
    hold_out_people,
    read_market1501,
    read_tracklet_list,
)
from engines.datasets.tracking import cut_tracklets
from engines.protocols import (
    all_against_all,
    every_image,
    query_and_gallery,
    single_images,
    with_distractors,
)

HELD_OUT_PEOPLE = 100
"""Of Market-1501's training split; the recipes hold out the same ones."""

NUMBERED_TWICE = {8: 118}
"""Who has one number in MARS and another in Market-1501: a woman, on a motorcycle and on foot.

Found in the pictures of what the network gets wrong; there may be more.
"""


def held_out_problems(root: Path) -> dict[str, RetrievalProblem]:
    """The retrieval problems of the data that is held out from training.

    MARS was cut from the recordings of Market-1501 and numbers the same people alike, so whoever
    one set holds out may be trained on in the other; such people are left out here.

    Args:
        root: holds `train` (Market-1501's training images) and `mini_mars`.
    """
    training, held_out = hold_out_people(read_market1501(root / "train"), HELD_OUT_PEOPLE)
    mars_training = read_tracklet_list(
        root / "mini_mars" / "gtPepper" / "train.json", root=root / "mini_mars"
    )
    people = without_people(held_out, {market_number(tracklet) for tracklet in mars_training})
    known = {tracklet.person for tracklet in training}
    mars = new_people(query_and_gallery("mini_mars test", root / "mini_mars"), known)
    found = {market_number(tracklet) for tracklet in mars.gallery}
    found |= {other for number, other in NUMBERED_TWICE.items() if number in found}
    strangers = without_people(people, found)
    problems = (
        all_against_all("held-out people", people),
        single_images("held-out images", people),
        mars,
        with_distractors("mini_mars + people", mars, strangers),
    )
    return {problem.name: problem for problem in problems}


def video_problems(
    videos: Sequence[tuple[Path, Path]], folder: Path
) -> dict[str, RetrievalProblem]:
    """People in annotated videos, early against late, all of them in one gallery.

    Whole tracklets are easy, because a person hardly changes within a video; single frames show
    what a network makes of one picture.

    Args:
        videos: video and MOTChallenge ground truth of each.
        folder: where the pictures are written.
    """
    tracklets: list[LabelledTracklet] = []
    for number, (video, truth) in enumerate(videos):
        people = len(tracklets) // 2
        tracklets += cut_tracklets(video, truth, folder / str(number), first_person=people)
    problems = all_against_all("video", tracklets), every_image("video, one frame", tracklets)
    return {problem.name: problem for problem in problems}


def market_number(tracklet: LabelledTracklet) -> int:
    """The person's number in Market-1501: in MARS the name of the folder (0004/0004C1T….jpg)."""
    return int(tracklet.paths[0].parent.name)


def without_people(
    tracklets: Sequence[LabelledTracklet], people: Set[int]
) -> list[LabelledTracklet]:
    """Leaves out everybody of these numbers."""
    return [tracklet for tracklet in tracklets if tracklet.person not in people]


def new_people(mars: RetrievalProblem, known: Set[int]) -> RetrievalProblem:
    """A problem of MARS without those who are known by their number in Market-1501."""
    query, gallery = (
        tuple(tracklet for tracklet in part if market_number(tracklet) not in known)
        for part in (mars.query, mars.gallery)
    )
    return RetrievalProblem(mars.name, query, gallery)
