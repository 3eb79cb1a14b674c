"""Loaders of MovieLens, citeulike-a and RecEraser's files, on small files in those formats."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from byleave.connectors.ratings import read_citeulike, read_movielens, read_receraser
from byleave.errors import InputError
from byleave.trainers.content import ContentTrainer


def pairs(table: pa.Table) -> list[tuple[str, str]]:
    """Return (member, item) of each row."""
    return list(zip(table["member"].to_pylist(), table["item"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.data", "196\t242\t3\t881250949\n186\t302\t4\t891717742\n22\t377\t5\t878887116\n"),
        ("ratings.dat", "196::242::3::881250949\n186::302::4::891717742\n22::377::5::878887116\n"),
        (
            "ratings.csv",
            """userId,movieId,rating,timestamp
196,242,3.5,881250949
186,302,4.0,891717742
22,377,4.5,878887116
""",
        ),
    ],
)
def test_movielens_in_its_three_forms(tmp_path: Path, name: str, text: str) -> None:
    """Of each form, ratings of four and more count, with the instant they were given."""
    (tmp_path / name).write_text(text)
    table = read_movielens(tmp_path)
    assert pairs(table) == [("186", "302"), ("22", "377")]
    assert table["at"].to_pylist()[0].year == 1998
    assert len(read_movielens(tmp_path / name, least=0)) == 3
    ContentTrainer().fit(table.to_batches(), ContentTrainer().default_recipe())


def test_citeulike_counts_its_lines(tmp_path: Path) -> None:
    """Line n is user n; its first number says how many items follow; a user may have none."""
    (tmp_path / "users.dat").write_text("2 7 19\n0\n1 7\n")
    assert pairs(read_citeulike(tmp_path)) == [("0", "7"), ("0", "19"), ("2", "7")]


def test_receraser_names_the_user_first(tmp_path: Path) -> None:
    """A line of RecEraser's files is a user, then items; a user without items has no row."""
    (tmp_path / "train.txt").write_text("0 5 6\n3 5\n4\n")
    (tmp_path / "test.txt").write_text("3 6\n")
    train, test = read_receraser(tmp_path)
    assert (pairs(train), pairs(test)) == ([("0", "5"), ("0", "6"), ("3", "5")], [("3", "6")])


def test_files_of_another_form_are_refused(tmp_path: Path) -> None:
    """A missing file, a line of words, a wrong count and an empty line are refused."""
    (tmp_path / "users.dat").write_text("3 1 2\n")
    (tmp_path / "train.txt").write_text("0 1\n\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\na,b,c,d\n")
    (tmp_path / "other.csv").write_text("")
    for call in (
        lambda: read_citeulike(tmp_path),
        lambda: read_receraser(tmp_path),
        lambda: read_movielens(tmp_path),
        lambda: read_movielens(tmp_path / "other.csv"),
        lambda: read_movielens(tmp_path / "u.data"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "input.malformed"
