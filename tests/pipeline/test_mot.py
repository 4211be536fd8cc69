"""MOTChallenge text: what is written, what is read, and every mistake as one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError, InvalidArray
from pipeline.mot import UNCATEGORISED, Table, read_table, write_table


def table_of(*rows: tuple[int, int, float, float, float, float]) -> Table:
    """Rows of frame, identity, left, top, right, bottom."""
    return Table.build(
        frame=[row[0] for row in rows],
        identity=[row[1] for row in rows],
        xyxy=[row[2:] for row in rows],
        confidence=0.5,
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "west.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_written_by_frame_then_identity_with_two_decimals(tmp_path: Path) -> None:
    table = table_of(
        (2, 1, 10, 20, 40.125, 100), (1, 7, 0, 0, 5, 5), (1, 3, -0.001, 1 / 3, 9.999, 20)
    )
    write_table(table, tmp_path / "results" / "west.txt")
    assert (tmp_path / "results" / "west.txt").read_text() == (
        "1,3,0.00,0.33,10.00,19.67,0.50,-1,-1,-1\n"
        "1,7,0.00,0.00,5.00,5.00,0.50,-1,-1,-1\n"
        "2,1,10.00,20.00,30.12,80.00,0.50,-1,-1,-1\n"
    )


def test_a_table_without_rows_is_an_empty_file(tmp_path: Path) -> None:
    write_table(Table.empty(), tmp_path / "west.txt")
    assert (tmp_path / "west.txt").read_bytes() == b""
    assert len(read_table(tmp_path / "west.txt")) == 0


def test_world_coordinates_of_mot15_are_not_taken_for_classes(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "3,9,499,158,31.5,75,1,-4.1,-7.3,0\n"))
    assert (table.frame[0], table.identity[0], table.category[0]) == (3, 9, UNCATEGORISED)
    np.testing.assert_allclose(table.xyxy, [[499, 158, 530.5, 233]])


def test_the_class_of_mot16_is_kept(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "1,1,260,450,102,262,1,1,1\n1,2,0,0,9,9,0,12,0.5\n"))
    assert table.category.tolist() == [1, 12]
    assert table.confidence.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "1,1,0,0,5,5,1\n1,2,3\n",
            "line 2: expected 7 to 10 numbers frame,identity,x,y,w,h,confidence,…, "
            "found 3 columns in '1,2,3'",
            id="too few columns",
        ),
        pytest.param(
            "\nx,1,0,0,5,5,1\n", "line 2: expected a number as frame, found 'x'", id="no number"
        ),
        pytest.param(
            "0,1,0,0,5,5,1\n",
            "line 1: expected a whole number from 1 as frame, found '0'",
            id="frame from 0",
        ),
        pytest.param(
            "1,1.5,0,0,5,5,1\n",
            "line 1: expected a whole number from 0 as identity, found '1.5'",
            id="half an identity",
        ),
        pytest.param(
            "1,1,0,nan,5,5,1\n", "line 1: expected a number as y, found 'nan'", id="not finite"
        ),
        pytest.param(
            "1,1,0,0,5,-5,1\n",
            "line 1: expected width and height above 0, found 5 and -5",
            id="negative height",
        ),
        pytest.param(
            "4,1,0,0,5,5,1\n4,1,9,9,5,5,1\n",
            "line 2: expected each identity once per frame, "
            "found frame 4, identity 1 on line 1 too",
            id="somebody twice",
        ),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_table(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"east\.txt: expected a file, found none"):
        read_table(tmp_path / "east.txt")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "west.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match=r"west\.txt: expected a readable text file"):
        read_table(tmp_path / "west.txt")


def test_a_box_without_area_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidArray, match=r"frame 3: .* found \[5\.0, 5\.0, 5\.001, 9\.0\]"):
        write_table(table_of((3, 1, 5, 5, 5.001, 9)), tmp_path / "west.txt")


def test_an_identity_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(InvalidArray, match="each identity once per frame, found frame 1, identity"):
        table_of((1, 4, 0, 0, 5, 5), (1, 4, 9, 9, 12, 12))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidArray, match=r"identity: expected shape \[2\], found \[1\]"):
        Table.build(frame=[1, 2], identity=[1], xyxy=np.ones((2, 4)))


def test_the_rows_of_a_frame_are_found() -> None:
    table = table_of((1, 1, 0, 0, 5, 5), (3, 2, 0, 0, 5, 5), (3, 1, 1, 1, 5, 5))
    assert table.at(3).identity.tolist() == [1, 2]
    assert len(table.at(2)) == 0
    assert table.last_frame == 3


HUNDREDTHS = st.integers(-100_000, 100_000).map(lambda n: n / 100)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 50), st.integers(1, 50), HUNDREDTHS, HUNDREDTHS, st.integers(1, 90_000)
    ),
    unique_by=lambda row: row[:2],
)


@given(rows=ROWS)
def test_what_is_written_is_read_back_to_the_same_bytes(
    rows: list[tuple[int, int, float, float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mot")
    table = table_of(*((f, i, x, y, x + size / 100, y + size / 100) for f, i, x, y, size in rows))
    write_table(table, folder / "first.txt")
    again = read_table(folder / "first.txt")
    write_table(again, folder / "second.txt")
    assert (folder / "first.txt").read_bytes() == (folder / "second.txt").read_bytes()
    np.testing.assert_array_equal(again.identity, table.identity)
    np.testing.assert_allclose(again.xyxy, table.xyxy, atol=0.006)
