"""Check a snapshot's map from end to end, rebuild it where its files were lost, gate it again.

(1) every hash of the map is taken again from its files, and they lead to the logged root;
(2) every opening, committed to again under its member's secret, is an entry of the map;
(3) what the map holds beyond that are members who were erased, and no others.
After an erasure (2) holds for who is left, and (3) counts who is not. Cost: as building it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from byleave.errors import EvidenceError, RefusedError
from byleave.service.gate import compile_for, dry_run, reasons_of, run_gate
from byleave.service.house import House
from byleave.service.snapshot import (
    MAP,
    LedgerMembers,
    base_of,
    entry_leaves,
    map_reader,
    open_snapshot,
    openings_of,
    seal_without,
    snapshot_document,
    source_rows_of,
)
from byleave.service.source import open_source
from byleave.snapshot.commit import ENTRY_BYTES, bucket_hashes, entry_keys, sort_entries
from byleave.snapshot.hashing import Rows
from byleave.snapshot.map_files import MapReader, bucket_path, damaged, tile_files
from byleave.snapshot.partition import MapBuilder
from byleave.snapshot.sealed import OVERLAY, erased

__all__ = ["Checked", "check_snapshot", "map_entries", "renew", "repair_map"]

_FILES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found to hold.

    Attributes:
        members: Members in the map.
        party_records: Openings that lead into it.
        erased: Members in it who were erased since.
        readable: Whether its rows can still be read: no row it holds was erased.
    """

    members: int
    party_records: int
    erased: int
    readable: bool


def check_snapshot(house: House, name: str) -> Checked:
    """Check everything a snapshot has, files and map.

    Raises:
        EvidenceError: `snapshot.digest`, `snapshot.map-damaged`, `snapshot.manifest`.
    """
    _, document = snapshot_document(house, name)
    readable = True
    try:
        open_snapshot(house, name)
    except type(erased()):
        readable = False
    reader = map_reader(house, name)
    found = map_entries(house, reader)
    if len(found) != document["members"]:
        raise _differs("the map holds another number of members than was logged")
    openings = openings_of(house, name)
    own, _ = _rebuilt(house, name, reader.k)
    keys = entry_keys(found)
    place = np.searchsorted(keys, entry_keys(own))
    inside = np.minimum(place, max(len(found) - 1, 0))
    if len(own) and not (len(found) and (found[inside] == own).all()):
        raise _differs("the openings do not lead to the snapshot's root")
    missing = len(found) - len(own)
    _, base = base_of(house, name)
    if missing and not 0 <= missing <= len(base.get("erased_members", [])):
        raise _differs("openings of members who were not erased are gone")
    return Checked(
        members=len(found), party_records=openings.num_rows, erased=missing, readable=readable
    )


def map_entries(house: House, reader: MapReader) -> Rows:
    """Return all entries of a map, uint8[members, 48] by label, every hash taken again.

    Raises:
        EvidenceError: `snapshot.map-damaged`, with the first file that does not hold.
    """
    k, hash_rows = reader.k, house.building.hash_rows
    width = min(256, 1 << k)
    parts, tops = [], []
    for first in range(0, (1 << k) // width, _FILES_AT_ONCE):
        last = min(first + _FILES_AT_ONCE, (1 << k) // width)
        data = [reader.file(bucket_path(number, k)) for number in range(first, last)]
        loads = np.frombuffer(b"".join(d[:width] for d in data), np.uint8).astype(np.int64)
        rows = np.frombuffer(b"".join(d[width:] for d in data), np.uint8)
        if len(rows) != ENTRY_BYTES * int(loads.sum()):
            raise damaged(bucket_path(first, k))
        found = rows.reshape(-1, ENTRY_BYTES)
        leaves = bucket_hashes(found, loads, hash_rows)
        files, above = tile_files(leaves, level=0, first=first, k=k, hash_rows=hash_rows)
        _same(reader, files)
        parts.append(found)
        tops.append(above)
    nodes = np.concatenate(tops)
    for level in range(1, k // 8 + 1):
        files, nodes = tile_files(nodes, level=level, first=0, k=k, hash_rows=hash_rows)
        _same(reader, files)
    if nodes.tobytes() != reader.root:
        raise damaged(bucket_path(0, k))
    entries = np.concatenate(parts)
    if len(entries) and (sort_entries(entries) != entries).any():
        raise damaged(bucket_path(0, k))
    return entries


def repair_map(house: House, name: str) -> int:
    """Rebuild a snapshot's map from its openings and put it in its folder; return its files.

    Raises:
        EvidenceError: `snapshot.digest`, the openings do not lead to the logged root.
        ConflictError: `snapshot.erased-member`: what an erasure took cannot be rebuilt.
    """
    _, document = snapshot_document(house, name)
    reader = map_reader(house, name)
    kept: dict[str, bytes] = {}
    root, _ = _build(house, name, reader.k, kept)
    if root != reader.root:
        raise _differs("the openings do not lead to the snapshot's root")
    folder = house.artefacts.path(document["kind"], name) / MAP
    files = house.map_files(folder)
    for path, data in kept.items():
        files.write(path, data)
    files.flush()
    if OVERLAY in document["files"]:
        whole = {n: digest for n, digest in document["files"].items() if n != OVERLAY}
        with house.ledger.writing() as writer:
            writer.replace_object("snapshot", name, {**document, "files": whole})
    return len(kept)


def renew(house: House, name: str) -> tuple[str, int]:
    """Seal a delta of a snapshot without the rows that the gate no longer admits.

    Returns:
        Id of the delta, and how many rows it removed.

    Raises:
        RefusedError: `snapshot.nothing-to-renew`.
    """
    with house.aside():
        sealed = open_snapshot(house, name)
        manifest = sealed.manifest
        source = open_source(house, manifest.source)
        admitted = dry_run(house, source, compile_for(house, source, manifest.use)).rows
        places = source_rows_of(house, sealed)[sealed.alive]
    if np.isin(places, admitted).all():
        raise _nothing_to_renew()
    gate_id, gate, _ = run_gate(house, manifest.source, manifest.use)
    gone = sealed.alive[np.isin(places, reasons_of(house, gate_id)["row"].to_numpy())]
    if not len(gone):  # somebody said yes again between the two
        raise _nothing_to_renew()
    delta, _ = seal_without(house, sealed, gone, gate=gate)
    return delta, len(gone)


def _nothing_to_renew() -> RefusedError:
    return RefusedError(
        "the gate still admits every row of the snapshot", code="snapshot.nothing-to-renew"
    )


def _same(reader: MapReader, files: Iterator[tuple[str, bytes]]) -> None:
    for path, data in files:
        if reader.file(path) != data:
            raise damaged(path)


def _rebuilt(house: House, name: str, k: int) -> tuple[Rows, int]:
    """Return the entries that the openings held lead to, by label, and how many openings."""
    kept: dict[str, bytes] = {}
    _, count = _build(house, name, k, kept)
    width = min(256, 1 << k)
    rows = b"".join(
        kept[bucket_path(number, k)][width:] for number in range(max((1 << k) // width, 1))
    )
    return np.frombuffer(rows, np.uint8).reshape(-1, ENTRY_BYTES), count


def _build(house: House, name: str, k: int, kept: dict[str, bytes]) -> tuple[bytes, int]:
    openings = openings_of(house, name)
    epoch = map_reader(house, name).epoch
    members = LedgerMembers(house)
    with MapBuilder(
        ordinals=members.count, party_records=openings.num_rows, ports=house.building
    ) as builder:
        builder.add(openings)
        built = builder.build(
            epoch=epoch,
            k=k,
            members=members.range,
            grounds=lambda indexes: entry_leaves(house, indexes),
            write=kept.__setitem__,
            keep=_dropped,
        )
    return built.root, built.party_records


def _dropped(part: Any) -> None:  # noqa: ANN401 (a table nobody needs)
    del part


def _differs(what: str) -> EvidenceError:
    return EvidenceError(what, code="snapshot.digest", where="openings.parquet")
