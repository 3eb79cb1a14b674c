"""Seal gated rows, store and log the snapshot, open it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave import merkle
from byleave.canonical import sha256
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import SnapshotEntry, parse_entry
from byleave.gate.result import GatedTable
from byleave.ids import to_us
from byleave.service.gate import reasons_of, replay_gate
from byleave.service.house import House
from byleave.service.source import open_source
from byleave.snapshot.bucket_map import BucketMap
from byleave.snapshot.sealed import (
    DATA,
    MANIFEST,
    OPENINGS,
    REMOVED,
    MemberSecrets,
    SealedSnapshot,
    Sealing,
    build_member_map,
    open_sealed,
    read_table,
    seal,
    seal_delta,
)

__all__ = [
    "map_of",
    "open_snapshot",
    "openings_of",
    "seal_gate",
    "seal_without",
    "snapshot_document",
    "source_rows_of",
    "store",
]

EPOCH_BYTES = 16
SALTS_PER_ROW = 32


def seal_gate(
    house: House,
    gate: str,
    *,
    gated: GatedTable | None = None,
    name: str | None = None,
    kind: str = "snapshots",
) -> tuple[str, int, Sealing]:
    """Seal what a logged gate let through.

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
    """
    if gated is None:
        index, document, gated = replay_gate(house, gate)
    else:
        found = house.ledger.object("gate", gate)
        if found is None or found[2]["plan"] != gated.plan.digest.hex():
            raise InputError(f"no gate {gate!r} of this table", code="workspace.unknown-object")
        index, _, document = found
    source = open_source(house, document["source"])
    sealing = seal(
        gated,
        snapshot=name or next_name(house, "snapshot", "set"),
        source=source.name,
        gate=index,
        digests=source.digests,
        grounds=leaves(house, np.unique(gated.grounds.index).tolist()),
        members=secrets(house),
        epoch=house.random(EPOCH_BYTES),
        salts=house.random(SALTS_PER_ROW * len(gated.grounds.member)),
    )
    return sealing.manifest.snapshot, store(house, sealing, kind=kind), sealing


def seal_without(
    house: House,
    parent: SealedSnapshot,
    removed: npt.NDArray[np.int64],
    *,
    gate: int,
) -> tuple[str, int, Sealing]:
    """Seal a delta of `parent` without the rows at these positions."""
    sealing = seal_delta(
        parent,
        openings_of(house, parent.manifest.snapshot),
        removed,
        snapshot=next_name(house, "snapshot", "set"),
        gate=gate,
        members=secrets(house),
    )
    return sealing.manifest.snapshot, store(house, sealing), sealing


def store(house: House, sealing: Sealing, *, kind: str = "snapshots") -> int:
    """Write a snapshot's files, then its ledger row and log entry; return the log index."""
    manifest = sealing.manifest
    house.artefacts.put(kind, manifest.snapshot, sealing.files)
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
        "files": {name: sha256(data).hex() for name, data in sealing.files.items()},
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
    """
    index, document = snapshot_document(house, name)
    entry = included(house, index)
    kind = document["kind"]
    return open_sealed(
        entry=parse_entry(entry, SnapshotEntry),
        index=index,
        manifest=house.artefacts.read(kind, name, MANIFEST),
        data=house.artefacts.read(*_data_place(house, document, name), DATA),
        removed=house.artefacts.read(kind, name, REMOVED) if REMOVED in document["files"] else None,
    )


def openings_of(house: House, name: str) -> pa.Table:
    """Return the private openings of a snapshot.

    Raises:
        EvidenceError: `snapshot.digest`.
    """
    _, document = snapshot_document(house, name)
    data = house.artefacts.read(document["kind"], name, OPENINGS)
    if sha256(data).hex() != document["files"][OPENINGS]:
        raise EvidenceError(
            "the openings differ from the ledger's digest", code="snapshot.digest", where=OPENINGS
        )
    return read_table(data)


def map_of(house: House, name: str) -> BucketMap:
    """Rebuild the bucket map of a snapshot from its openings, and compare its root."""
    _, document = snapshot_document(house, name)
    manifest = open_snapshot(house, name).manifest
    tree, _ = build_member_map(
        openings_of(house, name), secrets(house), bytes.fromhex(manifest.epoch), k=manifest.k
    )
    if tree.root.hex() != document["root"]:
        raise EvidenceError(
            "the openings do not lead to the snapshot's root",
            code="snapshot.digest",
            where=OPENINGS,
        )
    return tree


def snapshot_document(house: House, name: str) -> tuple[int, dict[str, Any]]:
    """Return a snapshot's log index and document.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("snapshot", name)
    if found is None:
        raise InputError(f"no snapshot {name!r}", code="workspace.unknown-object")
    return found[0], found[2]


def secrets(house: House) -> MemberSecrets:
    """Return what maps need of every member."""
    rows = house.ledger.members()
    enrolments = [row[3] for row in rows]
    return MemberSecrets(
        secrets=[row[2] for row in rows],
        enrolments=enrolments,
        leaves=leaves(house, enrolments),
    )


def leaves(house: House, indexes: Iterable[int]) -> dict[int, bytes]:
    """Return the RFC 6962 leaf hash of log entries, by index."""
    wanted = sorted(set(indexes))
    if not wanted:
        return {}
    start = wanted[0]
    entries = house.ledger.read(start, wanted[-1] + 1)
    return {i: merkle.leaf_hash(entries[i - start]) for i in wanted}


def source_rows_of(house: House, snapshot: SealedSnapshot) -> npt.NDArray[np.int64]:
    """Return the source row of each position of a snapshot's data file.

    Positions number the rows that the lineage's first gate kept: those it has no reason for.
    """
    _, document = snapshot_document(house, snapshot.manifest.snapshot)
    while document["parent"] is not None:
        document = _object_at(house, document["parent"])
    gate = _object_at(house, document["gate"])
    dropped = reasons_of(house, gate["gate"])
    return np.setdiff1d(np.arange(gate["rows"], dtype=np.int64), dropped["row"].to_numpy())


def included(house: House, index: int) -> bytes:
    """Return a log entry after checking its inclusion under the published checkpoint."""
    return house.log.logged(index).entry


def next_name(house: House, kind: str, stem: str) -> str:
    """Return `stem-N` for the next object of a kind."""
    taken = {name for _, name, _, _ in house.ledger.objects(kind)}
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _data_place(house: House, document: dict[str, Any], name: str) -> tuple[str, str]:
    """Return the folder that holds the data file: the lineage's first snapshot."""
    while document["parent"] is not None:
        document = _object_at(house, document["parent"])
        name = document["snapshot"]
    return document["kind"], name


def _object_at(house: House, index: int) -> dict[str, Any]:
    found = house.ledger.object_at(index)
    if found is None:
        raise EvidenceError("an object that the ledger names is gone", code="workspace.damaged")
    document: dict[str, Any] = found[3]
    return document
