"""Seal what passed the gate; open what was sealed. The only maker of `SealedSnapshot` (G6).

A seal turns a `GatedTable` into files: `data.parquet` (the rows), `openings.parquet` (private),
`manifest.json`, and, in a delta, `removed.parquet` (positions of rows no longer held). Opening
recomputes every digest the manifest names and compares the manifest with the log entry.
Python types stop accidents, not cheats; cheats are for the proofs and the verifier.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.canonical import sha256
from byleave.errors import ConflictError, EvidenceError
from byleave.evidence.entry import SnapshotEntry
from byleave.gate.result import GatedTable
from byleave.snapshot import bucket_map
from byleave.snapshot.bucket_map import BucketMap, MapMembers
from byleave.snapshot.manifest import DataFile, Manifest
from byleave.snapshot.openings import OPENINGS_SCHEMA, SALT_BYTES, leaves_by_member

__all__ = [
    "DATA",
    "MANIFEST",
    "OPENINGS",
    "REMOVED",
    "MemberSecrets",
    "SealedSnapshot",
    "Sealing",
    "build_member_map",
    "open_sealed",
    "read_table",
    "seal",
    "seal_delta",
    "write_table",
]

DATA: Final = "data.parquet"
OPENINGS: Final = "openings.parquet"
REMOVED: Final = "removed.parquet"
MANIFEST: Final = "manifest.json"
RECORD_ID: Final = "record_id"
_TOKEN: Final = object()

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSecrets:
    """What the map needs of each enrolled member, by ordinal.

    Attributes:
        secrets: r, 32 bytes; None where erased.
        enrolments: Log index of the enrolment.
        leaves: RFC 6962 leaf hash of the enrolment entry.
    """

    secrets: Sequence[bytes | None]
    enrolments: Sequence[int]
    leaves: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """A snapshot about to be stored and logged.

    Attributes:
        manifest: The public document.
        files: Name → bytes of every file of its folder.
        tree: The map, for proofs.
        openings: The private openings, as a table.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    tree: BucketMap
    openings: pa.Table


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


def seal(
    gated: GatedTable,
    *,
    snapshot: str,
    source: str,
    gate: int,
    digests: pa.Array,
    grounds: Mapping[int, bytes],
    members: MemberSecrets,
    epoch: bytes,
    salts: bytes,
) -> Sealing:
    """Seal what passed the gate into a first snapshot of a lineage.

    Args:
        gated: The gate's own output.
        snapshot: Id of the snapshot.
        source: Id of the source.
        gate: Log index of the gate record.
        digests: Record digests of the source, by source row; binary(32).
        grounds: Log index → leaf hash of every event that a row stands on.
        members: Secrets and enrolments, by ordinal.
        epoch: Fresh lineage epoch E, 16 bytes, drawn after the members' secrets.
        salts: 32 fresh bytes per party record.

    Raises:
        ConflictError: `snapshot.erased-member`, a party's secret has been erased.
    """
    grounds_of = gated.grounds
    position = np.repeat(np.arange(len(gated.rows)), np.diff(grounds_of.offsets))
    openings = pa.table(
        {
            "row": pa.array(position),
            "ordinal": pa.array(grounds_of.member),
            "role": pa.array(grounds_of.role),
            "ground": pa.array(grounds_of.ground),
            "ground_index": pa.array(grounds_of.index),
            "ground_leaf": pa.array([grounds[i] for i in grounds_of.index.tolist()], pa.binary(32)),
            "salt": _cut(salts, len(position), 0),
            "ground_salt": _cut(salts, len(position), SALT_BYTES),
            "digest": digests.take(pa.array(gated.rows[position])),
        }
    ).cast(OPENINGS_SCHEMA)
    tree, held = build_member_map(openings, members, epoch)
    data = write_table(gated.table)
    manifest = Manifest(
        snapshot=snapshot,
        parent=None,
        source=source,
        use=gated.record.scope,
        gate=gate,
        epoch=epoch.hex(),
        k=tree.k,
        root=tree.root.hex(),
        records=gated.table.num_rows,
        members=held,
        party_records=openings.num_rows,
        files=(DataFile(name=DATA, sha256=sha256(data).hex(), rows=gated.table.num_rows),),
    )
    files = {DATA: data, OPENINGS: write_table(openings), MANIFEST: manifest.encode()}
    return Sealing(manifest=manifest, files=files, tree=tree, openings=openings)


def seal_delta(
    parent: SealedSnapshot,
    openings: pa.Table,
    removed: Rows,
    *,
    snapshot: str,
    gate: int,
    members: MemberSecrets,
) -> Sealing:
    """Seal a parent without some rows: same lineage epoch, same salts, no data rewritten.

    Args:
        parent: The snapshot to take rows from.
        openings: The parent's openings.
        removed: Positions to remove, all alive in the parent.
        snapshot: Id of the new snapshot.
        gate: Log index of the gate record that no longer admits them.
        members: Secrets and enrolments, by ordinal.

    Raises:
        ConflictError: `snapshot.not-held`, a position that the parent does not hold;
            `snapshot.erased-member`.
    """
    if not np.isin(removed, parent.alive).all():
        raise ConflictError("a row to remove is not in the snapshot", code="snapshot.not-held")
    gone = pa.array(np.unique(removed))
    rest = openings.filter(pc.invert(pc.is_in(openings["row"], value_set=gone)))
    k = parent.manifest.k
    tree, held = build_member_map(rest, members, bytes.fromhex(parent.manifest.epoch), k=k)
    first = parent.manifest.files[0]
    alive = np.setdiff1d(parent.alive, removed)
    vector = np.setdiff1d(np.arange(first.rows, dtype=np.int64), alive)
    removed_file = write_table(pa.table({"row": pa.array(vector)}))
    manifest = replace(
        parent.manifest,
        snapshot=snapshot,
        parent=parent.index,
        gate=gate,
        root=tree.root.hex(),
        records=len(alive),
        members=held,
        party_records=rest.num_rows,
        removed=DataFile(name=REMOVED, sha256=sha256(removed_file).hex(), rows=len(vector)),
    )
    files = {REMOVED: removed_file, OPENINGS: write_table(rest), MANIFEST: manifest.encode()}
    return Sealing(manifest=manifest, files=files, tree=tree, openings=rest)


def open_sealed(
    *, entry: SnapshotEntry, index: int, manifest: bytes, data: bytes, removed: bytes | None
) -> SealedSnapshot:
    """Open a stored snapshot after recomputing every digest.

    Args:
        entry: Its log entry, whose inclusion the caller has checked.
        index: Log index of that entry.
        manifest: Bytes of the manifest.
        data: Bytes of the lineage's data file.
        removed: Bytes of the deletion vector, in a delta.

    Raises:
        EvidenceError: `snapshot.digest`, a file differs from what the log or manifest says.
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
    if sha256(data).hex() != document.files[0].sha256:
        raise _differs(DATA)
    table = read_table(data)
    alive = np.arange(table.num_rows, dtype=np.int64)
    if document.removed is not None:
        if removed is None or sha256(removed).hex() != document.removed.sha256:
            raise _differs(REMOVED)
        alive = np.setdiff1d(alive, read_table(removed)["row"].to_numpy())
    if len(alive) != document.records:
        raise _differs(DATA)
    return SealedSnapshot(_TOKEN, manifest=document, index=index, table=table, alive=alive)


def build_member_map(
    openings: pa.Table, members: MemberSecrets, epoch: bytes, *, k: int | None = None
) -> tuple[BucketMap, int]:
    """Return the bucket map over openings, and how many members it holds.

    Raises:
        ConflictError: `snapshot.erased-member`, a member's secret is gone.
    """
    ordinals, leaves = leaves_by_member(openings)
    held = ordinals.tolist()
    secrets = [secret for i in held if (secret := members.secrets[i]) is not None]
    if len(secrets) != len(held):
        raise ConflictError(
            "a member of this snapshot has been erased; unlearn first",
            code="snapshot.erased-member",
        )
    enrolments = [members.enrolments[i] for i in held]
    inputs = MapMembers(
        secrets=secrets,
        enrolment_indexes=enrolments,
        enrolment_leaves=[members.leaves[i] for i in enrolments],
        records=leaves,
    )
    return bucket_map.build(inputs, epoch=epoch, k=k), len(held)


def write_table(table: pa.Table) -> bytes:
    """Return a table as Parquet bytes; equal tables give equal bytes."""
    sink = io.BytesIO()
    plain = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(plain, sink, compression="zstd", store_schema=True)
    return sink.getvalue()


def read_table(data: bytes) -> pa.Table:
    """Return the table of Parquet bytes."""
    return pq.read_table(io.BytesIO(data))


def _cut(salts: bytes, count: int, offset: int) -> pa.Array:
    width = 2 * SALT_BYTES
    starts = range(offset, width * count, width)
    return pa.array([salts[a : a + SALT_BYTES] for a in starts], pa.binary(SALT_BYTES))


def _differs(name: str) -> EvidenceError:
    return EvidenceError(
        "a file of the snapshot differs from its logged digest", code="snapshot.digest", where=name
    )
