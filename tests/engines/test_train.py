"""Training: the recipe, what a step does, and that a stop loses nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engines.batches import read_data
from engines.recipe import Recipe, read_recipe
from engines.train import Trainer, learning_rate_share

RECIPES = sorted((Path(__file__).parents[2] / "engines" / "recipes").glob("*.yaml"))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people in two cameras, two pictures each, of one colour per person."""
    root = tmp_path_factory.mktemp("data")
    (root / "train").mkdir()
    rng = np.random.default_rng(0)
    for person in range(1, 7):
        colour = rng.integers(0, 200, 3)
        for camera in (1, 2):
            for frame in (10, 20):
                crop = colour + rng.integers(0, 50, (128, 64, 3))
                name = f"{person:04d}_c{camera}s1_{frame:06d}_01.jpg"
                cv2.imwrite(str(root / "train" / name), crop.astype(np.uint8))
    return root


def recipe(steps: int) -> Recipe:
    return Recipe.model_validate(
        {
            "network": {
                "backbone": "efficientnet_lite0",
                "last_stride": 1,
                "height": 64,
                "width": 32,
            },
            "data": {"market1501": "train", "held_out_people": 2},
            "batch": {"people": 2, "frames": 2},
            "schedule": {"steps": steps, "warm_up_steps": 1, "checkpoint_steps": 2},
        }
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_that_ship_can_be_read(path: Path) -> None:
    assert read_recipe(path).schedule.steps > 0


def test_a_misspelt_option_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: {}\nschedule: {steps: 5, stepps: 6}\n")
    with pytest.raises(ValueError, match=r"recipe.yaml: schedule.stepps: .*found 6"):
        read_recipe(path)


def test_people_of_a_second_set_are_other_people(market: Path) -> None:
    (market / "list.json").write_text('[{"pid": 2, "camid": 1, "img_paths": ["a.jpg"]}]')
    settings = recipe(1).data.model_validate(
        {
            "market1501": "train",
            "held_out_people": 2,
            "tracklet_lists": [{"path": "list.json", "root": "."}],
        }
    )
    data = read_data(settings, market)
    known = {t.person for t in data.labelled[:-1]} | {t.person for t in data.held_out}
    assert data.labelled[-1].person not in known
    assert data.labelled[-1].camera not in {t.camera for t in data.labelled[:-1]}


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    market: Path, tmp_path: Path
) -> None:
    whole = Trainer(recipe(4), root=market, output=tmp_path / "whole", teacher=None)
    whole.run()

    stopped = Trainer(recipe(4), root=market, output=tmp_path / "stopped", teacher=None)
    stopped.run(until=2)
    continued = Trainer(recipe(4), root=market, output=tmp_path / "stopped", teacher=None)
    continued.resume()
    continued.run()

    torch.testing.assert_close(
        dict(continued.network.state_dict()), dict(whole.network.state_dict()), rtol=0, atol=1e-6
    )


def test_distilling_without_a_teacher_is_refused(market: Path, tmp_path: Path) -> None:
    distilling = recipe(1).model_copy(
        update={"loss": recipe(1).loss.model_copy(update={"teacher_cosine": 1.0})}
    )
    with pytest.raises(ValueError, match="--teacher"):
        Trainer(distilling, root=market, output=tmp_path, teacher=None)


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (9, 1.0), (10, 1.0), (60, 0.5), (110, 0.0)])
def test_the_rate_rises_and_then_falls_by_a_cosine(step: int, share: float) -> None:
    assert learning_rate_share(step, steps=110, warm_up_steps=10) == pytest.approx(share)
