"""Stored views: they are what the backbone makes of altered pictures, and train like pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engines.batches import read_data
from engines.checkpoint import create_network, save_network
from engines.network import AttentionNetwork, normalise_crops
from engines.recipe import Recipe
from engines.teacher import Teacher
from engines.train import Trainer
from engines.views import (
    Compiled,
    FromCrops,
    StoredGroup,
    StoredViews,
    ViewWriter,
    write_views,
)

CLIP_VIEWS, LOOSE_VIEWS = 2, 3
RECIPE = Recipe.model_validate(
    {
        "network": {
            "backbone": "osnet_x0_5",
            "last_stride": 1,
            "height": 64,
            "width": 32,
            "parts": 2,
            "dimensions": 8,
        },
        "data": {
            "market1501": "train",
            "held_out_people": 2,
            "loose_crops": ["loose"],
            "held_out_crops": ["other"],
        },
        "batch": {"people": 2, "frames": 2, "loose_crops": 3},
        "loss": {"teacher_cosine": 1.0},
        "schedule": {
            "warm_up_steps": 1,
            "checkpoint_steps": 2,
            "stages": [{"steps": 2, "frozen": ["backbone"]}],
        },
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people in two cameras, loose crops, crops of another scene."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    names = [
        f"train/{p:04d}_c{c}s1_{f:06d}_01.jpg" for p in range(1, 5) for c in (1, 2) for f in (1, 2)
    ]
    names += [f"loose/{n}.jpg" for n in range(5)] + [f"other/{n}.jpg" for n in range(4)]
    for name in names:
        path = root / name
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 255, (8, 4, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(small, (32, 64), interpolation=cv2.INTER_CUBIC))
    return root


@pytest.fixture(scope="module")
def network() -> AttentionNetwork:
    torch.manual_seed(0)
    return create_network(RECIPE.network).eval()


@pytest.fixture(scope="module")
def teacher(network: AttentionNetwork, tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Another network of this project."""
    folder = tmp_path_factory.mktemp("teacher")
    save_network(network, RECIPE, folder)
    return Teacher([folder / "network.pt"])


@pytest.fixture(scope="module")
def views(
    root: Path,
    network: AttentionNetwork,
    teacher: Teacher,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("views")
    example = torch.zeros(2, 64, 32, 3, dtype=torch.uint8)
    writer = ViewWriter(
        Compiled(FromCrops(network.backbone), example=example),
        Compiled(teacher, example=example),
        folder,
    )
    data = read_data(RECIPE.data, root)
    write_views(RECIPE, data, writer, clip_views=CLIP_VIEWS, loose_views=LOOSE_VIEWS)
    return folder


def test_plain_pictures_are_what_the_backbone_makes_of_them(
    root: Path, network: AttentionNetwork, teacher: Teacher, views: Path
) -> None:
    path = root / "other" / "2.jpg"
    crop = torch.from_numpy(cv2.imread(str(path)))[None]
    stored = StoredGroup(views, "plain")([path])
    with torch.inference_mode():
        expected = network.backbone(normalise_crops(crop))
        taught = teacher(crop)
    assert stored.maps is not None
    assert stored.taught is not None
    torch.testing.assert_close(stored.maps, expected, rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(stored.taught, taught, rtol=1e-4, atol=1e-4)


def test_a_picture_is_stored_in_several_views(root: Path, views: Path) -> None:
    group = StoredGroup(views, "loose")
    path = root / "loose" / "1.jpg"
    stored = group([path] * LOOSE_VIEWS, range(LOOSE_VIEWS))
    assert group.views == LOOSE_VIEWS
    assert stored.maps is not None
    assert not torch.equal(stored.maps[0], stored.maps[1])


def test_a_batch_has_the_clips_first(root: Path, views: Path) -> None:
    clip = sorted((root / "train").glob("0001_c1*"))
    data = read_data(RECIPE.data.model_copy(update={"held_out_people": 0}), root)
    assert clip == list(data.labelled[0].paths)
    labelled = read_data(RECIPE.data, root).labelled[0]
    drawn = StoredViews(views, np.random.default_rng(0))(
        [labelled.paths], [root / "loose" / "0.jpg"]
    )
    assert drawn.maps is not None
    assert len(drawn.maps) == len(labelled.paths) + 1


def test_attention_can_be_trained_on_stored_views(
    root: Path, network: AttentionNetwork, teacher: Teacher, views: Path, tmp_path: Path
) -> None:
    trainer = Trainer(RECIPE, root=root, output=tmp_path, teacher=teacher, views=views)
    trainer.network.load_state_dict(network.state_dict())
    trainer.run()
    backbone = trainer.network.backbone.state_dict()
    torch.testing.assert_close(dict(backbone), dict(network.backbone.state_dict()))
    assert "likeness" in (tmp_path / "progress.csv").read_text()
