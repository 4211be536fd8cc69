"""The published sets in their official layouts: people, cameras, junk, splits, missing parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from engines.datasets import (
    KINDS,
    DatasetError,
    LabelledTracklet,
    read_crop,
    read_problems,
    read_training_set,
)


def save_pictures(folder: Path, names: Sequence[str]) -> None:
    """Real pictures, 4×8 pixels, grey by their number."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 4, 3), number % 256, dtype=np.uint8))


def make_market1501(root: Path) -> None:
    save_pictures(
        root / "bounding_box_train",
        [
            "0002_c1s1_000451_03.jpg",
            "0002_c1s1_000551_01.jpg",
            "0002_c2s1_000301_01.jpg",
            "0007_c3s3_077419_03.jpg",
        ],
    )
    save_pictures(root / "query", ["0001_c1s1_001051_00.jpg", "0003_c5s1_001054_01.jpg"])
    save_pictures(
        root / "bounding_box_test",
        [
            "-1_c1s1_000401_03.jpg",
            "0000_c1s1_000151_01.jpg",
            "0001_c1s1_001051_03.jpg",
            "0001_c2s1_000301_00.jpg",
            "0003_c6s1_000301_00.jpg",
        ],
    )
    (root / "query" / "Thumbs.db").touch()


def make_msmt17(root: Path) -> None:
    root = root / "MSMT17_V1"
    parts = {
        "train": ("train", ["0000/0000_000_01_0303morning_0015_0.jpg"]),
        "val": ("train", ["0000/0000_001_01_0303morning_0008_0.jpg"]),
        "query": ("test", ["0000/0000_000_03_0303noon_0001_0.jpg"]),
        "gallery": (
            "test",
            ["0000/0000_001_14_0113noon_0002_1.jpg", "0001/0001_000_03_0113noon_0002_1.jpg"],
        ),
    }
    for part, (folder, names) in parts.items():
        save_pictures(root / folder, names)
        (root / f"list_{part}.txt").write_text("".join(f"{n} {int(n[:4])}\n" for n in names))


MARS_TEST = [
    "00-1C1T0001F001.jpg",
    "0000C2T0001F001.jpg",
    "0002C1T0001F001.jpg",
    "0002C1T0001F002.jpg",
    "0002C4T0001F001.jpg",
]


def make_mars(root: Path) -> None:
    training = ["0001C1T0001F001.jpg", "0001C1T0001F002.jpg", "0003C6T0001F001.jpg"]
    save_pictures(root / "bbox_train", [f"{name[:4]}/{name}" for name in training])
    save_pictures(root / "bbox_test", [f"{name[:4]}/{name}" for name in MARS_TEST])
    info = root / "info"
    info.mkdir()
    (info / "train_name.txt").write_text("\n".join(training) + "\n")
    (info / "test_name.txt").write_text("\n".join(MARS_TEST) + "\n")
    tracks = {"track_train_info": np.array([[1, 2, 1, 1], [3, 3, 3, 6]], dtype=np.int32)}
    savemat(info / "tracks_train_info.mat", tracks)
    rows = [[1, 1, -1, 1], [2, 2, 0, 2], [3, 4, 2, 1], [5, 5, 2, 4]]
    savemat(info / "tracks_test_info.mat", {"track_test_info": np.array(rows, dtype=np.int32)})
    savemat(info / "query_IDX.mat", {"query_IDX": np.array([[3, 4]], dtype=np.uint16)})


def make_lsvid(root: Path) -> None:
    training = ["tracklet_train/0000/0000_0000_01_", "tracklet_train/0005/0005_0001_15_"]
    testing = ["tracklet_test/0001/0001_0000_02_", "tracklet_test/0001/0001_0001_03_"]
    lists = root / "list_sequence"
    lists.mkdir(parents=True)
    for part, beginnings in (("train", training), ("test", testing)):
        save_pictures(root, [f"{start}{frame}.jpg" for start in beginnings for frame in (9, 10)])
        rows = [f"{start} {int(start.split('/')[1])}\n" for start in beginnings]
        (lists / f"list_seq_{part}.txt").write_text("".join(rows))
    (root / "test" / "data").mkdir(parents=True)
    # What MATLAB 7.3 writes: HDF5, matrices transposed, a header of its own before it.
    with h5py.File(root / "test/data/info_test.mat", "w", userblock_size=512) as file:
        file["query"] = np.array([[2.0]])
    with (root / "test/data/info_test.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def make_ilidsvid(root: Path) -> None:
    people = ["person001", "person003", "person010", "person011"]
    for camera in ("cam1", "cam2"):
        names = [f"{camera}/{who}/{camera}_{who}_0{f}.png" for who in people for f in (317, 318)]
        save_pictures(root / "i-LIDS-VID" / "sequences", names)
    splits = root / "train-test people splits"
    splits.mkdir()
    rows = [[4, 2, 1, 3]] + [[1, 2, 3, 4]] * 9
    savemat(splits / "train_test_splits_ilidsvid.mat", {"ls_set": np.array(rows, dtype=np.uint16)})


def make_prid2011(root: Path) -> None:
    frames = {"person_0001": 28, "person_0002": 28, "person_0003": 27}
    for camera in ("cam_a", "cam_b"):
        names = [f"{who}/{n:04d}.png" for who, count in frames.items() for n in range(1, count + 1)]
        save_pictures(root / "prid_2011" / "multi_shot" / camera, names)
    split = {"train": ["person_0001"], "test": ["person_0002"]}
    (root / "splits_prid2011.json").write_text(json.dumps([split] * 10))


def make_folder(root: Path) -> None:
    save_pictures(root / "train", ["anna/door/10.jpg", "anna/door/9.jpg", "ben/hall/1.jpg"])
    save_pictures(root / "query", ["carl/door/1.jpg"])
    save_pictures(root / "gallery", ["-1/hall/1.jpg", "carl/hall/a/1.jpg", "carl/hall/b/1.jpg"])


def make_list(root: Path) -> None:
    for part, entries in {
        "train": [(1, 0), (-1, 0)],
        "query": [(2, 0)],
        "gallery": [(2, 1), (3, 1)],
    }.items():
        names = [f"{part}/{person}_{camera}.jpg" for person, camera in entries]
        save_pictures(root, names)
        rows = [
            {"pid": person, "camid": camera, "img_paths": [name]}
            for (person, camera), name in zip(entries, names, strict=True)
        ]
        (root / "gtPepper").mkdir(exist_ok=True)
        (root / "gtPepper" / f"{part}.json").write_text(json.dumps(rows))


MAKERS: dict[str, Callable[[Path], None]] = {
    "market1501": make_market1501,
    "msmt17": make_msmt17,
    "mars": make_mars,
    "lsvid": make_lsvid,
    "ilidsvid": make_ilidsvid,
    "prid2011": make_prid2011,
    "folder": make_folder,
    "list": make_list,
}


def who_and_where(tracklets: Sequence[LabelledTracklet]) -> list[tuple[int, int, int]]:
    """Person, camera and number of pictures."""
    return [(t.person, t.camera, len(t.paths)) for t in tracklets]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("market1501", [(2, 1, 2), (2, 2, 1), (7, 3, 1)]),
        ("msmt17", [(0, 1, 2)]),
        ("mars", [(1, 1, 2), (3, 6, 1)]),
        ("lsvid", [(0, 1, 2), (5, 15, 2)]),
        ("ilidsvid", [(1, 0, 2), (1, 1, 2), (10, 0, 2), (10, 1, 2)]),
        ("prid2011", [(1, 0, 28), (1, 1, 28)]),
        ("folder", [(0, 0, 2), (1, 1, 1)]),
        ("list", [(1, 0, 1)]),
    ],
)
def test_a_set_is_trained_on_its_training_part_alone(
    tmp_path: Path, kind: str, expected: list[tuple[int, int, int]]
) -> None:
    MAKERS[kind](tmp_path)
    tracklets = read_training_set(kind, tmp_path)
    assert who_and_where(tracklets) == expected
    assert [read_crop(path).shape for t in tracklets for path in t.paths]


@pytest.mark.parametrize(
    ("kind", "query", "gallery"),
    [
        (
            "market1501",
            [(1, 1, 1), (3, 5, 1)],
            [(0, 1, 1), (1, 1, 1), (1, 2, 1), (3, 6, 1), (-1, 1, 1)],
        ),
        ("msmt17", [(0, 3, 1)], [(0, 14, 1), (1, 3, 1)]),
        ("mars", [(2, 1, 2), (2, 4, 1)], [(-1, 1, 1), (0, 2, 1), (2, 1, 2), (2, 4, 1)]),
        ("lsvid", [(1, 3, 2)], [(1, 2, 2), (1, 3, 2)]),
        ("ilidsvid", [(11, 0, 2), (3, 0, 2)], [(11, 1, 2), (3, 1, 2)]),
        ("prid2011", [(2, 0, 28)], [(2, 1, 28)]),
        ("folder", [(0, 0, 1)], [(-1, 1, 1), (0, 1, 1), (0, 1, 1)]),
        ("list", [(2, 0, 1)], [(2, 1, 1), (3, 1, 1)]),
    ],
)
def test_a_set_is_measured_by_its_published_protocol(
    tmp_path: Path,
    kind: str,
    query: list[tuple[int, int, int]],
    gallery: list[tuple[int, int, int]],
) -> None:
    MAKERS[kind](tmp_path)
    problem = read_problems(kind, tmp_path)[0]
    assert who_and_where(problem.query) == query
    assert who_and_where(problem.gallery) == gallery
    assert all(path.exists() for t in (*problem.query, *problem.gallery) for path in t.paths)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_sets_of_halved_people_are_measured_ten_times(tmp_path: Path, kind: str) -> None:
    MAKERS[kind](tmp_path)
    assert len(read_problems(kind, tmp_path)) == (10 if kind in ("ilidsvid", "prid2011") else 1)


@pytest.mark.parametrize("kind", ["ilidsvid", "prid2011"])
@pytest.mark.parametrize("split", [0, 9])
def test_nobody_of_a_split_is_trained_on_and_tested_on(
    tmp_path: Path, kind: str, split: int
) -> None:
    MAKERS[kind](tmp_path)
    trained = {t.person for t in read_training_set(kind, tmp_path, split=split)}
    assert trained.isdisjoint({t.person for t in read_problems(kind, tmp_path)[split].gallery})


def test_somebody_in_two_splits_is_the_same_tracklet(tmp_path: Path) -> None:
    """So that ten splits cost one embedding."""
    make_ilidsvid(tmp_path)
    first, second, *_ = read_problems("ilidsvid", tmp_path)
    assert set(first.query) & set(second.query)


@pytest.mark.parametrize("split", [-1, 10])
def test_a_split_that_does_not_exist_is_refused(tmp_path: Path, split: int) -> None:
    make_prid2011(tmp_path)
    with pytest.raises(DatasetError, match=f"expected a split from 0 to 9, found {split}"):
        read_training_set("prid2011", tmp_path, split=split)


def test_without_the_published_splits_only_long_tracklets_count_and_the_name_says_so(
    tmp_path: Path,
) -> None:
    make_prid2011(tmp_path)
    (tmp_path / "splits_prid2011.json").unlink()
    problems = read_problems("prid2011", tmp_path)
    assert len(problems) == 10
    assert {t.person for problem in problems for t in problem.query} == {1, 2}
    assert problems[0].name == "PRID2011 (own splits) split 0"
    assert read_problems("prid2011", tmp_path) == problems


def test_market_images_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    make_market1501(tmp_path)
    inside = read_training_set("market1501", tmp_path / "bounding_box_train")
    assert inside == read_training_set("market1501", tmp_path)


def test_msmt17_frames_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    make_msmt17(tmp_path)
    (tracklet,) = read_training_set("msmt17", tmp_path)
    assert [path.name[-10:-6] for path in tracklet.paths] == ["0008", "0015"]


def test_frame_ten_comes_after_frame_nine(tmp_path: Path) -> None:
    make_folder(tmp_path)
    tracklet = read_training_set("folder", tmp_path)[0]
    assert [path.name for path in tracklet.paths] == ["9.jpg", "10.jpg"]


def test_a_folder_without_parts_is_searched_against_itself(tmp_path: Path) -> None:
    save_pictures(tmp_path, ["7/1/a.jpg", "7/2/a.jpg"])
    (problem,) = read_problems("folder", tmp_path)
    assert problem.query == problem.gallery
    assert who_and_where(problem.query) == [(7, 1, 1), (7, 2, 1)]


def test_a_single_list_may_be_anywhere(tmp_path: Path) -> None:
    make_list(tmp_path)
    path = tmp_path / "gtPepper" / "train.json"
    assert read_training_set("list", path) == read_training_set("list", tmp_path)


MISSING = [
    ("market1501", "query", "Market-1501: expected query under"),
    ("market1501", "bounding_box_test", "Market-1501: .* missing: bounding_box_test"),
    ("msmt17", "MSMT17_V1/list_gallery.txt", "MSMT17: .* missing: list_gallery.txt"),
    ("msmt17", "MSMT17_V1/test", "MSMT17: .* missing: test"),
    ("mars", "info/query_IDX.mat", "MARS: .* missing: info/query_IDX.mat"),
    ("mars", "bbox_test", "MARS: .* missing: bbox_test"),
    ("lsvid", "list_sequence", "LS-VID: expected the folder list_sequence or info/list_sequence"),
    ("lsvid", "test/data/info_test.mat", "LS-VID: .* missing: test/data/info_test.mat"),
    ("lsvid", "tracklet_test/0001", "LS-VID: list_seq_test.txt: expected pictures of one camera"),
    ("ilidsvid", "i-LIDS-VID/sequences/cam2", "iLIDS-VID: .* missing: i-LIDS-VID/sequences/cam2"),
    ("ilidsvid", "train-test people splits", "iLIDS-VID: .* missing: train-test people splits"),
    ("prid2011", "prid_2011/multi_shot/cam_b", "PRID2011: .* missing: cam_b"),
    ("prid2011", "prid_2011/multi_shot/cam_b/person_0002", "expected pictures of person_0002"),
    ("folder", "gallery", "expected pictures as PERSON/CAMERA/picture.jpg"),
    ("list", "gtPepper/gallery.json", "list of tracklets: expected gallery.json under"),
]


@pytest.mark.parametrize(
    ("kind", "part", "sentence"), MISSING, ids=[f"{kind}:{part}" for kind, part, _ in MISSING]
)
def test_a_missing_part_is_named_in_one_sentence(
    tmp_path: Path, kind: str, part: str, sentence: str
) -> None:
    MAKERS[kind](tmp_path)
    (tmp_path / part).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=sentence) as raised:
        read_problems(kind, tmp_path)
    assert str(tmp_path) in str(raised.value) or kind == "lsvid"
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"folder"}))
def test_an_empty_folder_is_no_set(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DatasetError, match="expected"):
        read_training_set(kind, tmp_path)


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"market1501, msmt17, mars, .* found 'duke'"):
        read_training_set("duke", tmp_path)


def test_a_mars_tracklet_of_two_people_is_refused(tmp_path: Path) -> None:
    make_mars(tmp_path)
    rows = [[2, 3, 2, 1]]
    info = {"track_test_info": np.array(rows, dtype=np.int32)}
    savemat(tmp_path / "info" / "tracks_test_info.mat", info)
    with pytest.raises(DatasetError, match="person 2 in camera 1 alone, found 0000C2, 0002C1"):
        read_problems("mars", tmp_path)


def test_a_query_beyond_the_tracklets_is_refused(tmp_path: Path) -> None:
    make_mars(tmp_path)
    savemat(tmp_path / "info" / "query_IDX.mat", {"query_IDX": np.array([[5]], dtype=np.uint16)})
    with pytest.raises(DatasetError, match="tracklets from 1 to 4, found 5"):
        read_problems("mars", tmp_path)


def test_splits_that_do_not_fit_the_folders_are_refused(tmp_path: Path) -> None:
    make_ilidsvid(tmp_path)
    save_pictures(tmp_path / "i-LIDS-VID" / "sequences" / "cam1", ["person012/1.png"])
    with pytest.raises(DatasetError, match="every one of the 5 people of cam1 once"):
        read_problems("ilidsvid", tmp_path)


@pytest.mark.parametrize("content", [b"nothing of MATLAB's", b""])
def test_a_file_that_matlab_did_not_write_is_named(tmp_path: Path, content: bytes) -> None:
    make_mars(tmp_path)
    (tmp_path / "info" / "query_IDX.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"query_IDX.mat: expected a MATLAB file"):
        read_problems("mars", tmp_path)
