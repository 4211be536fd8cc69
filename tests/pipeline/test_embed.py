"""Embedding: each crop goes through the network once, and the matcher hears of it in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import psutil
import pytest

from pipeline.data import Crop
from pipeline.embed import Embedder, Network, find_weights
from pipeline.errors import ModelError
from pipeline.feet import Feet, Foot
from pipeline.tracklets import Keepsake, Tracklet


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(find_weights("drsa_osnet_x0_5"))


def crop(time: float, *, seed: int = 0, quality: float = 0.5) -> Crop:
    picture = np.random.default_rng(seed).integers(0, 255, (100, 40, 3), np.uint8)
    return Crop(time, picture, quality)


def walk(*times: float) -> Feet:
    """A tenth of the picture's width a second to the right."""
    feet = Feet()
    for time in times:
        feet.take(Foot(time, (0.1 + 0.1 * time, 0.9), cut=False))
    return feet


def tracklet(*times: float, name: str = "w1", seed: int = 0) -> Tracklet:
    kept = [Keepsake(crop(time, seed=seed)) for time in times]
    return Tracklet(name, "west", times[0], times[-1], walk(*times), kept)


def test_the_first_crop_makes_a_sighting(network: Network) -> None:
    (sighting,) = Embedder(network).update([tracklet(0.0)])
    assert (sighting.crops, sighting.closed) == (1, False)
    assert np.linalg.norm(sighting.embedding) == pytest.approx(1.0, abs=1e-3)
    assert sighting.thumbnail is not None
    assert sighting.thumbnail.startswith(b"\xff\xd8")


def test_a_crop_goes_through_the_network_once(network: Network) -> None:
    embedder, growing = Embedder(network, refresh=0.5), tracklet(0.0)
    embedder.update([growing])
    features = growing.kept[0].features
    growing.kept.append(Keepsake(crop(0.5)))
    growing.end = 0.5
    embedder.update([growing])
    assert growing.kept[0].features is features
    assert growing.kept[1].features is not None


def test_a_crop_no_sighting_rests_on_is_not_embedded(network: Network) -> None:
    embedder, growing = Embedder(network, refresh=1.0), tracklet(0.0)
    embedder.update([growing])
    growing.kept += [Keepsake(crop(time, quality=time)) for time in (4.7, 4.8, 4.9)]
    growing.end = 4.9
    assert embedder.update([growing])[0].crops == 2
    assert [k.features is not None for k in growing.kept] == [True, False, False, True]


def test_cameras_that_do_not_fit_are_served_later(network: Network) -> None:
    embedder = Embedder(network, most=2)
    tracklets = [
        replace(tracklet(0.0, name=name, seed=i), camera=name) for i, name in enumerate("abc")
    ]
    served = [[s.camera for s in embedder.update(tracklets)] for _ in range(3)]
    assert served == [["a", "b"], ["c"], []]


def test_a_growing_tracklet_is_reported_again_after_a_while(network: Network) -> None:
    embedder, growing = Embedder(network, refresh=1.0), tracklet(0.0)
    assert len(embedder.update([growing])) == 1
    for time, due in [(0.5, 0), (0.9, 0), (1.1, 1), (1.5, 0)]:
        growing.kept.append(Keepsake(crop(time)))
        growing.end = time
        assert len(embedder.update([growing])) == due


def test_the_end_is_always_reported(network: Network) -> None:
    embedder, growing = Embedder(network), tracklet(0.0)
    embedder.update([growing])
    growing.closed = True
    (sighting,) = embedder.update([growing])
    assert sighting.closed


def test_a_picture_is_sent_again_only_if_there_is_a_better_one(network: Network) -> None:
    embedder, growing = Embedder(network, refresh=0.1), tracklet(0.0)
    embedder.update([growing])
    pictures = []
    for time, quality in [(1.0, 0.4), (2.0, 0.9)]:
        growing.kept.append(Keepsake(crop(time, quality=quality)))
        growing.end = time
        pictures.append(embedder.update([growing])[0].thumbnail)
    assert pictures[0] is None
    assert pictures[1] is not None


def test_a_tracklet_without_crops_is_not_reported(network: Network) -> None:
    empty = Tracklet("w1", "west", 0.0, 0.0, Feet(), closed=True)
    assert Embedder(network).update([empty]) == []


def test_tracklets_embedded_together_are_as_if_alone(network: Network) -> None:
    both = Embedder(network).update([tracklet(0.0, 1.0, seed=1), tracklet(0.0, name="b", seed=2)])
    alone = Embedder(network).update([tracklet(0.0, name="b", seed=2)])
    assert both[1].embedding == pytest.approx(alone[0].embedding, abs=1e-5)


def test_many_crops_at_once_leave_no_memory_taken(network: Network) -> None:
    crops = [crop(0.0, seed=seed).image for seed in range(24)]
    network.features(crops[:4])
    before = psutil.Process().memory_info().rss
    features, logits = network.features(crops)
    assert (len(features), len(logits)) == (24, 24)
    assert psutil.Process().memory_info().rss - before < 50 * 2**20  # a batch of 24 took 100


def test_a_missing_partner_graph_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lonely = tmp_path / "x.crop.onnx"
    lonely.write_bytes(b"")
    with pytest.raises(ModelError, match=r"expected x\.tracklet\.onnx beside it, found none"):
        Network(lonely)


def test_a_sighting_says_where_and_how_its_person_came_and_went(network: Network) -> None:
    (sighting,) = Embedder(network).update([tracklet(0.0, 0.5, 1.0, 1.5)])
    assert (sighting.entered, sighting.left) == ((0.1, 0.9), (0.25, 0.9))
    assert sighting.entering == pytest.approx((0.1, 0.0))
    assert sighting.leaving == pytest.approx((0.1, 0.0))
