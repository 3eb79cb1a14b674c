"""Selections: the numbers of the rows kept of one file, for engines that read it in place.

A Parquet file with one column `row` (int64, ascending from 0), and in its metadata under
`byleave.selection` a canonical JSON header that names the data file by size and footer, the plan,
the counts, and a digest over header and bitmap. Format: docs/spec/engines.md.
Cost: about 2 bytes a kept row on the disk, 1 ns a row of the file to write or to check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.canonical import Json, decode, encode, sha256
from byleave.engines.parquet import ParquetRows
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.ids import Digest

__all__ = ["Selection", "read_selection", "selected_batches", "write_selection"]

_KEY: Final = b"byleave.selection"
_FORMAT: Final = "byleave/selection/v1"
_FIELDS: Final = frozenset(
    {"at", "data", "digest", "format", "kept", "ledger", "party_rule", "plan"}
    | {"reasons", "rows", "scope"}
)
_MOST_ROWS: Final = 1 << 34
_DATA_FIELDS: Final = frozenset({"footer", "name", "size"})
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """Which rows of one file the gate kept.

    Attributes:
        header: What the file says of itself; see the specification.
        rows: Numbers of the rows kept, ascending; int64.
    """

    header: Mapping[str, Json]
    rows: Longs

    @property
    def digest(self) -> str:
        """Digest over header and rows, 64 hexadecimal digits."""
        return str(self.header["digest"])


def write_selection(path: Path, kept: npt.NDArray[np.bool_], header: Mapping[str, Json]) -> None:
    """Write the selection of one file.

    Args:
        path: Where.
        kept: Whether each row of the file was kept; bool.
        header: All fields but `format` and `digest`.
    """
    whole = {**header, "format": _FORMAT}
    whole["digest"] = _digest(whole, kept).hex()
    table = pa.table({"row": pa.array(np.flatnonzero(kept))})
    pq.write_table(
        table.replace_schema_metadata({_KEY: encode(whole)}),
        path,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"row": "DELTA_BINARY_PACKED"},
    )


def read_selection(path: Path, *, data: Path | None = None) -> Selection:
    """Read a selection and recompute its digest.

    Args:
        path: The selection.
        data: The file it is to be applied to; None: not compared.

    Raises:
        InputError: `input.not-found`; `selection.malformed`, not a selection of this version.
        EvidenceError: `selection.digest`, rows or header are not what was written;
            `selection.other-data`, `data` is not the file that was read.
    """
    if not path.is_file():
        raise InputError("no such selection", code="input.not-found", where=str(path))
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _malformed(path, "not a whole Parquet file") from error
    header = _header(path, table.schema)
    rows = np.asarray(table["row"].combine_chunks(), np.int64)
    count = cast("int", header["rows"])
    ascending = len(rows) == 0 or (rows[0] >= 0 and rows[-1] < count and (np.diff(rows) > 0).all())
    if not ascending or len(rows) != header["kept"]:
        raise _damaged(path)
    kept = np.zeros(count, np.bool_)
    kept[rows] = True
    if _digest({k: v for k, v in header.items() if k != "digest"}, kept).hex() != header["digest"]:
        raise _damaged(path)
    if data is not None:
        with ParquetRows.open(data) as file:
            _compare(path, header, file)
    return Selection(header=header, rows=rows)


def selected_batches(
    selection: Selection, data: Path, *, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows kept, reading only row groups that hold one.

    Args:
        selection: What `read_selection` returned.
        data: The file it belongs to.
        columns: Columns to read; None: all.

    Raises:
        EvidenceError: `selection.other-data`.
        InputError: `data.unreadable`.
    """
    with ParquetRows.open(data) as file:
        _compare(data, selection.header, file)
        start = 0
        for group, rows in enumerate(file.group_rows):
            low, high = np.searchsorted(selection.rows, [start, start + rows])
            if low < high:
                kept = np.zeros(rows, np.bool_)
                kept[selection.rows[low:high] - start] = True
                at = 0
                for batch in file.batches(group, columns):
                    part = kept[at : at + batch.num_rows]
                    at += batch.num_rows
                    if part.any():
                        yield batch.filter(pa.array(part))
            start += rows


def _header(path: Path, schema: pa.Schema) -> Mapping[str, Json]:
    text = (schema.metadata or {}).get(_KEY)
    if text is None or schema.names != ["row"] or schema.field("row").type != pa.int64():
        raise _malformed(path, "not a selection")
    try:
        header = decode(text)
    except ByleaveError as error:
        raise _malformed(path, "its header is not canonical JSON") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _malformed(path, "a selection of another version")
    data = header.get("data")
    known = header.keys() == _FIELDS and isinstance(data, dict) and data.keys() == _DATA_FIELDS
    numbers = [header.get(name) for name in ("rows", "kept")]
    if not known or any(
        not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < _MOST_ROWS for n in numbers
    ):
        raise _malformed(path, "its header lacks or adds a field")
    return header


def _compare(path: Path, header: Mapping[str, Json], file: ParquetRows) -> None:
    data = cast("Mapping[str, Json]", header["data"])
    found = (file.size, file.footer.hex(), file.rows)
    if found != (data["size"], data["footer"], header["rows"]):
        raise EvidenceError(
            "the file is not the one that the selection was made of",
            code="selection.other-data",
            where=str(path),
            hint="its rows may stand elsewhere now; run the gate again",
        )


def _digest(header: Mapping[str, Json], kept: npt.NDArray[np.bool_]) -> Digest:
    """SHA-256 over the canonical header without `digest`, then the bitmap, low bit first."""
    return sha256(encode(dict(header)) + np.packbits(kept, bitorder="little").tobytes())


def _malformed(path: Path, what: str) -> InputError:
    return InputError(f"{path.name}: {what}", code="selection.malformed", where=str(path))


def _damaged(path: Path) -> EvidenceError:
    return EvidenceError(
        "the rows of a selection are not the ones its digest is of",
        code="selection.digest",
        where=str(path),
    )
