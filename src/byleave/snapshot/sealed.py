"""Open what was sealed: the only maker of `SealedSnapshot` (G6).

Opening recomputes every digest the manifest names and compares the manifest with the log entry.
Rows are then read from the same open file, one row group after another: memory is that of a few.
Where members were erased since, rows of the data file are blank; a snapshot that still holds one
answers `evidence.erased`, and so do its refit and its replay: neither valid nor invalid.
Python types stop accidents, not cheats; cheats are for the proofs and the verifier.
"""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.canonical import sha256
from byleave.errors import ErasedError, EvidenceError
from byleave.evidence.entry import SnapshotEntry
from byleave.snapshot.manifest import Manifest

__all__ = [
    "DATA",
    "MANIFEST",
    "OPENINGS",
    "OVERLAY",
    "REMOVED",
    "Erasures",
    "SealedSnapshot",
    "digest_of_file",
    "erased",
    "open_sealed",
    "read_table",
    "write_table",
]

DATA: Final = "data.parquet"
OPENINGS: Final = "openings.parquet"
REMOVED: Final = "removed.parquet"
OVERLAY: Final = "overlay.parquet"
MANIFEST: Final = "manifest.json"
RECORD_ID: Final = "record_id"
_TOKEN: Final = object()
_GROUPS_KEPT: Final = 8
_STROKE: Final = 1 << 20

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasures:
    """What erasures did to a data file since it was sealed, as the log's entries commit to it.

    Attributes:
        sha256: Digest of the file as it is now, hex; None where it was never rewritten.
        rows: Positions that are blank; int64, ascending.
    """

    sha256: str | None = None
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))


class SealedSnapshot:
    """Rows that passed the gate and are committed to; what `fit` takes, and nothing else.

    Attributes:
        manifest: The public document.
        index: Log index of its entry.
        alive: Positions of the rows it holds in its data file, ascending.
    """

    __slots__ = ("_groups", "alive", "index", "manifest")

    def __init__(
        self, token: object, *, manifest: Manifest, index: int, groups: _RowGroups, alive: Rows
    ) -> None:
        if token is not _TOKEN:
            raise TypeError("a SealedSnapshot is made by sealing or opening one")
        self.manifest = manifest
        self.index = index
        self.alive = alive
        self._groups = groups

    def __repr__(self) -> str:
        return (
            f"SealedSnapshot({self.manifest.snapshot!r}, {self.manifest.records:,} records,"
            f" log entry {self.index})"
        )

    @property
    def column_names(self) -> list[str]:
        """Names of the data columns."""
        return self._groups.names

    def batches(
        self, columns: Mapping[str, str], *, only: Rows | None = None, size: int = 65_536
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows with the columns a trainer asks for, and `record_id`.

        `record_id` is the row's position in the lineage's first data file, as text: the same in
        every delta.

        Args:
            columns: Trainer's column name → column of the data.
            only: Positions to yield instead of all that are alive.
            size: Rows a batch at most.

        Cost: each row group is read once where positions ascend; in another order, and beyond a
        million rows, a batch reads every group that it has a row of.
        """
        rows = self.alive if only is None else only
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chosen = self._groups.take([*columns.values()], part)
            arrays = [pa.array(part).cast(pa.string())]
            arrays += [column.combine_chunks() for column in chosen.columns]
            yield pa.record_batch(arrays, names=[RECORD_ID, *columns])


class _RowGroups:
    """A Parquet file's rows by position; the groups read last are kept."""

    def __init__(self, source: pa.NativeFile) -> None:
        self._file = pq.ParquetFile(source)
        meta = self._file.metadata
        counts = [meta.row_group(at).num_rows for at in range(meta.num_row_groups)]
        self._ends = np.cumsum(np.array(counts, np.int64))
        self._kept: OrderedDict[tuple[int, tuple[str, ...]], pa.Table] = OrderedDict()
        self._lock = Lock()
        self.rows = meta.num_rows
        self.names: list[str] = list(self._file.schema_arrow.names)

    def take(self, names: list[str], rows: Rows) -> pa.Table:
        """Return the columns of some rows, in the order asked."""
        if not len(rows):
            return self._file.schema_arrow.empty_table().select(names)
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        if ascending[0] < 0 or ascending[-1] >= self.rows:
            raise IndexError(f"no row {ascending[-1]} in {self.rows}")
        groups = np.searchsorted(self._ends, ascending, side="right")
        wanted, first = np.unique(groups, return_index=True)
        table = pa.concat_tables(
            self._group(at, names).take(pa.array(some - (self._ends[at - 1] if at else 0)))
            for at, some in zip(wanted.tolist(), np.split(ascending, first[1:]), strict=True)
        )
        if (np.diff(rows) < 0).any():
            back = np.empty(len(rows), np.int64)
            back[order] = np.arange(len(rows))
            table = table.take(pa.array(back))
        return table.select(names).combine_chunks()

    def _group(self, at: int, names: list[str]) -> pa.Table:
        key = (at, tuple(sorted({*names})))
        with self._lock:
            found = self._kept.pop(key, None)
            if found is None:
                found = self._file.read_row_group(at, columns=list(key[1]))
            self._kept[key] = found
            if len(self._kept) > _GROUPS_KEPT:
                self._kept.popitem(last=False)
            return found


def open_sealed(
    *,
    entry: SnapshotEntry,
    index: int,
    manifest: bytes,
    data: bytes | pa.NativeFile,
    removed: bytes | None,
    erasures: Erasures | None = None,
) -> SealedSnapshot:
    """Open a stored snapshot after recomputing every digest.

    Args:
        entry: Its log entry, whose inclusion the caller has checked.
        index: Log index of that entry.
        manifest: Bytes of the manifest.
        data: The lineage's data file, or its bytes; an open file stays open, and is read from.
        removed: Bytes of the deletion vector, in a delta.
        erasures: What logged erasures did to the data file since.

    Raises:
        EvidenceError: `snapshot.digest`, a file differs from what the log or manifest says.
        ErasedError: `evidence.erased`, the snapshot holds rows that were erased.
    """
    if sha256(manifest) != entry.manifest:
        raise _differs(MANIFEST)
    document = Manifest.parse(manifest)
    if (document.snapshot, document.root, document.k) != (
        entry.snapshot,
        entry.root.hex(),
        entry.k,
    ):
        raise _differs(MANIFEST)
    since = erasures or Erasures()
    source = pa.BufferReader(data) if isinstance(data, bytes) else data
    if digest_of_file(source) != (since.sha256 or document.files[0].sha256):
        raise _differs(DATA)
    groups = _RowGroups(source)
    alive = np.arange(groups.rows, dtype=np.int64)
    if document.removed is not None:
        if removed is None or sha256(removed).hex() != document.removed.sha256:
            raise _differs(REMOVED)
        alive = np.setdiff1d(alive, read_table(removed)["row"].to_numpy())
    if len(alive) != document.records:
        raise _differs(DATA)
    if len(since.rows) and np.isin(since.rows, alive, assume_unique=True).any():
        raise erased()
    return SealedSnapshot(_TOKEN, manifest=document, index=index, groups=groups, alive=alive)


def digest_of_file(source: pa.NativeFile) -> str:
    """Return the SHA-256 of an open file, hex, and stand at its beginning again."""
    found = hashlib.sha256()
    while part := source.read(_STROKE):
        found.update(part)
    source.seek(0)
    return found.hexdigest()


def write_table(table: pa.Table) -> bytes:
    """Return a table as Parquet bytes; equal tables give equal bytes."""
    sink = io.BytesIO()
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(plain, sink, compression="zstd", store_schema=True)
    return sink.getvalue()


def read_table(data: bytes) -> pa.Table:
    """Return the table of Parquet bytes."""
    return pq.read_table(io.BytesIO(data))


def erased() -> ErasedError:
    """Return the answer where what would decide was erased with a member."""
    return ErasedError(
        "rows of this were erased with a member: it can no longer be read or repeated",
        code="evidence.erased",
        hint="its root, its entries and other members' proofs still verify",
    )


def _differs(name: str) -> EvidenceError:
    return EvidenceError(
        "a file of the snapshot differs from its logged digest", code="snapshot.digest", where=name
    )
