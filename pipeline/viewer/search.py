"""Search by picture: who of those who were seen is the person in a photo, or in a crop."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import strangers
from pipeline.data import Candidate, TrackletRecord
from pipeline.errors import HandoffError
from pipeline.store import Store
from pipeline.viewer.photo import UnusablePhoto, decode_photo
from pipeline.viewer.source import SiteSource
from pipeline.weigh import Weigher

if TYPE_CHECKING:
    from pipeline.viewer.looking import Looker

T = TypeVar("T")
Look = NDArray[np.float32]
Holds = Callable[[TrackletRecord], bool]

_WAITING = 4  # questions under way or waiting; more are turned away
_MOST_ALIKE = 1000  # tracklets the gallery is asked for


class Busy(HandoffError):
    """Too many are searching at once."""


class OtherNetwork(HandoffError):
    """The gallery's looks and ours do not compare."""


@dataclass(frozen=True, slots=True)
class PersonInPhoto:
    """Somebody found in a photo.

    Attributes:
        xywh: left, top, width and height as fractions of the photo.
        confidence: of the detector, 0 to 1.
    """

    xywh: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True)
class Photo:
    """What was seen in a photo.

    Attributes:
        people: the most certain first.
        person: index of the one who is looked for; None: nobody was found, so it is the whole
            picture.
        look: their embedding, float32[D] of unit length.
    """

    people: tuple[PersonInPhoto, ...]
    person: int | None
    look: Look


@dataclass(frozen=True, slots=True)
class Hit:
    """A tracklet that may be the person.

    Attributes:
        tracklet: its record.
        similarity: cosine of the two embeddings, -1 to 1.
        probability: that its identity is the person, if the person is as likely to be each of the
            identities found as none of them, and was drawn at random otherwise. It rests on looks
            alone, weighed as the matcher weighs them; all identities and "none" make 1.
    """

    tracklet: TrackletRecord
    similarity: float
    probability: float


class PictureSearch:
    """Looks for people by picture. Any thread may ask; one picture is looked at at a time.

    Only tracklets whose looks are kept can be found: those that can still be matched, see
    `matching.memory`, and of one identity the newest 32.

    Args:
        store: where the looks are.
        site: cams.yaml as it is now.
    """

    def __init__(self, store: Store, site: SiteSource) -> None:
        self._store = store
        self._site = site
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._free = threading.BoundedSemaphore(_WAITING)
        self._looker: Looker | None = None

    def close(self) -> None:
        """Takes no more questions."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def in_photo(self, data: bytes, person: int | None = None) -> Photo:
        """Finds the people in a photo and embeds one of them.

        Args:
            data: a JPEG, PNG or WebP file.
            person: index of the one who is meant, of the people found; None: the most certain.

        Raises:
            UnusablePhoto: it is no such file, or has no person of that index.
            Busy: too many are asking.
            ModelError: detector or network cannot be loaded.
            OtherNetwork: the gallery holds looks of another network.
        """
        return self._ask(lambda looker: self._look_at(looker, decode_photo(data), person))

    def of_tracklet(self, tracklet: str) -> Look | None:
        """What a tracklet looks like, or None if neither looks nor picture of it are kept.

        Raises:
            Busy, ModelError, OtherNetwork: as of `in_photo`.
        """
        known = self._store.gallery.looks([tracklet]).get(tracklet)
        if known is not None:
            return known
        crop = self._store.crop(tracklet)
        return None if crop is None else self._ask(lambda looker: self._embed(looker, _read(crop)))

    def attention(self, tracklet: str) -> Look | None:
        """Where each part of the network looks in a tracklet's picture; None: no picture is kept.

        Returns:
            float32[K, h, w]; each map sums to 1.

        Raises:
            Busy, ModelError: as of `in_photo`.
        """
        crop = self._store.crop(tracklet)
        return None if crop is None else self._ask(lambda looker: looker.maps(_read(crop)))

    def rank(
        self,
        look: Look,
        *,
        holds: Holds,
        among: Sequence[str] | None = None,
        count: int = 50,
        without: str = "",
    ) -> list[Hit]:
        """The tracklets most like a person, the likeliest identity's first.

        Args:
            look: the person's embedding.
            holds: which tracklets are wanted.
            among: all that are wanted, if they are few: then none is overlooked. None: of the
                thousand most alike those that are wanted.
            count: how many at most.
            without: a tracklet that is left out: the one that was asked with. In its own view
                likeness proves less.
        """
        gallery = self._store.gallery
        if among is None:
            alike = gallery.alike(look, count=_MOST_ALIKE)
        else:
            alike = {name: float(look @ other) for name, other in gallery.looks(among).items()}
        alike.pop(without, None)
        known = gallery.records([*alike, without])
        view = known.pop(without).camera if without in known else ""
        records = {n: r for n, r in known.items() if holds(r)}
        chances = _chances(
            view, [Candidate(r, alike[n]) for n, r in records.items()], self._weigher()
        )
        hits = [Hit(r, alike[n], chances[r.identity]) for n, r in records.items()]
        return _ranked(hits)[:count]

    def _weigher(self) -> Weigher:
        """What looks prove, as far as the matcher has learned to trust them."""
        weigher = Weigher(self._ask(lambda looker: looker.calibration))
        with suppress(ValueError):  # the matcher says so, and learns anew
            for key, fields in self._store.learned.get([strangers.KEY]).items():
                weigher.load(key, fields)
        return weigher

    # ── in the worker ───────────────────────────────────────────────────────────────────────

    def _ask(self, question: Callable[[Looker], T]) -> T:
        """Has the worker answer, after those who asked before."""
        if not self._free.acquire(blocking=False):
            raise Busy("expected fewer searches at the same time, found too many: try again")
        try:
            return self._worker.submit(lambda: question(self._load())).result()
        finally:
            self._free.release()

    def _load(self) -> Looker:
        if self._looker is None:
            from pipeline.viewer.looking import Looker  # most viewers never search

            self._looker = Looker(self._site.site)
        return self._looker

    def _look_at(self, looker: Looker, picture: NDArray[np.uint8], person: int | None) -> Photo:
        boxes, certain = looker.people(picture)
        if person is not None and person >= len(boxes):
            raise UnusablePhoto(
                f"person: expected a number below {len(boxes)}, the people found in the picture, "
                f"found {person}"
            )
        chosen = (person or 0) if len(boxes) else None
        crop = picture if chosen is None else _cut(picture, boxes[chosen])
        height, width = picture.shape[:2]
        scale = np.array([width, height, width, height])
        people = tuple(
            PersonInPhoto(_xywh(box / scale), float(confidence))
            for box, confidence in zip(boxes, certain, strict=True)
        )
        return Photo(people, chosen, self._embed(looker, crop))

    def _embed(self, looker: Looker, crop: NDArray[np.uint8]) -> Look:
        kept = self._store.gallery_network()
        if kept not in ("", looker.network):
            raise OtherNetwork(
                f"expected a gallery of {looker.network}, which is in use, found one of {kept}"
            )
        return looker.embed(crop)


def _chances(view: str, alike: Iterable[Candidate], weigher: Weigher) -> dict[int, float]:
    """Identity → probability that it is the person; see `Hit`."""
    tracklets: dict[int, list[Candidate]] = defaultdict(list)
    for each in alike:
        tracklets[each.record.identity].append(each)
    odds = {n: math.exp(weigher.resembles(view, known)) for n, known in tracklets.items()}
    total = 1.0 + sum(odds.values())
    return {identity: each / total for identity, each in odds.items()}


def _ranked(hits: Sequence[Hit]) -> list[Hit]:
    """The likeliest identity first; of several that are as likely, the one that is most alike."""
    closest: dict[int, float] = {}
    for hit in hits:
        identity = hit.tracklet.identity
        closest[identity] = max(hit.similarity, closest.get(identity, -1.0))

    def rank(hit: Hit) -> tuple[float, float, int, float, str]:
        who = hit.tracklet.identity
        return -hit.probability, -closest[who], who, -hit.similarity, hit.tracklet.tracklet

    return sorted(hits, key=rank)


def _read(jpeg: bytes) -> NDArray[np.uint8]:
    """A crop that we have written ourselves."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _cut(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    return picture[max(top, 0) : bottom, max(left, 0) : right]


def _xywh(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(float(side), 4) for side in box)
    return left, top, round(right - left, 4), round(bottom - top, 4)
