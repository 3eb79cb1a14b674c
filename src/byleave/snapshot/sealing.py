"""Seal what passed the gate, batch by batch: files, map, manifest.

A seal reads a `GatedTable` once. Rows go to `data.parquet` as they come, one opening for each
party is put aside, and from these the map is built part by part (`snapshot.partition`), with
`openings.parquet` in the order of members beside it. Memory is that of a batch and of the parts at
work. A delta writes neither data nor openings: a deletion vector, the manifest, and the files of
the map that differ. Where bytes go is the caller's: this module opens no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.errors import ConflictError
from byleave.evidence.bucket import LABEL_BYTES, label
from byleave.evidence.delta_proof import MAX_CHANGES, DeltaProof, verify_delta
from byleave.gate.result import GatedTable, KeptBatch
from byleave.snapshot.commit import Enrolled, OpeningColumns, binary, entries
from byleave.snapshot.hashing import Longs, Rows
from byleave.snapshot.manifest import DataFile, Manifest
from byleave.snapshot.map_delta import audit, changed_buckets, changed_files
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.openings import OPENINGS_SCHEMA, SALT_BYTES
from byleave.snapshot.partition import MapBuilder, Ports
from byleave.snapshot.sealed import (
    DATA,
    MANIFEST,
    OPENINGS,
    OVERLAY,
    REMOVED,
    SealedSnapshot,
    write_table,
)

__all__ = ["Folder", "Members", "Sealing", "seal", "seal_delta"]

_GROUP_ROWS: Final = 1 << 17
_OPENING_GROUP_ROWS: Final = 1 << 16
_OVERLAY: Final = pa.schema(
    [pa.field("path", pa.string(), nullable=False), pa.field("holder", pa.string(), nullable=False)]
)


class Folder(Protocol):
    """Where a snapshot's files go; it appears whole or not at all."""

    digests: dict[str, str]
    """SHA-256, hex, of each file written."""

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Write one file as a stream."""
        ...


class Members(Protocol):
    """Secrets and enrolments of the members, by ordinal."""

    @property
    def count(self) -> int:
        """Ordinals are below this number."""
        ...

    def range(self, first: int, last: int) -> Enrolled:
        """Return the members with first <= ordinal < last."""
        ...

    def take(self, ordinals: Longs) -> Enrolled:
        """Return the members with these ordinals, ascending."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """A snapshot whose files are written, about to be logged.

    Attributes:
        manifest: The public document.
        digests: SHA-256, hex, of every file of its folder; those of the map apart.
        touched: Buckets that a delta changed; 0 of a first snapshot.
        hashes: Hashes that changing them took.
    """

    manifest: Manifest
    digests: Mapping[str, str]
    touched: int = 0
    hashes: int = 0


def seal(
    gated: GatedTable,
    *,
    folder: Folder,
    write_map: Callable[[str, bytes], None],
    snapshot: str,
    source: str,
    gate: int,
    digests: Callable[[Longs], Rows],
    grounds: Callable[[Longs], Rows],
    members: Members,
    epoch: bytes,
    salts: Callable[[int], bytes],
    ports: Ports,
) -> Sealing:
    """Seal what passed the gate into a first snapshot of a lineage.

    Args:
        gated: The gate's own output.
        folder: Where its files go.
        write_map: Takes each file of the map.
        snapshot: Id of the snapshot.
        source: Id of the source.
        gate: Log index of the gate record.
        digests: Record digests of source rows, asked in ascending order; uint8[n, 32].
        grounds: Leaf hashes of log entries by ascending index; uint8[n, 32].
        members: Secrets and enrolments.
        epoch: Fresh lineage epoch E, 16 bytes, drawn after the members' secrets.
        salts: Returns so many fresh random bytes; 32 are taken for each party record.
        ports: Kernel, spill, and what runs parts.

    Raises:
        ConflictError: `snapshot.erased-member`, a party's secret has been erased;
            `map.bucket-overfull`.
        EvidenceError: `gate.replay-differs`, the source is another than the gate read.
    """
    parties = 2 * gated.record.kept
    with MapBuilder(ordinals=members.count, party_records=parties, ports=ports) as builder:
        records = _write_rows(gated, folder, builder, digests, salts)
        with (
            folder.create(OPENINGS) as stream,
            pq.ParquetWriter(stream, OPENINGS_SCHEMA, compression="zstd") as writer,
        ):

            def keep(part: pa.Table) -> None:
                writer.write_table(part, row_group_size=_OPENING_GROUP_ROWS)

            built = builder.build(
                epoch=epoch,
                k=None,
                members=members.range,
                grounds=grounds,
                write=write_map,
                keep=keep,
            )
    manifest = Manifest(
        snapshot=snapshot,
        parent=None,
        source=source,
        use=gated.record.scope,
        gate=gate,
        epoch=epoch.hex(),
        k=built.k,
        root=built.root.hex(),
        records=records,
        members=built.members,
        party_records=built.party_records,
        files=(DataFile(name=DATA, sha256=folder.digests[DATA], rows=records),),
    )
    _write(folder, MANIFEST, manifest.encode())
    return Sealing(manifest=manifest, digests=dict(folder.digests))


def seal_delta(
    parent: SealedSnapshot,
    removed: Longs,
    *,
    folder: Folder,
    write_map: Callable[[str, bytes], None],
    reader: MapReader,
    openings: pa.Table,
    overlay: Mapping[str, str],
    snapshot: str,
    gate: int,
    members: Members,
    ports: Ports,
) -> Sealing:
    """Seal a parent without some rows: same lineage epoch, same salts, no Parquet of it rewritten.

    The change is proved to itself before anything is logged: the audit proof of the new map
    against the old must verify, which also checks every node that was read.

    Args:
        parent: The snapshot to take rows from.
        removed: Positions to remove, all alive in the parent.
        folder: Where its files go.
        write_map: Takes each file of the map that differs from the parent's.
        reader: The parent's map.
        openings: All openings, in the parent, of every party of a removed row.
        overlay: Which snapshot of the lineage holds a file of the parent's map, where it is not
            the one that holds the whole map.
        snapshot: Id of the new snapshot.
        gate: Log index of the gate record that no longer admits the rows.
        members: Secrets and enrolments.
        ports: The kernel.

    Raises:
        ConflictError: `snapshot.not-held`, a position that the parent does not hold;
            `snapshot.erased-member`.
        EvidenceError: `map.root-mismatch`, the parent's map is not what was logged.
    """
    if not np.isin(removed, parent.alive).all():
        raise ConflictError("a row to remove is not in the snapshot", code="snapshot.not-held")
    epoch = bytes.fromhex(parent.manifest.epoch)
    stays = pc.invert(pc.is_in(openings["row"], value_set=pa.array(np.unique(removed))))
    rest = openings.filter(stays)
    held = np.unique(openings["ordinal"].to_numpy())
    left = np.setdiff1d(held, rest["ordinal"].to_numpy())
    put = _entries(rest, members, epoch, ports)
    gone = _labels(members, left, epoch)
    changed = changed_buckets(reader, removed=gone, put=put)
    change = changed_files(reader, changed)
    _prove(reader, change.files, change.root, change.touched)
    for path, data in change.files.items():
        write_map(path, data)
    alive = np.setdiff1d(parent.alive, removed)
    vector = np.setdiff1d(np.arange(parent.manifest.files[0].rows, dtype=np.int64), alive)
    _write(folder, REMOVED, write_table(pa.table({"row": pa.array(vector)})))
    holders = {**overlay, **dict.fromkeys(change.files, snapshot)}
    _write(folder, OVERLAY, write_table(_overlay_table(holders)))
    manifest = replace(
        parent.manifest,
        snapshot=snapshot,
        parent=parent.index,
        gate=gate,
        root=change.root.hex(),
        records=len(alive),
        members=parent.manifest.members - len(gone),
        party_records=parent.manifest.party_records - openings.num_rows + rest.num_rows,
        removed=DataFile(name=REMOVED, sha256=folder.digests[REMOVED], rows=len(vector)),
    )
    _write(folder, MANIFEST, manifest.encode())
    return Sealing(
        manifest=manifest,
        digests=dict(folder.digests),
        touched=len(change.touched),
        hashes=change.hashes,
    )


def _write_rows(
    gated: GatedTable,
    folder: Folder,
    builder: MapBuilder,
    digests: Callable[[Longs], Rows],
    salts: Callable[[int], bytes],
) -> int:
    """Write the kept rows, put their openings aside; return how many rows."""
    records = 0
    schema = gated.schema.remove_metadata()
    with (
        folder.create(DATA) as stream,
        pq.ParquetWriter(stream, schema, compression="zstd", store_schema=True) as writer,
    ):
        for kept in _grouped(gated.batches()):
            rows = pa.Table.from_batches([part.batch for part in kept]).replace_schema_metadata()
            if rows.num_rows:
                writer.write_table(rows.cast(schema), row_group_size=_GROUP_ROWS)
            for part in kept:
                builder.add(_openings(part, records, digests, salts))
                records += len(part.rows)
    return records


def _grouped(batches: Iterator[KeptBatch]) -> Iterator[list[KeptBatch]]:
    """Yield batches together until they make a row group."""
    held: list[KeptBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(len(part.rows) for part in held) >= _GROUP_ROWS:
            yield held
            held = []
    if held:
        yield held


def _openings(
    kept: KeptBatch, first: int, digests: Callable[[Longs], Rows], salts: Callable[[int], bytes]
) -> pa.Table:
    """Return the openings of a batch whose first row has the position `first`."""
    grounds = kept.grounds
    at = np.repeat(np.arange(len(kept.rows)), np.diff(grounds.offsets))
    fresh = np.frombuffer(salts(2 * SALT_BYTES * len(at)), np.uint8).reshape(-1, 2 * SALT_BYTES)
    return pa.table(
        {
            "row": pa.array(at + first),
            "ordinal": pa.array(grounds.member),
            "role": pa.array(grounds.role),
            "ground": pa.array(grounds.ground),
            "ground_index": pa.array(grounds.index),
            "salt": binary(fresh[:, :SALT_BYTES]),
            "ground_salt": binary(fresh[:, SALT_BYTES:]),
            "digest": binary(digests(kept.rows)[at]),
        }
    )


def _entries(openings: pa.Table, members: Members, epoch: bytes, ports: Ports) -> list[bytes]:
    """Return the entries of all members of some openings."""
    if not openings.num_rows:
        return []
    columns = OpeningColumns.of(openings)
    held, place = np.unique(columns.ordinal, return_inverse=True)
    made, _ = entries(
        replace(columns, ordinal=place.astype(np.int64)),
        members.take(held),
        first=0,
        epoch=epoch,
        hash_rows=ports.hash_rows,
    )
    return [row.tobytes() for row in made]


def _labels(members: Members, ordinals: Longs, epoch: bytes) -> list[bytes]:
    if not len(ordinals):
        return []
    enrolled = members.take(ordinals)
    if enrolled.erased.any():
        raise ConflictError(
            "a member of this snapshot has been erased; unlearn first",
            code="snapshot.erased-member",
        )
    return [label(secret.tobytes(), epoch)[:LABEL_BYTES] for secret in enrolled.secrets]


def _prove(
    reader: MapReader, files: Mapping[str, bytes], root: bytes, touched: tuple[int, ...]
) -> None:
    """Verify the audit proof of a change, in as many parts as a proof's limit asks for."""

    def read(path: str) -> bytes:
        return files[path] if path in files else reader.file(path)

    after = MapReader(k=reader.k, epoch=reader.epoch, root=root, read=read)
    if len(touched) <= MAX_CHANGES:
        proof = audit(reader, after, touched) if touched else DeltaProof(changes=(), siblings=())
        verify_delta(proof, k=reader.k, old_root=reader.root, new_root=root)


def _overlay_table(holders: Mapping[str, str]) -> pa.Table:
    paths = sorted(holders)
    return pa.table([paths, [holders[path] for path in paths]], schema=_OVERLAY)


def _write(folder: Folder, name: str, data: bytes) -> None:
    with folder.create(name) as stream:
        stream.write(data)
