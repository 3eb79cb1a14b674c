"""Open what was sealed: the only maker of `SealedSnapshot` (G6).

Opening recomputes every digest the manifest names and compares the manifest with the log entry.
Where members were erased since, rows of the data file are blank; a snapshot that still holds one
answers `evidence.erased`, and so do its refit and its replay: neither valid nor invalid.
Python types stop accidents, not cheats; cheats are for the proofs and the verifier.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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

    __slots__ = ("_table", "alive", "index", "manifest")

    def __init__(
        self, token: object, *, manifest: Manifest, index: int, table: pa.Table, alive: Rows
    ) -> None:
        if token is not _TOKEN:
            raise TypeError("a SealedSnapshot is made by sealing or opening one")
        self.manifest = manifest
        self.index = index
        self.alive = alive
        self._table = table

    def __repr__(self) -> str:
        return (
            f"SealedSnapshot({self.manifest.snapshot!r}, {self.manifest.records:,} records,"
            f" log entry {self.index})"
        )

    @property
    def column_names(self) -> list[str]:
        """Names of the data columns."""
        return list(self._table.column_names)

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
        """
        rows = self.alive if only is None else only
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chosen = self._table.select(list(columns.values())).take(pa.array(part))
            arrays = [pa.array(part).cast(pa.string())]
            arrays += [column.combine_chunks() for column in chosen.columns]
            yield pa.record_batch(arrays, names=[RECORD_ID, *columns])


def open_sealed(
    *,
    entry: SnapshotEntry,
    index: int,
    manifest: bytes,
    data: bytes,
    removed: bytes | None,
    erasures: Erasures | None = None,
) -> SealedSnapshot:
    """Open a stored snapshot after recomputing every digest.

    Args:
        entry: Its log entry, whose inclusion the caller has checked.
        index: Log index of that entry.
        manifest: Bytes of the manifest.
        data: Bytes of the lineage's data file.
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
    if sha256(data).hex() != (since.sha256 or document.files[0].sha256):
        raise _differs(DATA)
    table = read_table(data)
    alive = np.arange(table.num_rows, dtype=np.int64)
    if document.removed is not None:
        if removed is None or sha256(removed).hex() != document.removed.sha256:
            raise _differs(REMOVED)
        alive = np.setdiff1d(alive, read_table(removed)["row"].to_numpy())
    if len(alive) != document.records:
        raise _differs(DATA)
    if len(since.rows) and np.isin(since.rows, alive, assume_unique=True).any():
        raise erased()
    return SealedSnapshot(_TOKEN, manifest=document, index=index, table=table, alive=alive)


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
