"""Make the proof files about what the platform did: they name no member and need no receipt."""

from __future__ import annotations

from typing import Any

from byleave import canonical
from byleave.errors import InputError
from byleave.evidence.entry import ReleaseEntry, SnapshotEntry, UnlearningEntry, parse_entry
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import DisclosureFile, LineageFile, UnlearningFile
from byleave.service.house import House
from byleave.service.model import release_object
from byleave.service.snapshot import snapshot_document

__all__ = ["disclosure_proof", "lineage_proof", "unlearning_proof"]


def lineage_proof(house: House, release: str) -> bytes:
    """Return the proof of which snapshots, back to the first gate, a release came from.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    index, _ = release_object(house, release)
    logged = house.log.logged(index)
    entry = parse_entry(logged.entry, ReleaseEntry)
    snapshots: list[LoggedEntry] = []
    gates: list[LoggedEntry] = []
    at: int | None = entry.snapshot
    while at is not None:
        snapshots.append(house.log.logged(at))
        sealed = parse_entry(snapshots[-1].entry, SnapshotEntry)
        gates.append(house.log.logged(sealed.gate))
        at = sealed.parent
    return encode_proof_file(
        LineageFile(
            release=logged,
            recipe=house.log.logged(entry.recipe),
            snapshots=tuple(snapshots),
            gates=tuple(gates),
        )
    )


def unlearning_proof(house: House, name: str) -> bytes:
    """Return the proof of an unlearning.

    Args:
        house: The workspace's ports.
        name: Id of the unlearning (`OLD-to-NEW`), or of the release it made.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = [
        index
        for index, own, _, document in house.ledger.objects("unlearning")
        if name in {own, document["to"]}
    ]
    if not found:
        raise InputError(f"no unlearning {name!r}", code="workspace.unknown-object")
    logged = house.log.logged(found[-1])
    entry = parse_entry(logged.entry, UnlearningEntry)
    old, new = house.log.logged(entry.from_), house.log.logged(entry.to)
    return encode_proof_file(
        UnlearningFile(
            unlearning=logged,
            old=old,
            old_snapshot=house.log.logged(parse_entry(old.entry, ReleaseEntry).snapshot),
            new=new,
            new_snapshot=house.log.logged(parse_entry(new.entry, ReleaseEntry).snapshot),
        )
    )


def disclosure_proof(house: House, name: str) -> bytes:
    """Return the proof of what was offered to whom, under which terms, and its recalls.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("disclosure", name)
    if found is None:
        raise InputError(f"no disclosure {name!r}", code="workspace.unknown-object")
    index, _, document = found
    snapshot, _ = snapshot_document(house, document["snapshot"])
    terms: Any = canonical.decode(document["terms"].encode())
    return encode_proof_file(
        DisclosureFile(
            disclosure=house.log.logged(index),
            snapshot=house.log.logged(snapshot),
            terms=terms,
            recalls=tuple(house.log.logged(at) for at in document["recalls"]),
        )
    )
