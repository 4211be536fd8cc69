"""Augmentation: what is altered alike, what is left alone, and that a seed means the same twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.augment import Augmentation, AugmentationSettings

NOTHING = dict.fromkeys(
    (
        "flip",
        "box_jitter",
        "colour",
        "grey",
        "low_resolution",
        "blur",
        "compress",
        "noise",
        "erase",
    ),
    0.0,
)
PER_CLIP = ["flip", "box_jitter", "colour", "grey", "low_resolution", "blur", "compress"]


@pytest.fixture(scope="module")
def crops() -> Tensor:
    """Three clips of two frames; both frames of a clip are the same smooth picture."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(3, 3, 8, 4, generator=generator)
    large = torch.nn.functional.interpolate(small, (64, 32), mode="bilinear")
    pictures = (large * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return pictures.repeat_interleave(2, dim=0).contiguous()


CLIPS = np.repeat(np.arange(3), 2)


def alter(crops: Tensor, *, seed: int = 0, **settings: float) -> Tensor:
    chosen = AugmentationSettings.model_validate(NOTHING | settings)
    return Augmentation(chosen, np.random.default_rng(seed))(crops, CLIPS)


def test_without_any_alteration_the_crops_stay_as_they_are(crops: Tensor) -> None:
    assert torch.equal(alter(crops), crops)


@pytest.mark.parametrize("option", [*PER_CLIP, "noise", "erase", "recolour", "mix"])
def test_each_option_alters_the_crops(crops: Tensor, option: str) -> None:
    amount = 0.3 if option == "box_jitter" else 1.0
    altered = alter(crops, **{option: amount})
    assert altered.shape == crops.shape
    assert altered.dtype == torch.uint8
    assert not torch.equal(altered, crops)


@pytest.mark.parametrize("option", PER_CLIP)
def test_the_frames_of_a_clip_are_altered_alike(crops: Tensor, option: str) -> None:
    altered = alter(crops, **{option: 0.3 if option == "box_jitter" else 1.0})
    assert torch.equal(altered[0::2], altered[1::2])


def test_every_frame_has_its_own_rectangle_hidden(crops: Tensor) -> None:
    altered = alter(crops, erase=1.0)
    assert not torch.equal(altered[0::2], altered[1::2])


def test_a_flip_exchanges_left_and_right(crops: Tensor) -> None:
    difference = alter(crops, flip=1.0).int() - crops.flip(dims=[2]).int()
    assert difference.abs().max() <= 1


def test_grey_takes_all_colour_away(crops: Tensor) -> None:
    altered = alter(crops, grey=1.0)
    assert torch.equal(altered[..., 0], altered[..., 2])


def test_a_seed_means_the_same_twice(crops: Tensor) -> None:
    everything = dict.fromkeys(NOTHING, 0.5) | {"box_jitter": 0.1, "mix": 0.5}
    first, second = (alter(crops, seed=7, **everything) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, alter(crops, seed=8, **everything))


@pytest.mark.parametrize("seed", range(4))
def test_the_crops_that_are_given_are_left_alone(crops: Tensor, seed: int) -> None:
    given = crops.clone()
    alter(given, seed=seed, **(dict.fromkeys(NOTHING, 1.0) | {"box_jitter": 0.2, "mix": 1.0}))
    assert torch.equal(given, crops)


def test_no_crops_are_no_crops() -> None:
    nothing = torch.empty(0, 64, 32, 3, dtype=torch.uint8)
    augmentation = Augmentation(AugmentationSettings(), np.random.default_rng(0))
    assert augmentation(nothing, np.arange(0)).shape == nothing.shape
