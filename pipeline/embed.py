"""Tracklet crops → features → embedding; emits sightings.

A crop goes through the network once (graph A), when a sighting first rests on it; its features
stay with the tracklet. For every sighting graph B is run again over the best crop of each of the
tracklet's N time chunks, so the embedding improves while the person is watched, at almost no cost.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.card import read_card
from engines.engine import Pending, Results
from engines.preprocess import stack_crops
from engines.runtime import Device, Precision, open_engine
from pipeline.data import Crop, Sighting
from pipeline.errors import ModelError
from pipeline.evidence import Calibration
from pipeline.purity import changed_at
from pipeline.thumbnail import encode_thumbnail
from pipeline.tracklets import Keepsake, Tracklet
from pipeline.veil import Veil

WEIGHTS = Path(__file__).resolve().parent.parent / "engines" / "weights"
_MAX_BATCH = 32
Part = Callable[[Tracklet, float], tuple[Tracklet, Tracklet]]
"""Makes two tracklets of one at a moment; see `TrackletBuilder.part`."""
_UNDER_WAY = 3
"""Batches under way at most: what a CPU's two streams work on, and one that is ready."""


def find_weights(name: str) -> Path:
    """The graph A file of a network, by name or path.

    Raises:
        ModelError: there is none.
    """
    path = Path(name) if name.endswith(".onnx") else WEIGHTS / f"{name}.crop.onnx"
    if not path.is_file():
        known = sorted(p.name.removesuffix(".crop.onnx") for p in WEIGHTS.glob("*.crop.onnx"))
        raise ModelError(
            f"expected one of {', '.join(known)}, or a ….crop.onnx file, found {name!r}"
        )
    return path


def network_id(weights: Path) -> str:
    """What tells the embeddings of one network from those of another: name and digest.

    Args:
        weights: graph A's file.
    """
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return f"{weights.name.removesuffix('.crop.onnx')}@{digest[:8]}"


def read_calibration(weights: Path) -> Calibration:
    """What similarity is worth with a network, by the metadata of its graph A.

    Raises:
        ModelError: the file is no such graph, or has not been calibrated.
    """
    fitted = read_card(weights).calibration
    if fitted is None:
        raise ModelError(f"{weights}: expected `calibration` in its metadata, found none")
    return Calibration(slope=fitted.slope, offset=fitted.offset)


class Network:
    """The attention network, compiled: graph A per crop and graph B per tracklet.

    Args:
        weights: graph A's file; graph B's lies beside it, `….tracklet.onnx`.
        device: what it runs on; see `engines.runtime.choose_backend`.
        precision: arithmetic of graph A.
        threads: CPU threads; 0 leaves the choice to the runtime.

    Attributes:
        id: see `network_id`.
    """

    def __init__(
        self,
        weights: Path,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int = 0,
    ) -> None:
        partner = weights.with_name(weights.name.replace(".crop.", ".tracklet."))
        if not partner.is_file():
            raise ModelError(f"{weights}: expected {partner.name} beside it, found none")
        self.id = network_id(weights)
        self._card = read_card(weights)
        # A CPU takes as long for a batch as for its crops one by one, and keeps its memory.
        self._crop = open_engine(
            weights, device=device, precision=precision, threads=threads, mode="throughput", rows=1
        )
        # The temporal softmax and the final norm are too small to gain from lower precision.
        self._tracklet = open_engine(partner, device=device, precision="f32", threads=1)

    @property
    def calibration(self) -> Calibration | None:
        """What similarity of its embeddings is worth, if that was measured."""
        fitted = self._card.calibration
        return None if fitted is None else Calibration(slope=fitted.slope, offset=fitted.offset)

    @property
    def chunks(self) -> int:
        """N, the number of crops an embedding rests on at most."""
        return self._card.frames

    def features(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Graph A: crops uint8[h, w, 3] BGR of any size → float32[n, K, P] and logits [n, K]."""
        batches: list[Results] = []
        pending: deque[Pending] = deque()
        for part in _batches(crops, self._crop.max_batch or _MAX_BATCH):
            if len(pending) == _UNDER_WAY:
                batches.append(pending.popleft().wait())
            pending.append(self._submit(part))
        batches += [batch.wait() for batch in pending]
        return (
            np.concatenate([batch["features"] for batch in batches]),
            np.concatenate([batch["logits"] for batch in batches]),
        )

    def _submit(self, crops: Sequence[NDArray[np.uint8]]) -> Pending:
        size = {"height": self._card.height, "width": self._card.width}
        return self._crop.submit({"crops": stack_crops(crops, **size)})

    def embed(self, tracklets: Sequence[Sequence[Keepsake | None]]) -> NDArray[np.float32]:
        """Graph B: each tracklet's N chunks (None: no crop) → float32[t, D] of unit length."""
        shape = (len(tracklets), self.chunks)
        features = np.zeros((*shape, self._card.parts, self._card.dimensions), np.float32)
        logits = np.zeros((*shape, self._card.parts), np.float32)
        mask = np.zeros(shape, np.float32)
        for t, chunks in enumerate(tracklets):
            for n, keepsake in enumerate(chunks):
                if keepsake is not None:
                    features[t, n], logits[t, n] = keepsake.features, keepsake.logits
                    mask[t, n] = 1.0
        output = self._tracklet({"features": features, "logits": logits, "mask": mask})
        embedding: NDArray[np.float32] = output["embedding"]
        return embedding


class Embedder:
    """Embeds tracklets as they grow and says when the matcher should hear of one.

    A tracklet that has ended is reported at once. Those under way in a camera are reported
    together, when one of them is new and whenever `refresh` seconds have passed: whoever is in
    the same view competes for the same identities, so all of them are to be decided on at once.

    Args:
        network: the network.
        refresh: seconds between two sightings of the same growing tracklet.
        most: crops that one `update` may send through the network for tracklets under way, or
            None. Cameras that do not fit wait for a later one; who waits longest comes first.
        veil: what pictures are kept under; None: they are kept as they are.
    """

    def __init__(
        self,
        network: Network,
        *,
        refresh: float = 1.0,
        most: int | None = None,
        veil: Veil | None = None,
    ) -> None:
        self._network = network
        self._refresh = refresh
        self._most = most
        self._veil = veil
        self._reported: dict[str, float] = {}  # quality of the picture sent, by tracklet
        self._last: dict[str, float] = {}  # capture time of the last report, by camera

    def update(self, tracklets: Sequence[Tracklet], part: Part | None = None) -> list[Sighting]:
        """Embeds what the sightings that are due rest on, all at once; returns the sightings.

        Args:
            tracklets: that have grown, or ended.
            part: makes two of a tracklet whose track went over to somebody else; None: none is.
        """
        due = self._due([tracklet for tracklet in tracklets if tracklet.kept])
        if not due:
            return []
        self._embed_new(map(self._chunks, due))
        if part is not None:
            due = [piece for tracklet in due for piece in self._pure(tracklet, part)]
        chosen = [self._chunks(tracklet) for tracklet in due]
        self._embed_new(chosen)  # pieces may rest on crops that the whole did not
        embeddings = self._network.embed(chosen)
        return [
            self._report(tracklet, chunks, embedding)
            for tracklet, chunks, embedding in zip(due, chosen, embeddings, strict=True)
        ]

    def _pure(self, tracklet: Tracklet, part: Part) -> list[Tracklet]:
        """The tracklet, or those it is parted into: one person each."""
        calibration = self._network.calibration
        moment = None if calibration is None else changed_at(tracklet.kept, calibration)
        if moment is None:
            return [tracklet]
        return [piece for half in part(tracklet, moment) for piece in self._pure(half, part)]

    def forget(self, camera: str) -> None:
        """A camera has gone; should it come back, its time may begin anew."""
        self._last.pop(camera, None)

    def _chunks(self, tracklet: Tracklet) -> list[Keepsake | None]:
        return tracklet.chunks(self._network.chunks)

    def _embed_new(self, chosen: Iterable[Iterable[Keepsake | None]]) -> None:
        """Only crops that a sighting rests on: on the demo site 707 of the 974 that are kept."""
        new = [k for chunks in chosen for k in chunks if k is not None and k.features is None]
        if not new:
            return
        features, logits = self._network.features([keepsake.crop.image for keepsake in new])
        for keepsake, x, e in zip(new, features, logits, strict=True):
            keepsake.features, keepsake.logits = x, e

    def _due(self, tracklets: Sequence[Tracklet]) -> list[Tracklet]:
        cameras = self._affordable(tracklets)
        for tracklet in tracklets:
            if tracklet.camera in cameras:
                self._last[tracklet.camera] = max(
                    tracklet.end, self._last.get(tracklet.camera, tracklet.end)
                )
        return [t for t in tracklets if t.closed or t.camera in cameras]

    def _affordable(self, tracklets: Sequence[Tracklet]) -> set[str]:
        """The cameras that are to report now: who waits longest first, one at least."""
        waiting = {t.camera for t in tracklets if not t.closed and self._is_time(t)}
        if self._most is None:
            return waiting
        left, chosen = self._most, set[str]()
        for camera in sorted(waiting, key=lambda c: (self._last.get(c, -math.inf), c)):
            cost = sum(self._cost(t) for t in tracklets if t.camera == camera)
            if chosen and cost > left:
                break
            chosen.add(camera)
            left -= cost
        return chosen

    def _cost(self, tracklet: Tracklet) -> int:
        """Crops that would have to go through the network."""
        return sum(k is not None and k.features is None for k in self._chunks(tracklet))

    def _is_time(self, tracklet: Tracklet) -> bool:
        """True if a tracklet under way is new, or its camera has not reported for long enough."""
        waited = tracklet.end - self._last.get(tracklet.camera, -math.inf)
        return tracklet.id not in self._reported or waited >= self._refresh

    def _report(
        self,
        tracklet: Tracklet,
        chunks: Sequence[Keepsake | None],
        embedding: NDArray[np.float32],
    ) -> Sighting:
        crops = [k.crop for k in chunks if k is not None]
        best = tracklet.best.crop
        is_better = best.quality > self._reported.get(tracklet.id, -math.inf)
        self._reported[tracklet.id] = best.quality
        if tracklet.closed:
            del self._reported[tracklet.id]
        return Sighting(
            tracklet=tracklet.id,
            camera=tracklet.camera,
            begin=tracklet.begin,
            end=tracklet.end,
            embedding=embedding,
            crops=len(crops),
            quality=float(np.mean([crop.quality for crop in crops])),
            closed=tracklet.closed,
            entered=tracklet.feet.entered,
            left=tracklet.feet.left,
            entering=tracklet.feet.entering,
            leaving=tracklet.feet.leaving,
            thumbnail=self._picture(best) if is_better else None,
            network=self._network.id,
            parted_from=tracklet.parted_from,
        )

    def _picture(self, crop: Crop) -> bytes | None:
        picture = encode_thumbnail(crop)
        return picture if self._veil is None else self._veil.thumbnail(picture)


def _batches(
    crops: Sequence[NDArray[np.uint8]], most: int
) -> Iterable[Sequence[NDArray[np.uint8]]]:
    return (crops[i : i + most] for i in range(0, len(crops), most))
