"""PostgreSQL's binary COPY format: rows of fixed-width columns, without a step per row.

A stream is a header, then for each row int16 number of fields, for each field int32 length (-1:
null, no bytes follow) and the bytes, all big-endian, then int16 -1
(https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["HEADER", "TRAILER", "ended_rows", "fixed_rows"]

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"

Column = tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]


def fixed_rows(columns: Sequence[Column]) -> bytes:
    """Return rows as a part of a stream, without header and trailer.

    Args:
        columns: For each column its values (integers of the width the table has, or bytes as
            (n, width) uint8) and which of them are null; None: none is.
    """
    count = len(columns[0][0])
    fields: list[Any] = [("fields", ">i2")]
    for number, (values, nulls) in enumerate(columns):
        fields.append((f"length{number}", ">i4"))
        if nulls is None or not nulls.all():
            fields.append((f"value{number}", _type(values)))
    rows = np.zeros(count, np.dtype(fields))
    rows["fields"] = len(columns)
    gone = []
    for number, (values, nulls) in enumerate(columns):
        width = _type(values).itemsize
        rows[f"length{number}"] = width if nulls is None else np.where(nulls, -1, width)
        if f"value{number}" not in (rows.dtype.names or ()):
            continue
        rows[f"value{number}"] = _plain(values)
        if nulls is not None and nulls.any():
            gone.append((f"value{number}", nulls))
    if not gone:
        return rows.tobytes()
    keep = np.ones((count, rows.dtype.itemsize), np.bool_)
    layout: Any = rows.dtype.fields
    for name, nulls in gone:
        kind, start = layout[name][:2]
        keep[nulls, start : start + kind.itemsize] = False
    return rows.view(np.uint8).reshape(count, -1)[keep].tobytes()


def ended_rows(columns: Sequence[Column], last: Sequence[bytes]) -> bytes:
    """Return rows of fixed-width columns without nulls, and one of bytes of any length at the end.

    Args:
        columns: As `fixed_rows` takes them.
        last: The last column's value of each row.
    """
    lengths = np.fromiter(map(len, last), np.int32, len(last))
    heads = fixed_rows([*columns, (lengths, None)])
    # What `fixed_rows` wrote as one more field of four bytes is the length of the last: cut "4".
    width = len(heads) // max(1, len(last))
    rows = np.frombuffer(heads, np.uint8).reshape(len(last), width)
    cut = np.delete(rows, slice(width - 8, width - 4), axis=1).tobytes()
    starts = range(0, len(cut), max(1, width - 4))
    return b"".join(
        chain.from_iterable(
            (cut[at : at + width - 4], text) for at, text in zip(starts, last, strict=True)
        )
    )


def _type(values: npt.NDArray[Any]) -> np.dtype[Any]:
    if values.ndim == 1:
        return values.dtype.newbyteorder(">")
    return np.dtype(f"V{values.shape[1]}")


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.ndim == 1:
        return values
    return np.ascontiguousarray(values).view(_type(values)).ravel()
