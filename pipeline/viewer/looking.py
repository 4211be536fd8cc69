"""Looks at pictures as the nodes do: finds people in them, embeds them, says where it looked.

The models are loaded when something is first asked for: most viewers never search.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engines.attention import LOG_MAPS, attention, with_maps
from engines.card import NetworkCard, read_card
from engines.openvino_engine import OpenVinoEngine, read_network
from engines.preprocess import stack_crops
from engines.zoo import resolve_detector
from pipeline.config import Site
from pipeline.curve import site_calibration
from pipeline.data import Crop, Frame
from pipeline.detect import Detector
from pipeline.embed import Network, find_weights, network_id
from pipeline.evidence import Calibration
from pipeline.tracklets import Keepsake

Picture = NDArray[np.uint8]
_CERTAIN = 0.3  # below it a detector's boxes are mostly no people; tracking would sort them out
_PEOPLE = 16  # of a photo that are named
_THREADS = 1  # on a small machine the cameras need the others


class Looker:
    """The site's detector and network. One thread at a time may ask.

    Args:
        site: the settings that name them.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._weights = find_weights(site.network.weights)

    @cached_property
    def network(self) -> str:
        """Which network it is; only embeddings of one network compare."""
        return network_id(self._weights)

    @cached_property
    def calibration(self) -> Calibration:
        """What similarity is worth at this site."""
        return site_calibration(self._site, self._weights)

    def people(self, picture: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The people in a picture uint8[H, W, 3] BGR, the most certain first.

        Returns:
            boxes float32[n, 4], x1, y1, x2, y2 in pixels, and how certain each is, float32[n].
        """
        (found,) = self._detector.detect([Frame("photo", 0, 0.0, picture)])
        assert found.confidence is not None
        chosen = np.flatnonzero(found.confidence >= _CERTAIN)[:_PEOPLE]
        boxes = np.asarray(found.xyxy[chosen], np.float32)
        return boxes, np.asarray(found.confidence[chosen], np.float32)

    def embed(self, crop: Picture) -> NDArray[np.float32]:
        """What a person looks like: uint8[h, w, 3] BGR → float32[D] of unit length."""
        features, logits = self._network.features([crop])
        keepsake = Keepsake(Crop(0.0, crop, 1.0), features[0], logits[0])
        rest: list[Keepsake | None] = [None] * (self._network.chunks - 1)
        embedding: NDArray[np.float32] = self._network.embed([[keepsake, *rest]])[0]
        return embedding

    def maps(self, crop: Picture) -> NDArray[np.float32]:
        """Where each of the K parts looks: float32[K, h, w], each map sums to 1."""
        card = self._card
        stack = stack_crops([crop], height=card.height, width=card.width)
        found = self._with_maps({"crops": stack})
        aspect = card.height / card.width
        maps: NDArray[np.float32] = attention(found[LOG_MAPS], found["logits"], aspect=aspect).maps[
            0
        ]
        return maps

    @cached_property
    def _detector(self) -> Detector:
        site = self._site
        model = resolve_detector(site.detector.model).path
        return Detector(model, settings=site.detector, device=site.device, threads=_THREADS)

    @cached_property
    def _network(self) -> Network:
        site = self._site
        return Network(
            self._weights,
            device=site.device,
            precision=site.network.precision,
            threads=_THREADS,
        )

    @cached_property
    def _card(self) -> NetworkCard:
        return read_card(self._weights)

    @cached_property
    def _with_maps(self) -> OpenVinoEngine:
        """Graph A once more: the nodes' graph does without the maps."""
        graph = with_maps(read_network(self._weights))
        return OpenVinoEngine(graph, precision="f32", threads=_THREADS, rows=1)
