"""The data that flows between the stages: Frame → Tracklet → Sighting → Decision.

Boxes are `supervision.Detections` throughout. The types here are frozen, check their arrays when
they are made, and know nothing of how they travel (that is `pipeline.store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InvalidArray
from pipeline.film import Stretch


class Clock(StrEnum):
    """Where a frame's capture time comes from."""

    RTCP = "rtcp"  # the camera's own clock, by its RTCP sender reports
    ARRIVAL = "arrival"  # the moment the frame reached us
    FILE = "file"  # start time of the recording plus presentation time


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: name of the camera in cams.yaml.
        index: number of the picture in its stream, from 0; gaps are pictures that were dropped.
        time: capture time, seconds since the epoch (UTC).
        image: uint8[H, W, 3] BGR, already cut to the camera's region.
        arrival: when the picture reached this machine, seconds since the epoch; delays count
            from here. A recording played live "arrives" when its picture is due.
        clock: where `time` comes from.
        film: what it takes to decode the picture from the camera's own video, or None; only where
            the video shows no more than `image`.
    """

    camera: str
    index: int
    time: float
    image: NDArray[np.uint8]
    arrival: float = 0.0
    clock: Clock = Clock.FILE
    film: Stretch | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise InvalidArray(
                f"camera {self.camera}: expected a picture uint8[H, W, 3], "
                f"found {self.image.dtype}{list(self.image.shape)}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True)
class Crop:
    """One picture of one person, cut out of a frame.

    Attributes:
        time: capture time of its frame, seconds since the epoch.
        image: uint8[h, w, 3] BGR, as cut out, not yet resized.
        quality: 0 (useless) to 1 (sharp, large, alone, whole).
        people: float32[n, 4], boxes of everybody who may be in it, the person included, in
            fractions of it; they may reach beyond its edges. None at all: it is not known.
    """

    time: float
    image: NDArray[np.uint8]
    quality: float
    people: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 4), np.float32))


@dataclass(frozen=True, slots=True)
class Sighting:
    """The current summary of a tracklet: what a node tells the matcher.

    Attributes:
        tracklet: the tracklet's id, unique for ever.
        camera: name of the camera.
        begin, end: capture time of the first and the last frame so far, seconds since the epoch.
        embedding: float32[D], unit length.
        crops: number of crops the embedding rests on.
        quality: mean quality of those crops, 0 to 1.
        closed: True if the tracklet has ended and this is its last sighting.
        entered, left: foot point (x, y) of the first and last box, as fractions of the picture.
        entering, leaving: velocity of the foot point then, fractions of the picture per second;
            (0, 0) if the tracklet is too short to tell.
        thumbnail: the best crop as JPEG, or None if it has not changed since the last sighting.
        arrival: when the newest picture it rests on reached the node, seconds since the epoch by
            the node's clock, or None: what delays are measured from.
        network: name of the network that made the embedding; only those of one network compare.
        parted_from: the tracklet whose track this was until it went over to this person, or "".
    """

    tracklet: str
    camera: str
    begin: float
    end: float
    embedding: NDArray[np.float32]
    crops: int
    quality: float
    closed: bool
    entered: tuple[float, float]
    left: tuple[float, float]
    thumbnail: bytes | None = None
    arrival: float | None = None
    network: str = ""
    entering: tuple[float, float] = (0.0, 0.0)
    leaving: tuple[float, float] = (0.0, 0.0)
    parted_from: str = ""

    def __post_init__(self) -> None:
        if self.embedding.ndim != 1 or self.embedding.dtype != np.float32:
            raise InvalidArray(
                f"tracklet {self.tracklet}: expected an embedding float32[D], "
                f"found {self.embedding.dtype}{list(self.embedding.shape)}"
            )
        length = float(np.linalg.norm(self.embedding))
        if not abs(length - 1.0) < 1e-2:
            raise InvalidArray(
                f"tracklet {self.tracklet}: expected an embedding of length 1, found {length:.3f}"
            )
        if self.end < self.begin:
            raise InvalidArray(f"tracklet {self.tracklet}: it ends before it begins")


class DecisionKind(StrEnum):
    """What a decision did to a tracklet's identity, or a person to an identity."""

    NEW = "new"  # somebody not seen before
    MATCHED = "matched"  # an identity that was known already
    REVISED = "revised"  # the tracklet had another identity until now
    MERGED = "merged"  # two identities were one person
    RENAMED = "renamed"  # a person gave the identity a name, or took it away; no tracklet
    FORGOTTEN = "forgotten"  # a person had the identity erased; no tracklet


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a decision came out as it did, in natural-log likelihood ratios (positive: same person).

    Attributes:
        appearance: what the embeddings say.
        transit: what place and time say.
        runner_up: total of the second-best identity, or None if there was none.
        similarity: cosine similarity to the identity's closest tracklet, -1 to 1.
        closest: id of that tracklet, the one it looks most like, or None.
        came_from: id of the tracklet in which the person was seen last before, or None.
        gap: seconds between that one and this, below zero if clocks differ, or None.
    """

    appearance: float = 0.0
    transit: float = 0.0
    runner_up: float | None = None
    similarity: float = 0.0
    closest: str | None = None
    came_from: str | None = None
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which identity a tracklet belongs to.

    Attributes:
        tracklet: the tracklet's id.
        camera: its camera.
        identity: number of the identity, from 1, never used again for anybody else.
        kind: see `DecisionKind`.
        confidence: probability that the identity is right, 0 to 1.
        evidence: what it rests on.
        time: capture time of the sighting it was taken on, seconds since the epoch.
        by: who took it, `matcher` or `person`; what people decide the matcher leaves alone.
        confirmed: False while it may still be revised.
    """

    tracklet: str
    camera: str
    identity: int
    kind: DecisionKind
    confidence: float
    evidence: Evidence = field(default_factory=Evidence)
    time: float = 0.0
    by: str = "matcher"
    confirmed: bool = False


class CameraState(StrEnum):
    """What a camera is doing."""

    CONNECTING = "connecting"
    RUNNING = "running"
    WAITING = "waiting"  # it failed and will be tried again
    ENDED = "ended"  # a recording that has been read to its end


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a camera is doing, renewed about once a second by its node.

    Attributes:
        camera: its name.
        state: see `CameraState`.
        since: when it came into this state, seconds since the epoch.
        size: width and height of its picture in pixels, (0, 0) until the first one.
        fps: pictures analysed per second, lately.
        received: pictures that came since the start, whole or not: decoded + corrupt + skipped.
        decoded: pictures decoded since the start: frames + left_out + all other drops (and the
            one, at most, that waits to be analysed).
        frames: pictures analysed since the start.
        left_out: pictures above the camera's `fps`, left out on purpose.
        drops: pictures that were not analysed since the start, by reason: `corrupt` (could not be
            decoded whole), `skipped` (decoding was left out, since we are behind), `replaced` (a
            newer one came first), `stale` (lay there too long), `region` or `lens` (it
            does not fit the picture), `unconvertible`.
        decoder: what decodes: `software` or a device such as `cuda`; empty until it does.
        delay: seconds from a picture's arrival to its tracks, median of late.
        clock: where capture times come from, or None until the first picture.
        clock_offset: seconds by which the camera's own clock is ahead of ours, or None if it
            does not tell.
        problem: kind of failure, a word such as `authentication`, or None; one of `Failure`'s in
            pipeline.ingest.failures. `clock`, `region`, `lens` also of a camera whose stream runs.
        error: the same as one sentence, or None.
        next_try: when it will be tried again, seconds since the epoch, or None.
        node: name of the node that runs it.
        sent: what of it is sent to those who look, lately: `h264` (its own video), `jpeg 640`
            (pictures of that width); nothing if nobody looks.
        updated: when this status was written, seconds since the epoch.
    """

    camera: str
    state: CameraState
    since: float
    size: tuple[int, int] = (0, 0)
    fps: float = 0.0
    received: int = 0
    decoded: int = 0
    frames: int = 0
    left_out: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    delay: float = 0.0
    clock: Clock | None = None
    clock_offset: float | None = None
    decoder: str = ""
    problem: str | None = None
    error: str | None = None
    next_try: float | None = None
    node: str = ""
    sent: tuple[str, ...] = ()
    updated: float = 0.0

    @property
    def dropped(self) -> int:
        """Pictures that were not analysed since the start, whatever the reason."""
        return sum(self.drops.values())


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that works on the site, as it says itself about once a second.

    Attributes:
        name: unique among the site's processes, such as `till-3/node`.
        role: `node`, `matcher` or `viewer`.
        host, pid: where it runs.
        started: seconds since the epoch.
        updated: when this was written, seconds since the epoch.
        ready: True if it does its work; a matcher that stands by is ready, too.
        note: what it is doing, or what is wrong, one sentence.
        allowed: cameras a node may run; None: all.
        demand: a node's cameras → seconds of work they would take per second if none of their
            pictures were left out.
        pace: a node's mean seconds of work per picture, 0 if it has not seen any.
        metrics: its metrics in Prometheus' text format.
    """

    name: str
    role: str
    host: str
    pid: int
    started: float
    updated: float
    ready: bool = True
    note: str = ""
    allowed: tuple[str, ...] | None = None
    demand: Mapping[str, float] = field(default_factory=dict)
    pace: float = 0.0
    metrics: bytes = b""


@dataclass(frozen=True, slots=True)
class TrackletRecord:
    """What is kept of a tracklet once it has been decided on.

    Attributes:
        tracklet: its id; `Store.crop` gives its picture.
        camera: its camera.
        begin, end: capture time, seconds since the epoch.
        identity: number of the identity it belongs to.
        confidence: probability that this is right, 0 to 1.
        closed: True if it has ended.
        entered, left: foot point (x, y) of the first and last box, as fractions of the picture.
        entering, leaving: velocity of the foot point then, fractions of the picture per second;
            (0, 0) if the tracklet is too short to tell.
        confirmed: False while the matcher may still revise its identity.
        pinned: True if a person has put it where it is: the matcher does not move it.
        evidence: what the matcher's newest decision on it rests on, or None; of a pinned one what
            the matcher said before the person did, if that is known.
        parted_from: as of `Sighting`.
    """

    tracklet: str
    camera: str
    begin: float
    end: float
    identity: int
    confidence: float
    closed: bool
    entered: tuple[float, float] = (0.0, 0.0)
    left: tuple[float, float] = (0.0, 0.0)
    entering: tuple[float, float] = (0.0, 0.0)
    leaving: tuple[float, float] = (0.0, 0.0)
    pinned: bool = False
    confirmed: bool = False
    evidence: Evidence | None = None
    parted_from: str = ""


class Candidate(NamedTuple):
    """A tracklet of the gallery and its cosine similarity (-1 to 1) to a sighting."""

    record: TrackletRecord
    similarity: float


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """A person across cameras, with the tracklets that are theirs in order of time.

    Attributes:
        name: what a person has called them, or None.
    """

    identity: int
    tracklets: tuple[TrackletRecord, ...]
    name: str | None = None

    @property
    def first_seen(self) -> float:
        """Capture time, seconds since the epoch."""
        return min(t.begin for t in self.tracklets)

    @property
    def last_seen(self) -> float:
        """Capture time, seconds since the epoch."""
        return max(t.end for t in self.tracklets)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras in the order in which they first saw the person."""
        return tuple(dict.fromkeys(t.camera for t in self.tracklets))
