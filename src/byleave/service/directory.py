"""The directory: for each member id one enrolment, shown by VRF, anew with each number.

Each directory has a key of its own, so that once the keys of old ones are gone nobody can ask them
about anybody again, while proofs made from them still verify (G10). Cost: one VRF output, about
0.5 ms, and three hashes per member; only rows and labels of the result are kept.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.canonical import sha256
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.evidence.bucket import LABEL_BYTES
from byleave.evidence.directory import directory_commitment, directory_input, directory_label
from byleave.evidence.entry import DirectoryEntry, EnrolmentEntry, parse_entry
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import DirectoryPart, EnrolledFile, NotEnrolledFile
from byleave.ids import to_us
from byleave.service.house import House, LedgerWriter
from byleave.service.snapshot import entry_leaves
from byleave.snapshot.directory_map import DirectoryMap, build_directory_map

__all__ = [
    "VrfProver",
    "build_directory",
    "check_directories",
    "covers",
    "directory_part",
    "directory_proof",
    "drop_rows",
    "forget_keys",
    "list_directories",
]

KIND: Final = "directories"
SLOTS: Final = "slots.parquet"
SEED_BYTES: Final = 32
_STEP: Final = 1_000
_ENROLMENT_TAIL: Final = EnrolmentEntry(commitment=bytes(32)).encode().rpartition(b"0" * 64)[2]


class VrfProver(Protocol):
    """A secret key of a VRF (`wiring.vrf.SodiumProver`)."""

    public_key: bytes

    def output(self, alpha: bytes) -> bytes: ...
    def prove(self, alpha: bytes) -> bytes: ...


Provers = Callable[[bytes], VrfProver]
"""Makes the key of 32 secret bytes."""


@dataclass(frozen=True, slots=True)
class _Opened:
    name: str
    index: int
    document: dict[str, Any]
    entry: DirectoryEntry


def build_directory(house: House, provers: Provers) -> str:
    """List every enrolled member's one enrolment in a new directory, and log it; return its name.

    Members whose secret has been erased are left out.
    """
    known = _known(house)
    previous = known[-1] if known else None
    number = 1 if previous is None else previous.entry.number + 1
    name = f"directory-{number}"
    seed = house.random(SEED_BYTES)
    prover = provers(seed)
    slots = _slots(house, prover, number)
    tree = _map(slots)
    files = {SLOTS: _write(slots)}
    house.artefacts.put(KIND, name, files)
    entry = DirectoryEntry(
        number=number,
        previous=None if previous is None else previous.index,
        k=tree.k,
        root=tree.root,
        vrf_key=prover.public_key,
        members=tree.members,
    )
    document: dict[str, Any] = {
        "directory": name,
        "number": number,
        "seed": seed.hex(),
        "members": tree.members,
        "k": tree.k,
        "root": tree.root.hex(),
        "files": {file: sha256(data).hex() for file, data in files.items()},
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            "directory", name, index=index, at_us=to_us(house.now()), document=document
        )
    return name


def list_directories(house: House) -> list[dict[str, Any]]:
    """Return every directory, oldest first; no key."""
    return [
        {
            "directory": found.name,
            "index": found.index,
            "number": found.entry.number,
            "members": found.entry.members,
            "k": found.entry.k,
            "root": found.entry.root.hex(),
            "vrf_key": found.entry.vrf_key.hex(),
            "can_prove": found.document["seed"] is not None,
        }
        for found in _known(house)
    ]


def directory_proof(
    house: House, provers: Provers, member: str, *, name: str | None = None
) -> tuple[str, bytes]:
    """Return what a directory says of an id, and the proof file; private: it holds the id.

    Args:
        house: The workspace's ports.
        provers: Makes keys.
        member: Any id, enrolled or not.
        name: A directory; default the newest.

    Raises:
        InputError: `workspace.unknown-object`, there is no such directory.
        RefusedError: `directory.key-gone`.
    """
    found = _open(house, name)
    prover, tree = _prover(found, provers), _map(_read(house, found))
    alpha = directory_input(found.entry.number, member)
    vrf = prover.prove(alpha)
    public = directory_label(prover.output(alpha))[:LABEL_BYTES]
    logged = house.log.logged(found.index)
    row = house.ledger.member(member)
    if row is not None and row[3] < found.index and _lists(tree, public):
        listed = EnrolledFile(
            directory=logged,
            enrolment=house.log.logged(row[3]),
            member=member,
            listed=tree.listed(public, vrf),
        )
        return listed.kind, encode_proof_file(listed)
    unlisted = NotEnrolledFile(directory=logged, member=member, vrf=vrf, proof=tree.absence(public))
    return unlisted.kind, encode_proof_file(unlisted)


def directory_part(
    house: House, provers: Provers, member: str, *, enrolment: int, snapshot: int
) -> DirectoryPart | None:
    """Return what holds an answer about a snapshot to one enrolment; None where nothing does.

    The newest directory before the snapshot that lists the member; else the oldest after it.
    """
    usable = [
        found
        for found in _known(house)
        if found.index > enrolment and found.document["seed"] is not None
    ]
    before = [found for found in usable if found.index < snapshot]
    chosen = before[-1] if before else (usable[0] if usable else None)
    if chosen is None:
        return None
    prover, tree = _prover(chosen, provers), _map(_read(house, chosen))
    alpha = directory_input(chosen.entry.number, member)
    public = directory_label(prover.output(alpha))[:LABEL_BYTES]
    if not _lists(tree, public):
        return None
    listed = tree.listed(public, prover.prove(alpha))
    return DirectoryPart(entry=house.log.logged(chosen.index), listed=listed)


def covers(house: House, enrolment: int) -> bool:
    """Return whether a directory that can still be asked was made after an enrolment."""
    return any(
        found.index > enrolment and found.document["seed"] is not None for found in _known(house)
    )


def forget_keys(house: House, writer: LedgerWriter) -> list[str]:
    """Destroy the keys of every directory: nobody can be looked up in them again; return which.

    Part of erasing a member, whose labels could else be recomputed from their id; a new
    directory follows. Proofs made before still verify. `drop_rows` is the second half.
    """
    held = [found for found in _known(house) if found.document["seed"] is not None]
    for found in held:
        gone = {**found.document, "seed": None, "files": {}}
        writer.replace_object("directory", found.name, gone)
    return [found.name for found in held]


def drop_rows(house: House) -> None:
    """Remove the rows of directories whose keys are gone; what is not there needs no removing."""
    for found in _known(house):
        if found.document["seed"] is None:
            house.artefacts.remove(KIND, found.name)


def check_directories(house: House, provers: Provers) -> list[dict[str, str]]:
    """Recompute every directory whose key is held; return what does not hold (empty: all holds).

    For each: numbers in order, slots that lead to the logged root, every member enrolled before
    it listed with that enrolment, nobody else. And over the log: as many enrolment entries as
    members, so that nobody has two.
    """
    findings: list[dict[str, str]] = []
    previous: _Opened | None = None
    for found in _known(house):
        entry = found.entry
        before = (0, None) if previous is None else (previous.entry.number, previous.index)
        if (entry.number - 1, entry.previous) != before:
            findings.append(_finding(found.name, "its number does not follow the one before it"))
        previous = found
        if found.document["seed"] is None:
            continue
        prover = _prover(found, provers)
        if prover.public_key != entry.vrf_key:
            findings.append(_finding(found.name, "the key is not the logged one"))
        slots = _slots(house, prover, entry.number, before=found.index)
        try:
            kept = _read(house, found)
        except EvidenceError as error:
            findings.append(_finding(found.name, error.message))
            continue
        tree = _map(kept)
        if (tree.root, tree.members) != (entry.root, entry.members):
            findings.append(_finding(found.name, "its slots do not lead to the logged root"))
        if not _within(slots, kept):
            findings.append(_finding(found.name, "it does not list every member once"))
    enrolments = _enrolments(house)
    if enrolments != house.ledger.member_count():
        findings.append(
            _finding(
                "log", f"{enrolments:,} enrolments for {house.ledger.member_count():,} members"
            )
        )
    return findings


def _slots(house: House, prover: VrfProver, number: int, *, before: int | None = None) -> pa.Table:
    """Return ordinal, public label and commitment of every member; one loop, a VRF for each."""
    rows = [
        row
        for row in house.ledger.members()
        if row[2] is not None and (before is None or row[3] < before)
    ]
    enrolments = np.unique(np.array([row[3] for row in rows], np.int64))
    hashes = entry_leaves(house, enrolments)
    leaves = {at: hashes[place].tobytes() for place, at in enumerate(enrolments.tolist())}
    labels, commitments = [], []
    for done, row in enumerate(rows):
        label = directory_label(prover.output(directory_input(number, row[1])))
        labels.append(label[:LABEL_BYTES])
        own = directory_commitment(label[LABEL_BYTES:], index=row[3], leaf=leaves[row[3]])
        commitments.append(own)
        if (done + 1) % _STEP == 0 or done + 1 == len(rows):
            house.progress("members listed", done + 1, len(rows))
    return pa.table(
        {
            "ordinal": pa.array([row[0] for row in rows], pa.int64()),
            "label": pa.array(labels, pa.binary(LABEL_BYTES)),
            "commitment": pa.array(commitments, pa.binary(32)),
        }
    )


def _within(expected: pa.Table, kept: pa.Table) -> bool:
    """Return whether every slot expected is kept, and those kept more are of the erased."""
    want = set(zip(*(expected[n].to_pylist() for n in ("label", "commitment")), strict=True))
    have = set(zip(*(kept[n].to_pylist() for n in ("label", "commitment")), strict=True))
    erased = set(kept["ordinal"].to_pylist()) - set(expected["ordinal"].to_pylist())
    return want <= have and len(have) == len(want) + len(erased)


def _enrolments(house: House) -> int:
    """Count the enrolment entries of the log, by how they end."""
    total = 0
    for start in range(0, house.ledger.size(), _STEP):
        end = min(start + _STEP, house.ledger.size())
        total += sum(e.endswith(_ENROLMENT_TAIL) for e in house.ledger.read(start, end))
    return total


def _map(slots: pa.Table) -> DirectoryMap:
    return build_directory_map(slots["label"].to_pylist(), slots["commitment"].to_pylist())


def _lists(tree: DirectoryMap, public: bytes) -> bool:
    try:
        tree.absence(public)
    except InputError:
        return True
    return False


def _write(slots: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(slots, sink, compression="none")
    return sink.getvalue()


def _read(house: House, found: _Opened) -> pa.Table:
    data = house.artefacts.read(KIND, found.name, SLOTS)
    if sha256(data).hex() != found.document["files"].get(SLOTS):
        raise EvidenceError("the slots differ from the ledger's digest", code="directory.damaged")
    return pq.read_table(io.BytesIO(data))


def _prover(found: _Opened, provers: Provers) -> VrfProver:
    seed = found.document["seed"]
    if seed is None:
        raise RefusedError(
            f"the key of {found.name} has been destroyed",
            code="directory.key-gone",
            hint="build a new directory: byleave directory build",
        )
    return provers(bytes.fromhex(seed))


def _open(house: House, name: str | None) -> _Opened:
    known = _known(house)
    matching = [found for found in known if name in {None, found.name}]
    if not matching:
        what = "no directory has been built" if name is None else f"no directory {name!r}"
        raise InputError(
            what, code="workspace.unknown-object", hint="byleave directory build makes one"
        )
    return matching[-1]


def _known(house: House) -> list[_Opened]:
    """Return every directory in the order of the log."""
    return [
        _Opened(
            name=name,
            index=index,
            document=document,
            entry=parse_entry(house.ledger.read(index, index + 1)[0], DirectoryEntry),
        )
        for index, name, _, document in house.ledger.objects("directory")
    ]


def _finding(where: str, what: str) -> dict[str, str]:
    return {"where": where, "what": what}
