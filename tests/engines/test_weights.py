"""The weights that ship, on people they were not trained on."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from engines.card import graph_paths, read_card
from engines.embedders import ColourHistogram, GraphEmbedder
from engines.protocols import RetrievalProblem, embed_problem, query_and_gallery

WEIGHTS = Path(__file__).parents[2] / "engines" / "weights"
MINI_MARS = Path(__file__).parents[3] / "shared" / "data" / "reid" / "mini_mars.tar"
NAME = "drsa_osnet_x0_5"


@pytest.fixture(scope="module")
def mini_mars(tmp_path_factory: pytest.TempPathFactory) -> RetrievalProblem:
    if not MINI_MARS.exists():
        pytest.skip("needs mini_mars.tar in ../shared/data/reid")
    folder = tmp_path_factory.mktemp("reid")
    with tarfile.open(MINI_MARS) as archive:
        archive.extractall(folder, filter="data")
    return query_and_gallery("mini_mars test", folder / "mini_mars")


def test_both_graphs_fit_in_the_repository() -> None:
    paths = graph_paths(WEIGHTS, NAME)
    assert paths.crop.stat().st_size + paths.tracklet.stat().st_size <= 15e6


def test_both_graphs_carry_the_same_calibrated_card() -> None:
    paths = graph_paths(WEIGHTS, NAME)
    card = read_card(paths.crop)
    assert read_card(paths.tracklet) == card
    assert card.calibration is not None
    assert card.calibration.slope > 0


def test_the_network_beats_colour_on_cameras_it_has_not_seen(mini_mars: RetrievalProblem) -> None:
    ours = embed_problem(mini_mars, GraphEmbedder(WEIGHTS, NAME)).scores()
    colour = embed_problem(mini_mars, ColourHistogram()).scores()
    assert ours.rank1 > colour.rank1 + 0.1
    assert ours.mean_average_precision > colour.mean_average_precision + 0.1
