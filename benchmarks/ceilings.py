"""What one camera's tracks are worth, and what perfect linking could make of them.

Every box is judged against ground truth once (`Judged`); the ceilings are the same boxes under
other identities: of the true person each lies on, or of the person most of its track lies on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.evaluate import box_iou, counted, evaluate, ignored, match_boxes
from pipeline.mot import Table

NOBODY = -1
_SAME = 0.5 - np.finfo(float).eps  # IoU from which a box lies on a person
_STRANGER = 1_000_000  # identities of boxes that lie on nobody begin here
_MIXED_SHARE = 0.1  # a track is mixed if so much of it lies on a second person …
_MIXED_BOXES = 3  # … and at least so many boxes


@dataclass(frozen=True, slots=True)
class Judged:
    """A camera's boxes and the people they lie on; excused boxes are left out.

    Attributes:
        boxes: N boxes, `identity` being the track.
        person: int64[N], who each lies on when boxes and people are matched one to one, identity
            in the ground truth or `NOBODY`.
        on: int64[M, 2], all pairs of a box (row of `boxes`) and a person that overlap enough.
        people: boxes of people in the ground truth.
    """

    boxes: Table
    person: NDArray[np.int64]
    on: NDArray[np.int64]
    people: int

    @classmethod
    def by(cls, truth: Table, boxes: Table) -> Judged:
        """Compares boxes with ground truth picture by picture, at an IoU of 0.5."""
        person = np.full(len(boxes), NOBODY, np.int64)
        excused = np.zeros(len(boxes), bool)
        on: list[NDArray[np.int64]] = [np.empty((0, 2), np.int64)]
        for frame in np.unique(boxes.frame).tolist():
            first = int(np.searchsorted(boxes.frame, frame))
            true = truth.at(frame)
            iou = box_iou(true.xyxy, boxes.at(frame).xyxy)
            rows, columns = match_boxes(iou)
            counts = counted(true)[rows]
            person[first + columns[counts]] = true.identity[rows[counts]]
            excused[first + columns[ignored(true)[rows]]] = True
            who, which = np.nonzero((iou >= _SAME) & counted(true)[:, None])
            on.append(np.column_stack((first + which, true.identity[who])))
        pairs = np.concatenate(on)
        kept = np.cumsum(~excused) - 1
        pairs = pairs[~excused[pairs[:, 0]]]
        pairs[:, 0] = kept[pairs[:, 0]]
        return cls(boxes[~excused], person[~excused], pairs, int(counted(truth).sum()))

    def tracks(self) -> dict[int, NDArray[np.int64]]:
        """The people a track's boxes lie on, those on nobody left out, by track."""
        return self._people_by(self.boxes.identity)

    def named_by_box(self) -> NDArray[np.int64]:
        """Each box's name if it bore that of the person it lies on; strangers' on nobody."""
        return _or_stranger(self.person, self.boxes.identity)

    def named_by_track(self) -> NDArray[np.int64]:
        """Each box's name if it bore that of the person most boxes of its track lie on."""
        return self._named_by(self.boxes.identity)

    def named_by_piece(self) -> NDArray[np.int64]:
        """The same for tracks cut wherever their person changes; see `pieces`."""
        return self._named_by(self.pieces())

    def pieces(self) -> NDArray[np.int64]:
        """Tracks cut where their person changes for good (`_MIXED_BOXES` boxes): number by box."""
        pieces = self.boxes.identity.copy()
        number = int(pieces.max(initial=0))
        for track in np.unique(self.boxes.identity).tolist():
            rows = np.flatnonzero(self.boxes.identity == track)
            for begin in _changes(self.person[rows]):
                number += 1
                pieces[rows[begin:]] = number
        return pieces

    def _people_by(self, track: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
        found = self.person != NOBODY
        return {int(t): self.person[found & (track == t)] for t in np.unique(track[found])}

    def _named_by(self, track: NDArray[np.int64]) -> NDArray[np.int64]:
        owner = {number: _most(people) for number, people in self._people_by(track).items()}
        names = [owner.get(number, NOBODY) for number in track.tolist()]
        return _or_stranger(np.array(names, np.int64), track)


@dataclass(frozen=True, slots=True)
class Worth:
    """What the tracks of a sequence are worth; all cameras together, shares from 0 to 1.

    Attributes:
        idf1, hota, mota: of the tracks alone, every camera for itself.
        switches: how often a person's track changed.
        by_detection: IDF1 if every detection on a person bore that person's identity.
        by_box: IDF1 if every box put out did.
        cut: IDF1 with tracks cut where their person changes, and linked perfectly.
        linked: IDF1 with tracks as they are, linked perfectly.
        tracks, mixed: their number, and that of tracks on two people or more.
        fragments: tracks per person seen, in a camera.
        inside, outside: detections on people that are not put out, as a share of all, within the
            time of a track of that person, and where the person has none (young or lost).
    """

    idf1: float
    hota: float
    mota: float
    switches: int
    by_detection: float
    by_box: float
    cut: float
    linked: float
    tracks: int
    mixed: int
    fragments: float
    inside: float
    outside: float

    def row(self) -> list[str]:
        """As text, in the order of `HEADER`."""
        shares = [self.idf1, self.hota, self.mota]
        ceilings = [self.by_detection, self.by_box, self.cut, self.linked]
        return [
            *(f"{share:.3f}" for share in shares),
            str(self.switches),
            *(f"{share:.3f}" for share in ceilings),
            str(self.tracks),
            str(self.mixed),
            f"{self.fragments:.2f}",
            f"{100 * self.inside:.1f}",
            f"{100 * self.outside:.1f}",
        ]


HEADER = (
    "IDF1", "HOTA", "MOTA", "switches", "by detection", "by box", "cut", "linked", "tracks",
    "mixed", "fragments", "lost inside %", "outside %",
)  # fmt: skip


def worth(
    results: Mapping[str, Table], detections: Mapping[str, Table], truth: Mapping[str, Table]
) -> Worth:
    """Judges the tracks of all cameras of a sequence.

    Args:
        results: the tracks' boxes, by camera.
        detections: all boxes the tracker was given; their identities mean nothing.
        truth: ground truth by camera, one identity per person over all of them.
    """
    judged = {camera: Judged.by(truth[camera], boxes) for camera, boxes in results.items()}
    given = {camera: Judged.by(truth[camera], boxes) for camera, boxes in detections.items()}
    tracks, own = apart(results), apart(truth)
    scores = evaluate(tracks, own).across
    people = [p for each in judged.values() for p in each.tracks().values()]
    seen = sum(len(np.unique(j.person[j.person != NOBODY])) for j in judged.values())
    missed = [_missed(given[camera], judged[camera]) for camera in judged]
    inside, outside, total = np.sum(missed, axis=0)

    return Worth(
        idf1=scores.idf1,
        hota=scores.hota,
        mota=scores.mota,
        switches=scores.switches,
        by_detection=idf1([(each, each.person) for each in given.values()]),
        by_box=idf1([(each, each.named_by_box()) for each in judged.values()]),
        cut=idf1([(each, each.named_by_piece()) for each in judged.values()]),
        linked=idf1([(each, each.named_by_track()) for each in judged.values()]),
        tracks=sum(len(np.unique(table.identity)) for table in results.values()),
        mixed=sum(map(is_mixed, people)),
        fragments=len(people) / max(1, seen),
        inside=inside / max(1, total),
        outside=outside / max(1, total),
    )


def idf1(named: Sequence[tuple[Judged, NDArray[np.int64]]]) -> float:
    """IDF1 of cameras whose boxes bear these names; boxes named `NOBODY` are left out.

    The same as TrackEval's, without computing what is not asked for.
    """
    pairs = [(j.on[:, 1], names[j.on[:, 0]]) for j, names in named]
    person, name = (np.concatenate(column) for column in zip(*pairs, strict=True))
    person, name = person[name != NOBODY], name[name != NOBODY]
    rows, columns = np.unique(person, return_inverse=True), np.unique(name, return_inverse=True)
    together = np.zeros((len(rows[0]), len(columns[0])), np.int64)
    np.add.at(together, (rows[1], columns[1]), 1)
    right = together[linear_sum_assignment(together, maximize=True)].sum()
    found = sum(int((names != NOBODY).sum()) for _, names in named)
    return 2 * int(right) / max(1, sum(j.people for j, _ in named) + found)


def is_mixed(people: NDArray[np.int64]) -> bool:
    """Whether a track's boxes lie on a second person to an extent that is no accident."""
    counts = np.sort(np.unique(people, return_counts=True)[1])[::-1]
    return len(counts) > 1 and bool(counts[1] >= max(_MIXED_BOXES, _MIXED_SHARE * counts.sum()))


def apart(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The same boxes with identities that no other camera has."""
    moved, first = {}, 0
    for camera, table in tables.items():
        moved[camera] = Table(
            table.frame, table.identity + first, table.xyxy, table.confidence, table.category
        )
        first += int(table.identity.max(initial=0)) + 1
    return moved


def _or_stranger(person: NDArray[np.int64], track: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(person == NOBODY, _STRANGER + track, person)


def _most(people: NDArray[np.int64]) -> int:
    names, counts = np.unique(people, return_counts=True)
    return int(names[counts.argmax()])


def _changes(person: NDArray[np.int64]) -> list[int]:
    """Rows from which a track lies on another person than before, for `_MIXED_BOXES` or more."""
    rows = np.flatnonzero(person != NOBODY)
    starts: list[int] = []
    current = NOBODY
    for i, row in enumerate(rows):
        ahead = person[rows[i : i + _MIXED_BOXES]]
        if person[row] != current and len(ahead) == _MIXED_BOXES and (ahead == ahead[0]).all():
            starts += [] if current == NOBODY else [int(row)]
            current = int(person[row])
    return starts


def _missed(given: Judged, found: Judged) -> tuple[int, int, int]:
    """Detections on people not put out inside and outside their tracks, and all on people."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for track in np.unique(found.boxes.identity).tolist():
        of_track = found.boxes.identity == track
        for person in np.unique(found.person[of_track & (found.person != NOBODY)]).tolist():
            frames = found.boxes.frame[of_track & (found.person == person)]
            spans.setdefault(person, []).append((int(frames.min()), int(frames.max())))
    put_out = set(zip(found.boxes.frame.tolist(), found.person.tolist(), strict=True))
    on_people = [
        (frame, person)
        for frame, person in zip(given.boxes.frame.tolist(), given.person.tolist(), strict=True)
        if person != NOBODY
    ]
    missed = [key for key in on_people if key not in put_out]
    inside = sum(any(a <= f <= b for a, b in spans.get(p, [])) for f, p in missed)
    return inside, len(missed) - inside, len(on_people)
