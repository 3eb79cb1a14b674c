"""Public collections that recommenders are compared on, as rows of (member, item).

* MovieLens: `u.data` (tabs), `ratings.dat` (`::`) or `ratings.csv` (a header): user, item, rating,
  seconds since 1970. What was rated at least `least` counts as held (Liang et al., WWW 2018: 4).
* citeulike-a: `users.dat`; line n is user n: how many items, then their numbers from 0 (Wang and
  Blei, KDD 2011; Wang, Chen and Li, IJCAI 2013).
* RecEraser (and NGCF, LightGCN): `train.txt` and `test.txt`; a line is a user, then their items.

None of them is fetched: whoever has the files names them. Nobody in them was asked about training;
they serve to measure a method.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from byleave.errors import InputError

__all__ = ["read_citeulike", "read_movielens", "read_receraser"]

_NAMES: Final = ["user", "item", "rating", "seconds"]
_FIELDS: Final = {"u.data": b"\t", "ratings.dat": b"::", "ratings.csv": b","}

Longs = npt.NDArray[np.int64]


def read_movielens(path: Path, *, least: float = 4.0) -> pa.Table:
    """Return what each user rated at least so high, with the instant.

    Args:
        path: `u.data`, `ratings.dat` or `ratings.csv`, or the folder with one of them.
        least: Ratings below it are left out; 0 keeps all.

    Raises:
        InputError: `input.malformed`.
    """
    if path.is_dir():
        path = next((path / name for name in _FIELDS if (path / name).is_file()), path / "u.data")
    between = _FIELDS.get(path.name)
    if between is None:
        raise _malformed(path, "no file of MovieLens: u.data, ratings.dat or ratings.csv")
    data = _bytes(path).replace(between, b"\t")
    options = csv.ReadOptions(column_names=_NAMES, skip_rows=int(path.name == "ratings.csv"))
    types = {"user": "int64", "item": "int64", "rating": "float64", "seconds": "int64"}
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            options,
            csv.ParseOptions(delimiter="\t"),
            csv.ConvertOptions(column_types={n: pa.type_for_alias(t) for n, t in types.items()}),
        )
    except pa.ArrowException as error:
        raise _malformed(path, "a line is not user, item, rating, seconds") from error
    table = table.filter(pc.greater_equal(table["rating"], least))
    at = pc.cast(table["seconds"], pa.timestamp("s", "UTC"))
    rows = _rows(np.asarray(table["user"]), np.asarray(table["item"]))
    return rows.append_column("at", at)


def read_citeulike(path: Path) -> pa.Table:
    """Return the library of each user.

    Args:
        path: `users.dat`, or the folder with it.

    Raises:
        InputError: `input.malformed`, a line whose first number is not how many follow.
    """
    path = path / "users.dat" if path.is_dir() else path
    lines = _lines(path)
    if any(len(line) == 0 or line[0] != len(line) - 1 for line in lines):
        raise _malformed(path, "a line does not say how many items follow")
    sizes = np.array([len(line) - 1 for line in lines], np.int64)
    items = np.concatenate([np.zeros(0, np.int64), *(line[1:] for line in lines)])
    return _rows(np.repeat(np.arange(len(lines)), sizes), items)


def read_receraser(folder: Path) -> tuple[pa.Table, pa.Table]:
    """Return what is trained on and what is asked for.

    Args:
        folder: Where `train.txt` and `test.txt` are.

    Raises:
        InputError: `input.malformed`, an empty line, or one that is not of numbers.
    """
    return _adjacent(folder / "train.txt"), _adjacent(folder / "test.txt")


def _adjacent(path: Path) -> pa.Table:
    lines = _lines(path)
    if any(len(line) == 0 for line in lines):
        raise _malformed(path, "a line without a user")
    sizes = np.array([len(line) - 1 for line in lines], np.int64)
    users = np.array([int(line[0]) for line in lines], np.int64)
    items = np.concatenate([np.zeros(0, np.int64), *(line[1:] for line in lines)])
    return _rows(np.repeat(users, sizes), items)


def _lines(path: Path) -> list[Longs]:
    """Return the numbers of each line: a loop over lines, for each has a length of its own."""
    try:
        return [
            np.array([int(word) for word in line.split()], np.int64)
            for line in _bytes(path).splitlines()
        ]
    except (ValueError, OverflowError) as error:
        raise _malformed(path, "a line that is not of whole numbers") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _malformed(path, "no such file") from error


def _rows(users: Longs, items: Longs) -> pa.Table:
    columns = (np.arange(len(users)), users, items)
    record, member, item = (pa.array(column).cast(pa.string()) for column in columns)
    return pa.table({"record_id": record, "member": member, "item": item})


def _malformed(path: Path, what: str) -> InputError:
    return InputError(what, code="input.malformed", where=str(path))
