"""Seal gated rows, store and log the snapshot, open it again, and read its map.

A lineage keeps its rows, its openings and its whole map in the folder of its first snapshot. A
delta's folder holds what differs: a deletion vector, the changed files of the map, and which
snapshot of the lineage holds a file that changed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave import merkle
from byleave.canonical import sha256
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import LABEL_BYTES, AbsenceProof, PresenceProof, label
from byleave.evidence.entry import SnapshotEntry, parse_entry
from byleave.gate.result import GatedTable
from byleave.ids import to_us
from byleave.service.gate import reasons_of, replay_gate
from byleave.service.house import House
from byleave.service.source import open_source
from byleave.service.steps import Progress, built_in_steps
from byleave.snapshot.commit import Enrolled, fixed
from byleave.snapshot.hashing import Longs, Rows
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.openings import member_openings, opened_records
from byleave.snapshot.sealed import (
    DATA,
    MANIFEST,
    OPENINGS,
    OVERLAY,
    REMOVED,
    Erasures,
    SealedSnapshot,
    digest_of_file,
    open_sealed,
    read_table,
)
from byleave.snapshot.sealing import Sealing, seal, seal_delta

__all__ = [
    "LedgerMembers",
    "entry_leaves",
    "heard_by",
    "leaves",
    "map_proof",
    "map_reader",
    "member_rows",
    "next_name",
    "open_snapshot",
    "openings_of",
    "openings_parts",
    "removed_rows",
    "seal_gate",
    "seal_without",
    "snapshot_document",
    "source_rows",
    "source_rows_of",
    "store",
]

EPOCH_BYTES: Final = 16
MAP: Final = "map"
_READ_AT_ONCE: Final = 4096
_PART_ROWS: Final = 1 << 16


def seal_gate(
    house: House,
    gate: str,
    *,
    gated: GatedTable | None = None,
    name: str | None = None,
    kind: str = "snapshots",
) -> tuple[str, int, Sealing]:
    """Seal what a logged gate let through.

    Others may write while it is computed. What they say meanwhile changes nothing of it: a snapshot
    holds what its gate let through, and whoever said no since is found by what the gate admits now.

    Args:
        house: The workspace's ports.
        gate: Id of the gate.
        gated: Its gated table where this process still holds it; else the gate is replayed.
        name: Id of the snapshot; default the next `set-N`.
        kind: Where its files stand.

    Returns:
        Id, log index, and what was sealed.

    Raises:
        EvidenceError: `gate.replay-differs`.

    `house.progress` is called between batches and between parts of the map, the last time before
    anything is logged: where it raises, no file of the snapshot stays.
    """
    with house.artefacts.draft("snapshot", _names(house, name)) as (snapshot, folder):
        with house.aside(rules=False):
            index, document, gated = _gated(house, gate, gated)
            source = open_source(house, document["source"])
            files = house.map_files(folder.path / MAP)
            sealing = seal(
                gated,
                folder=folder,
                write_map=files.write,
                snapshot=snapshot,
                source=source.name,
                gate=index,
                digests=_digests(source.digest_batches(), gated.record.rows, house.progress),
                grounds=lambda indexes: entry_leaves(house, indexes),
                members=LedgerMembers(house),
                epoch=house.random(EPOCH_BYTES),
                salts=house.random,
                ports=built_in_steps(house.building, house.progress),
            )
            files.flush()
        for file in source.files:
            house.artefacts.require_same(file.path, file.stamp)
        folder.settle(house.artefacts.path(kind, snapshot))
        return snapshot, store(house, sealing, kind=kind), sealing


def seal_without(
    house: House,
    parent: SealedSnapshot,
    removed: npt.NDArray[np.int64],
    *,
    gate: int,
    name: str | None = None,
) -> tuple[str, int]:
    """Seal a delta of `parent` without the rows at these positions; by default the next `set-N`.

    Others may write while it is computed; where one of them sealed the delta of this parent and
    this gate meanwhile, theirs is returned and nothing is written.
    """
    above = parent.manifest.snapshot
    _, document = snapshot_document(house, above)
    kind = document["kind"]
    with house.artefacts.draft("snapshot", _names(house, name)) as (snapshot, folder):
        with house.aside(rules=False):
            files = house.map_files(folder.path / MAP)
            sealing = seal_delta(
                parent,
                removed,
                folder=folder,
                write_map=files.write,
                reader=map_reader(house, above),
                openings=_parties_openings(house, above, removed),
                overlay=_overlay(house, above),
                snapshot=snapshot,
                gate=gate,
                members=LedgerMembers(house),
                ports=house.building,
            )
            files.flush()
        for index, other, _, theirs in house.ledger.objects("snapshot"):
            if (theirs["parent"], theirs["gate"]) == (parent.index, gate):
                return other, index
        folder.settle(house.artefacts.path(kind, snapshot))
        return snapshot, store(house, sealing, kind=kind)


def store(house: House, sealing: Sealing, *, kind: str = "snapshots") -> int:
    """Write a sealed snapshot's ledger row and log entry; return the log index."""
    manifest = sealing.manifest
    entry = SnapshotEntry(
        snapshot=manifest.snapshot,
        parent=manifest.parent,
        epoch=bytes.fromhex(manifest.epoch),
        k=manifest.k,
        root=bytes.fromhex(manifest.root),
        members=manifest.members,
        records=manifest.records,
        use=manifest.use,
        gate=manifest.gate,
        manifest=sha256(manifest.encode()),
    )
    document: dict[str, Any] = {
        "snapshot": manifest.snapshot,
        "kind": kind,
        "source": manifest.source,
        "use": manifest.use,
        "gate": manifest.gate,
        "parent": manifest.parent,
        "records": manifest.records,
        "members": manifest.members,
        "party_records": manifest.party_records,
        "k": manifest.k,
        "root": manifest.root,
        "files": dict(sealing.digests),
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "snapshot",
            manifest.snapshot,
            index=index,
            at_us=to_us(house.now()),
            document=document,
        )
    return index


def open_snapshot(house: House, name: str) -> SealedSnapshot:
    """Open a snapshot: inclusion in the log first, then every digest.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `snapshot.digest`, or a code of `merkle.verify_inclusion`.
        ErasedError: `evidence.erased`, the snapshot holds rows that were erased.
    """
    index, document = snapshot_document(house, name)
    entry = included(house, index)
    kind = document["kind"]
    _, base = base_of(house, name)
    return open_sealed(
        entry=parse_entry(entry, SnapshotEntry),
        index=index,
        manifest=house.artefacts.read(kind, name, MANIFEST),
        data=_opened(house, base, DATA),
        removed=house.artefacts.read(kind, name, REMOVED) if REMOVED in document["files"] else None,
        erasures=_erasures(base),
    )


def openings_of(house: House, name: str) -> pa.Table:
    """Return the private openings of a snapshot: its lineage's, less the rows removed.

    Holds them all; `openings_parts` does not.

    Raises:
        EvidenceError: `snapshot.digest`.
    """
    return pa.concat_tables(openings_parts(house, name)).combine_chunks()


def openings_parts(house: House, name: str) -> Iterator[pa.Table]:
    """Yield the same part after part, in the order of members; at least one, which may be empty.

    Raises:
        EvidenceError: `snapshot.digest`, before the first part.
    """
    _, base = base_of(house, name)
    source = _opened(house, base, OPENINGS)
    if digest_of_file(source) != base["files"][OPENINGS]:
        raise EvidenceError(
            "the openings differ from the ledger's digest", code="snapshot.digest", where=OPENINGS
        )
    gone = removed_rows(house, name)
    with source, pq.ParquetFile(source) as file:
        yield file.schema_arrow.empty_table()
        for batch in file.iter_batches(batch_size=_PART_ROWS):
            part = pa.Table.from_batches([batch])
            yield part if gone is None else _without(part, gone)


def member_rows(house: House, name: str, ordinal: int) -> pa.Table:
    """Return the openings of one member in a snapshot, by position and role.

    Reads only the row groups that may hold them: openings stand in the order of members. Their
    digest is not compared; a proof made of them is checked against the map's root.
    """
    _, base = base_of(house, name)
    path = house.artefacts.path(base["kind"], base["snapshot"], OPENINGS)
    try:
        found = pq.read_table(path, filters=[("ordinal", "=", ordinal)])
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError(
            "the openings cannot be read", code="snapshot.digest", where=OPENINGS
        ) from error
    gone = removed_rows(house, name)
    return member_openings(found if gone is None else _without(found, gone), ordinal)


def map_reader(house: House, name: str) -> MapReader:
    """Return a reader of a snapshot's map; what it returns leads to the logged root or is refused.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    index, document = snapshot_document(house, name)
    entry = parse_entry(house.ledger.read(index, index + 1)[0], SnapshotEntry)
    base_name, base = _map_base(house, name)
    holders = _overlay(house, name)
    folders = {
        holder: house.map_files(house.artefacts.path(document["kind"], holder) / MAP)
        for holder in set(holders.values())
    }
    whole = house.map_files(house.artefacts.path(base["kind"], base_name) / MAP)

    def read(path: str) -> bytes:
        holder = holders.get(path)
        return (whole if holder is None else folders[holder]).read(path)

    return MapReader(k=entry.k, epoch=entry.epoch, root=entry.root, read=read)


def map_proof(
    house: House, name: str, ordinal: int, secret: bytes, *, reader: MapReader | None = None
) -> AbsenceProof | PresenceProof:
    """Return what a snapshot's map shows of a member: exactly their records, or that none is in it.

    Args:
        house: The workspace's ports.
        name: Id of the snapshot.
        ordinal: The member's.
        secret: Their r.
        reader: The map's reader, where many proofs are made.

    Raises:
        EvidenceError: `snapshot.map-damaged`.
    """
    tree = reader or map_reader(house, name)
    public = label(secret, tree.epoch)[:LABEL_BYTES]
    own = member_rows(house, name, ordinal)
    if not own.num_rows:
        return tree.absence(public)
    return tree.presence(public, opened_records(own, with_grounds=True))


def snapshot_document(house: House, name: str) -> tuple[int, dict[str, Any]]:
    """Return a snapshot's log index and document.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("snapshot", name)
    if found is None:
        raise InputError(f"no snapshot {name!r}", code="workspace.unknown-object")
    return found[0], found[2]


class LedgerMembers:
    """Secrets and enrolments out of the ledger; the leaves are hashed range by range.

    Holds every member's secret: 40 bytes a member, and the ledger's rows while it is made.
    """

    def __init__(self, house: House) -> None:
        rows = house.ledger.members()
        self._house = house
        self._indexes = np.array([row[3] for row in rows], np.int64)
        self._erased = np.array([row[2] is None for row in rows], np.bool_)
        raw = b"".join([row[2] or bytes(32) for row in rows])
        self._secrets = np.frombuffer(raw, np.uint8).reshape(-1, 32)

    @property
    def count(self) -> int:
        """Ordinals are below this number."""
        return len(self._indexes)

    def range(self, first: int, last: int) -> Enrolled:
        """Return the members with first <= ordinal < last."""
        return self.take(np.arange(first, min(last, self.count)))

    def take(self, ordinals: Longs) -> Enrolled:
        """Return the members with these ordinals, ascending."""
        indexes = self._indexes[ordinals]
        return Enrolled(
            secrets=self._secrets[ordinals],
            indexes=indexes,
            leaves=entry_leaves(self._house, indexes),
            erased=self._erased[ordinals],
        )


def leaves(house: House, indexes: Iterable[int]) -> dict[int, bytes]:
    """Return the RFC 6962 leaf hash of log entries, by index."""
    wanted = sorted(set(indexes))
    return dict(zip(wanted, map(bytes, entry_leaves(house, wanted)), strict=True))


def entry_leaves(house: House, indexes: Iterable[int] | Longs) -> Rows:
    """Return the RFC 6962 leaf hash of log entries, uint8[n, 32], in the order of ascending indexes.

    Entries are read some thousands at a time. Cost: one hash an entry, in a Python loop.
    """
    wanted = np.asarray(indexes, np.int64)
    leaves = np.empty((len(wanted), 32), np.uint8)
    at = 0
    while at < len(wanted):
        start = int(wanted[at])
        end = int(np.searchsorted(wanted, start + _READ_AT_ONCE))
        entries = house.ledger.read(start, int(wanted[end - 1]) + 1)
        hashes = [merkle.leaf_hash(entries[i - start]) for i in wanted[at:end].tolist()]
        leaves[at:end] = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
        at = end
    return leaves


def source_rows_of(house: House, snapshot: SealedSnapshot) -> npt.NDArray[np.int64]:
    """Return the source row of each position of a snapshot's data file.

    Positions number the rows that the lineage's first gate kept: those it has no reason for.
    """
    return source_rows(house, snapshot.manifest.snapshot)


def source_rows(house: House, name: str) -> npt.NDArray[np.int64]:
    """Return the source row of each position of a snapshot's data file, by its name."""
    _, document = base_of(house, name)
    gate = _object_at(house, document["gate"])
    dropped = reasons_of(house, gate["gate"])
    return np.setdiff1d(np.arange(gate["rows"], dtype=np.int64), dropped["row"].to_numpy())


def included(house: House, index: int) -> bytes:
    """Return a log entry after checking its inclusion under the published checkpoint."""
    return house.log.logged(index).entry


def _names(house: House, wanted: str | None) -> Iterator[str]:
    """Yield the names that a new snapshot may have, best first."""
    stem = "set" if wanted is None else wanted
    taken = {name for _, name, _, _ in house.ledger.objects("snapshot")}
    numbered = (f"{stem}-{number}" for number in count(1))
    return (n for n in (numbered if wanted is None else chain([stem], numbered)) if n not in taken)


def _gated(
    house: House, gate: str, gated: GatedTable | None
) -> tuple[int, dict[str, Any], GatedTable]:
    """Return a gate's log index and document, and its gated table, made again where need be."""
    if gated is None:
        return replay_gate(house, gate)
    found = house.ledger.object("gate", gate)
    if found is None or found[2]["plan"] != gated.plan.digest.hex():
        raise InputError(f"no gate {gate!r} of this table", code="workspace.unknown-object")
    return found[0], found[2], gated


def heard_by(house: House, name: str) -> int:
    """Return the last log entry that the gate of a snapshot had read: what came later it has not."""
    _, document = snapshot_document(house, name)
    return int(_object_at(house, document["gate"])["ledger"])


def next_name(house: House, kind: str, stem: str) -> str:
    """Return `stem-N` for the next object of a kind."""
    taken = {name for _, name, _, _ in house.ledger.objects(kind)}
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def base_of(house: House, name: str) -> tuple[int, dict[str, Any]]:
    """Return log index and document of the first snapshot of a lineage: it has rows and openings."""
    index, document = snapshot_document(house, name)
    while document["parent"] is not None:
        index, document = document["parent"], _object_at(house, document["parent"])
    return index, document


def _map_base(house: House, name: str) -> tuple[str, dict[str, Any]]:
    """Return id and document of the snapshot that holds the whole map: the first, unless repaired."""
    _, document = snapshot_document(house, name)
    while document["parent"] is not None and OVERLAY in document["files"]:
        document = _object_at(house, document["parent"])
    return document["snapshot"], document


def _overlay(house: House, name: str) -> dict[str, str]:
    """Return which snapshot holds a file of the map that is not the first one's."""
    _, document = snapshot_document(house, name)
    if OVERLAY not in document["files"]:
        return {}
    data = house.artefacts.read(document["kind"], name, OVERLAY)
    if sha256(data).hex() != document["files"][OVERLAY]:
        raise EvidenceError(
            "the overlay differs from the ledger's digest", code="snapshot.digest", where=OVERLAY
        )
    table = read_table(data)
    return dict(zip(table["path"].to_pylist(), table["holder"].to_pylist(), strict=True))


def removed_rows(house: House, name: str) -> pa.Array | None:
    """Return the positions that a delta does not hold; None of a first snapshot.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `snapshot.digest`.
    """
    _, document = snapshot_document(house, name)
    if REMOVED not in document["files"]:
        return None
    data = house.artefacts.read(document["kind"], name, REMOVED)
    if sha256(data).hex() != document["files"][REMOVED]:
        raise EvidenceError(
            "the deletion vector differs from the ledger's digest",
            code="snapshot.digest",
            where=REMOVED,
        )
    return read_table(data)["row"].combine_chunks()


def _without(openings: pa.Table, rows: pa.Array) -> pa.Table:
    return openings.filter(pc.invert(pc.is_in(openings["row"], value_set=rows)))


def _opened(house: House, base: dict[str, Any], name: str) -> pa.NativeFile:
    """Open a file of a lineage's first snapshot.

    Raises:
        EvidenceError: `workspace.damaged`, the ledger names it and it is gone.
    """
    path = house.artefacts.path(base["kind"], base["snapshot"], name)
    try:
        return pa.OSFile(str(path))
    except OSError as error:
        raise EvidenceError(
            "a file that the ledger names cannot be read",
            code="workspace.damaged",
            where=str(path),
        ) from error


def _parties_openings(house: House, name: str, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Return all openings, in a snapshot, of every party of some of its rows; two passes."""
    wanted = pa.array(np.unique(rows))
    hits = [
        part["ordinal"].filter(pc.is_in(part["row"], value_set=wanted))
        for part in openings_parts(house, name)
    ]
    parties = pc.unique(
        pa.chunked_array([chunk for hit in hits for chunk in hit.chunks], pa.int64())
    )
    return pa.concat_tables(
        part.filter(pc.is_in(part["ordinal"], value_set=parties))
        for part in openings_parts(house, name)
    )


def _digests(
    batches: Iterator[pa.Array], total: int, progress: Progress
) -> Callable[[Longs], Rows]:
    """Return a function that looks up digests of ascending row numbers in one pass.

    Before each look-up `progress` is told how far in `total` rows it is.
    """
    held = np.empty((0, 32), np.uint8)
    first = 0

    def look_up(rows: Longs) -> Rows:
        nonlocal held, first
        if not len(rows):
            return np.empty((0, 32), np.uint8)
        progress("rows sealed", int(rows[0]), total)
        held, first = held[int(rows[0]) - first :], int(rows[0])
        parts = [held]
        have = len(held)
        while have <= int(rows[-1]) - first:
            part = fixed(next(batches))
            have += len(part)
            parts.append(part)
        held = np.concatenate(parts)
        return held[rows - first]

    return look_up


def _erasures(base: dict[str, Any]) -> Erasures | None:
    """Return what erasures did to a lineage's data file."""
    blank = base.get("erased")
    if blank is None:
        return None
    return Erasures(sha256=base["files"][DATA], rows=np.array(blank, np.int64))


def _object_at(house: House, index: int) -> dict[str, Any]:
    found = house.ledger.object_at(index)
    if found is None:
        raise EvidenceError("an object that the ledger names is gone", code="workspace.damaged")
    document: dict[str, Any] = found[3]
    return document
