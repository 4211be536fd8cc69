"""Evaluation against cases small enough to be computed by hand, and against TrackEval itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trackeval

from pipeline.config import Site
from pipeline.errors import ConfigError
from pipeline.evaluate import evaluate
from pipeline.mot import Table, read_table, write_table
from pipeline.truth import cut_to_region, load_truth

FRAMES = 10
BOX = np.array([0.0, 0.0, 40.0, 100.0])


def people(*identities: int, frames: int = FRAMES, offset: float = 0.0) -> Table:
    """People who stand apart from each other in every frame; one column of the picture each.

    Args:
        identities: one per person, in order of the columns.
        frames: number of frames.
        offset: pixels by which all boxes are too far down.
    """
    frame, column = (grid.ravel() for grid in np.mgrid[1 : frames + 1, 0 : len(identities)])
    left = (60 * column)[:, None] * [1, 0, 1, 0]
    return Table.build(
        frame=frame,
        identity=np.array(identities)[column],
        xyxy=BOX + left + np.array([0, offset, 0, offset]),
    )


def one_box(*, confidence: float = 1.0, category: int = -1, identity: int = 9) -> Table:
    """A box in frame 1, away from all `people`."""
    return Table.build(
        frame=[1],
        identity=[identity],
        xyxy=[BOX + 1000],
        confidence=confidence,
        category=category,
    )


def joined(*tables: Table) -> Table:
    return Table.build(
        frame=np.concatenate([t.frame for t in tables]),
        identity=np.concatenate([t.identity for t in tables]),
        xyxy=np.concatenate([t.xyxy for t in tables]),
        confidence=np.concatenate([t.confidence for t in tables]),
        category=np.concatenate([t.category for t in tables]),
    )


TRUTH = {"west": people(1, 2), "east": people(1, 2)}


def test_perfect_results_score_one() -> None:
    across = evaluate(TRUTH, TRUTH).across
    assert (across.hota, across.deta, across.assa) == pytest.approx((1, 1, 1))
    assert (across.idf1, across.mota, across.switches) == (1, 1, 0)
    assert (across.people, across.identities, across.boxes) == (2, 2, 4 * FRAMES)


def test_numbers_of_identities_do_not_matter() -> None:
    renamed = {"west": people(70, 5), "east": people(70, 5)}
    assert evaluate(renamed, TRUTH).across == evaluate(TRUTH, TRUTH).across


def test_identities_swapped_between_cameras_cost_only_across_cameras() -> None:
    swapped = evaluate({"west": people(1, 2), "east": people(2, 1)}, TRUTH)
    assert [scores.idf1 for scores in swapped.cameras.values()] == [1, 1]
    # Best assignment: both people keep west. IDTP = 20, IDFP = IDFN = 20.
    assert swapped.across.idf1 == pytest.approx(20 / 40)
    # Every true positive: 10 boxes shared, 10 of the person's and 10 of the identity's elsewhere.
    assert swapped.across.assa == pytest.approx(10 / 30)
    assert swapped.across.hota == pytest.approx((1 * 10 / 30) ** 0.5)
    assert swapped.across.switches == 2
    assert swapped.across.mota == pytest.approx(1 - 2 / 40)


def test_people_not_recognised_in_the_second_camera_cost_less_than_people_confused() -> None:
    forgotten = evaluate({"west": people(1, 2), "east": people(3, 4)}, TRUTH)
    assert forgotten.across.idf1 == pytest.approx(20 / 40)
    # Every true positive: 10 boxes shared, 10 of the person's elsewhere, none of the identity's.
    assert forgotten.across.assa == pytest.approx(10 / 20)
    assert forgotten.across.identities == 4


def test_people_not_found_cost_recall() -> None:
    missing = evaluate({"west": people(1)}, {"west": people(1, 2)}).across
    assert missing.deta == pytest.approx(10 / 20)
    assert missing.assa == pytest.approx(1)
    assert missing.idf1 == pytest.approx(2 * 10 / (2 * 10 + 10))
    assert missing.mota == pytest.approx(1 - 10 / 20)


def test_a_camera_where_nothing_was_found_scores_zero() -> None:
    nothing = evaluate({"west": Table.empty()}, {"west": people(1, 2)}).across
    assert (nothing.hota, nothing.idf1, nothing.mota) == (0, 0, 0)
    assert (nothing.people, nothing.identities) == (2, 0)


def test_boxes_count_at_the_thresholds_their_overlap_reaches() -> None:
    # Moved down by a quarter of their height: IoU = 75 / 125 = 0.6, reached by 12 of 19 thresholds.
    moved = evaluate({"west": people(1, offset=25)}, {"west": people(1)}).across
    assert moved.hota == pytest.approx(12 / 19)
    assert moved.idf1 == 1


def test_boxes_after_the_last_true_one_are_false() -> None:
    longer = evaluate({"west": people(1, frames=15)}, {"west": people(1)}).across
    assert longer.mota == pytest.approx(1 - 5 / 10)


@pytest.mark.parametrize(
    ("row", "false_positives"),
    [
        pytest.param(one_box(confidence=0), 0, id="ignored region of MOT15"),
        pytest.param(one_box(confidence=1, category=8), 0, id="distractor of MOT16"),
        pytest.param(one_box(confidence=0, category=12), 0, id="reflection in MOT16"),
        pytest.param(one_box(confidence=0, category=9), 1, id="occluder in MOT16"),
        pytest.param(one_box(confidence=0, category=1), 1, id="pedestrian left out in MOT16"),
        pytest.param(Table.empty(), 1, id="nothing"),
    ],
)
def test_results_on_rows_that_do_not_count(row: Table, false_positives: int) -> None:
    results = {"west": joined(people(1), one_box(identity=5))}
    scores = evaluate(results, {"west": joined(people(1), row)}).across
    assert scores.mota == pytest.approx(1 - false_positives / FRAMES)
    assert scores.boxes == FRAMES


def test_a_person_belongs_to_the_region_that_holds_the_centre_of_the_box() -> None:
    wide = Table.build(
        frame=[1, 1, 1, 1],
        identity=[1, 2, 3, 4],
        xyxy=[[90, 40, 130, 80], [80, 40, 120, 80], [80, 40, 119, 80], [280, 180, 320, 300]],
    )
    cut = cut_to_region(wide, (100, 50, 200, 200))
    assert cut.identity.tolist() == [1, 2]
    np.testing.assert_array_equal(cut.xyxy, [[0, 0, 30, 30], [0, 0, 20, 30]])


def test_neighbouring_regions_share_nobody() -> None:
    crossing = people(1, 2, 3, 4)
    left, right = (cut_to_region(crossing, (x, 0, 110, 200)) for x in (0, 110))
    assert len(left) + len(right) == len(crossing)


@pytest.mark.parametrize(
    ("results", "truth", "sentence"),
    [
        pytest.param(
            {}, {}, "expected ground truth for at least one camera, found none", id="none"
        ),
        pytest.param(
            {}, {"west": people(1)}, "camera west: expected results, found none", id="no results"
        ),
        pytest.param(
            {"west": people(1)},
            {"west": one_box(confidence=0)},
            "camera west: expected ground truth with people inside its region, found none",
            id="nobody",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    results: dict[str, Table], truth: dict[str, Table], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        evaluate(results, truth)


def site_of(folder: Path) -> Site:
    cameras = {
        "west": {"source": "sample:vtest", "region": [0, 0, 100, 200]},
        "east": {"source": "sample:vtest", "ground_truth": folder / "east.gt.txt"},
    }
    write_table(people(3, 4), folder / "east.gt.txt")
    return Site.model_validate({"cameras": cameras})


def test_ground_truth_for_all_cameras_comes_before_that_of_the_configuration(
    tmp_path: Path,
) -> None:
    write_table(people(1, 2), tmp_path / "wide.txt")
    truth = load_truth(site_of(tmp_path), [str(tmp_path / "wide.txt")])
    assert set(truth["west"].identity) == {1, 2}
    assert set(truth["east"].identity) == {1, 2}


def test_ground_truth_of_one_camera_leaves_the_others(tmp_path: Path) -> None:
    write_table(people(1), tmp_path / "wide.txt")
    truth = load_truth(site_of(tmp_path), [f"west={tmp_path / 'wide.txt'}"])
    assert set(truth["west"].identity) == {1}
    assert set(truth["east"].identity) == {3, 4}


def test_ground_truth_of_an_unknown_camera_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of the cameras west, east before ="):
        load_truth(site_of(tmp_path), ["north=wide.txt"])


def test_numbers_of_one_person_become_the_first_of_them(tmp_path: Path) -> None:
    site = Site.model_validate({"cameras": {"west": {"source": "sample:vtest"}}})
    later = Table.build(frame=[20], identity=[7], xyxy=[BOX])
    write_table(joined(people(1, 2), later), tmp_path / "wide.txt")
    (tmp_path / "people.yaml").write_text("same: [[2, 7]]", encoding="utf-8")
    truth = load_truth(site, [str(tmp_path / "wide.txt")], people=tmp_path / "people.yaml")["west"]
    assert set(truth.identity) == {1, 2}
    assert truth.at(20).identity.tolist() == [2]


def test_two_who_are_there_at_once_are_not_one_person(tmp_path: Path) -> None:
    site = Site.model_validate({"cameras": {"west": {"source": "sample:vtest"}}})
    write_table(people(1, 2), tmp_path / "wide.txt")
    (tmp_path / "people.yaml").write_text("same: [[1, 2]]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"people.yaml: same: .* in frame 1 and would both be 1"):
        load_truth(site, [str(tmp_path / "wide.txt")], people=tmp_path / "people.yaml")


CONFIGURATION = """\
site: test
cameras:
  west: {source: "sample:vtest", region: [0, 0, 110, 200]}
  east: {source: "sample:vtest", region: [110, 0, 200, 200]}
"""


def run_evaluation(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "cams.yaml").write_text(CONFIGURATION, encoding="utf-8")
    options = {"cameras": "cams.yaml", "results": "results", "ground-truth": "wide.txt"}
    arguments = [f"--{name}={folder / file}" for name, file in options.items()]
    return subprocess.run(
        [sys.executable, "-m", "pipeline.evaluate", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_prints_and_saves_the_figures(tmp_path: Path) -> None:
    write_table(people(1, 2, 3, 4), tmp_path / "wide.txt")
    write_table(people(1, 2), tmp_path / "results" / "west.txt")
    write_table(Table.empty(), tmp_path / "results" / "east.txt")
    done = run_evaluation(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "across cameras" in done.stdout
    saved = json.loads((tmp_path / "results" / "evaluation.json").read_text(encoding="utf-8"))
    assert saved["cameras"]["west"]["idf1"] == 1
    assert saved["across"]["mota"] == pytest.approx(1 / 2)
    assert (tmp_path / "results" / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_names_what_is_missing_without_a_traceback(tmp_path: Path) -> None:
    write_table(people(1, 2, 3, 4), tmp_path / "wide.txt")
    done = run_evaluation(tmp_path)
    missing = tmp_path / "results" / "west.txt"
    assert (done.returncode, done.stderr) == (2, f"{missing}: expected a file, found none\n")


def random_mot16(folder: Path) -> tuple[Path, Path]:
    """Ground truth of all MOT16 classes with confidences 0 and 1, and imprecise results on it."""
    random = np.random.default_rng(5)
    lines, found = [], []
    for frame in range(1, 61):
        for identity in range(1, 15):
            x, y = 30 * identity + frame, 10 * identity
            category = 1 if identity < 9 else int(random.integers(1, 13))
            flag = int(category == 1 and random.random() < 0.9)
            lines.append(f"{frame},{identity},{x},{y},50,120,{flag},{category},1\n")
            dx, dy = random.normal(0, 6, 2)
            drawn = identity + 100 * int(random.random() < 0.1)
            found.append(f"{frame},{drawn},{x + dx:.2f},{y + dy:.2f},50,120,0.9,-1,-1,-1\n")
    truth = folder / "gt" / "MOT16-train" / "MOT16-99" / "gt" / "gt.txt"
    results = folder / "trackers" / "MOT16-train" / "ours" / "data" / "MOT16-99.txt"
    truth.parent.mkdir(parents=True)
    results.parent.mkdir(parents=True)
    truth.write_text("".join(lines), encoding="ascii")
    results.write_text("".join(found), encoding="ascii")
    (truth.parents[1] / "seqinfo.ini").write_text(
        "[Sequence]\nname=MOT16-99\nseqLength=60\n", encoding="ascii"
    )
    return results, truth


def test_the_figures_are_those_of_the_official_mot16_evaluation(tmp_path: Path) -> None:
    results, truth = random_mot16(tmp_path)
    benchmark = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "gt"),
            "TRACKERS_FOLDER": str(tmp_path / "trackers"),
            "BENCHMARK": "MOT16",
            "SEQ_INFO": {"MOT16-99": None},
            "PRINT_CONFIG": False,
        }
    )
    raw = benchmark.get_raw_seq_data("ours", "MOT16-99")
    data = benchmark.get_preprocessed_seq_data(raw, "pedestrian")
    quiet = {"PRINT_CONFIG": False}
    ours = evaluate({"west": read_table(results)}, {"west": read_table(truth)}).across
    assert ours.hota == np.mean(trackeval.metrics.HOTA().eval_sequence(data)["HOTA"])
    assert ours.idf1 == trackeval.metrics.Identity(quiet).eval_sequence(data)["IDF1"]
    clear = trackeval.metrics.CLEAR(quiet).eval_sequence(data)
    assert (ours.mota, ours.switches) == (clear["MOTA"], clear["IDSW"])
    assert 0 < ours.hota < 1
