"""Training: the recipe, what a step does, and that a stop loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from engines.batches import read_data
from engines.recipe import Recipe, read_recipe
from engines.train import Trainer, learning_rate_share, main

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
                crop = colour + rng.integers(0, 50, (64, 32, 3))
                name = f"{person:04d}_c{camera}s1_{frame:06d}_01.jpg"
                cv2.imwrite(str(root / "train" / name), crop.astype(np.uint8))
    return root


def recipe(*stages: dict[str, Any], **sections: dict[str, Any]) -> Recipe:
    """Of the smallest network and data; sections replace settings."""
    settings: dict[str, dict[str, Any]] = {
        "network": {
            "backbone": "efficientnet_lite0",
            "last_stride": 1,
            "height": 64,
            "width": 32,
            "parts": 2,
            "dimensions": 8,
        },
        "data": {"market1501": "train", "held_out_people": 2},
        "batch": {"people": 2, "frames": 2},
        "schedule": {"warm_up_steps": 1, "checkpoint_steps": 2},
    }
    for section, values in sections.items():
        settings[section] = settings.get(section, {}) | values
    settings["schedule"]["stages"] = list(stages) or [{"steps": 1}]
    return Recipe.model_validate(settings)


def train(recipe: Recipe, market: Path, output: Path, *, until: int | None = None) -> Trainer:
    trainer = Trainer(recipe, root=market, output=output)
    trainer.run(until=until)
    return trainer


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def changed_layers(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The parts of the network of which any number is another one."""
    return {name.split(".")[0] for name in before if (after[name] != before[name]).any()}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_that_ship_can_be_read(path: Path) -> None:
    assert read_recipe(path).schedule.steps > 0


def test_a_misspelt_option_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: {}\nschedule: {stages: [{steps: 5, stepps: 6}]}\n")
    with pytest.raises(ValueError, match=r"recipe.yaml: schedule.stages.0.stepps: .*found 6"):
        read_recipe(path)


def test_people_of_a_second_set_are_other_people(market: Path) -> None:
    (market / "list.json").write_text('[{"pid": 2, "camid": 1, "img_paths": ["a.jpg"]}]')
    lists = [{"path": "list.json", "root": "."}]
    data = read_data(recipe(data={"tracklet_lists": lists}).data, market)
    known = {t.person for t in data.labelled[:-1]} | {t.person for t in data.held_out}
    assert data.labelled[-1].person not in known
    assert data.labelled[-1].camera not in {t.camera for t in data.labelled[:-1]}


def test_a_set_may_show_the_people_of_market1501(market: Path) -> None:
    (market / "mars.json").write_text(
        '[{"pid": 0, "camid": 1, "img_paths": ["0002/a.jpg"]},'
        ' {"pid": 1, "camid": 1, "img_paths": ["0005/a.jpg"]}]'
    )
    lists = [{"path": "mars.json", "root": ".", "market_people": True}]
    data = read_data(recipe(data={"tracklet_lists": lists, "held_out_people": 0}).data, market)
    assert [tracklet.person for tracklet in data.labelled[-2:]] == [2, 5]


def test_excluded_people_are_not_trained_on(market: Path) -> None:
    data = read_data(recipe(data={"excluded_people": [1, 3], "held_out_people": 0}).data, market)
    assert {tracklet.person for tracklet in data.labelled} == {2, 4, 5, 6}


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    market: Path, tmp_path: Path
) -> None:
    stages = recipe({"steps": 3, "frozen": ["backbone"]}, {"steps": 1})
    whole = train(stages, market, tmp_path / "whole")

    train(stages, market, tmp_path / "stopped", until=2)
    continued = Trainer(stages, root=market, output=tmp_path / "stopped")
    continued.resume()
    continued.run()

    torch.testing.assert_close(weights(continued), weights(whole), rtol=0, atol=1e-6)


def test_what_a_stage_freezes_stays_as_it_is(market: Path, tmp_path: Path) -> None:
    trainer = Trainer(
        recipe({"steps": 2, "frozen": ["backbone", "temporal"]}), root=market, output=tmp_path
    )
    before = weights(trainer)
    trainer.run()
    changed = changed_layers(before, weights(trainer))
    assert changed == {"spatial", "project"}


def test_still_images_train_the_backbone_without_attention(market: Path, tmp_path: Path) -> None:
    stage = {"steps": 2, "frames": 1, "spatial": "mean", "frozen": ["temporal"]}
    trainer = Trainer(recipe(stage), root=market, output=tmp_path)
    before = weights(trainer)
    trainer.run()
    changed = changed_layers(before, weights(trainer))
    assert changed == {"backbone", "project"}


@pytest.mark.parametrize(("optimiser", "rate"), [("adamw", 0.01), ("sgd", 0.1)])
def test_training_lowers_the_loss(
    market: Path, tmp_path: Path, optimiser: str, rate: float
) -> None:
    schedule = {"optimiser": optimiser, "backbone_rate": rate / 10, "head_rate": rate}
    schedule |= {"checkpoint_steps": 60}
    settings = recipe({"steps": 60}, schedule=schedule, batch={"people": 4})
    train(settings, market, tmp_path)
    rows = [line.split(",") for line in (tmp_path / "progress.csv").read_text().splitlines()]
    identity = [float(value) for _, name, value in rows if name == "identity"]
    assert identity[-1] < 0.8 * identity[0]


def test_progress_is_written_down_and_drawn(market: Path, tmp_path: Path) -> None:
    train(recipe({"steps": 20}, schedule={"checkpoint_steps": 20}), market, tmp_path)
    table = (tmp_path / "progress.csv").read_text()
    for figure in ("identity", "diversity", "positions", "frames", "rank1", "mAP"):
        assert f"20,{figure}," in table
    assert cv2.imread(str(tmp_path / "progress.png")) is not None


def test_distilling_without_a_teacher_is_refused(market: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--teacher"):
        Trainer(recipe(loss={"teacher_cosine": 1.0}), root=market, output=tmp_path)


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (9, 1.0), (10, 1.0), (60, 0.5), (110, 0.0)])
def test_the_rate_rises_and_then_falls_by_a_cosine(step: int, share: float) -> None:
    assert learning_rate_share(step, steps=110, warm_up_steps=10) == pytest.approx(share)


def test_the_rate_may_end_above_zero() -> None:
    assert learning_rate_share(100, steps=100, warm_up_steps=0, last_share=0.1) == 0.1


@pytest.mark.parametrize(
    ("recipe_text", "sentence"),
    [
        ("data: [", "expected a recipe in YAML"),
        ("data: {market1501: nowhere}\nschedule: {stages: [{steps: 1}]}", "nowhere"),
        ("data: {sets: [{kind: mars, path: x}]}\nschedule: {stages: [{steps: 1}]}", "MARS"),
    ],
    ids=["no YAML", "no such folder", "no such set"],
)
def test_what_is_wrong_is_a_sentence(
    recipe_text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "recipe.yaml"
    config.write_text(recipe_text)
    options = ["--config", config, "--data", tmp_path, "--output", tmp_path / "out"]
    monkeypatch.setattr("sys.argv", ["train", *map(str, options)])
    with pytest.raises(SystemExit, match=sentence):
        main()
