"""The directory: for each member id one enrolment, shown by VRF, anew with each number.

Each directory has a key of its own, so that once the keys of old ones are gone nobody can ask them
about anybody again, while proofs made from them still verify (G10). Cost: one VRF output, about
0.5 ms, and three hashes per member. Members are taken some thousands at a time, the map is planted
in files beside the rows, and a proof reads a bucket and its path: memory is that of the ledger's
list of members.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
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
from byleave.service.house import House, LedgerWriter, MapFiles
from byleave.service.snapshot import entry_leaves
from byleave.snapshot.commit import fixed
from byleave.snapshot.hashing import Rows
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.partition import plant_entries

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
MAP: Final = "map"
_STEP: Final = 1_000
_AT_ONCE: Final = 4_096
_SLOTS: Final = pa.schema(
    [("ordinal", pa.int64()), ("label", pa.binary(LABEL_BYTES)), ("commitment", pa.binary(32))]
)
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
    with house.artefacts.staged(KIND, name) as folder:
        files = house.map_files(folder.path / MAP)
        with folder.create(SLOTS) as stream, pq.ParquetWriter(stream, _SLOTS) as writer:
            tree = plant_entries(
                _kept_too(_slots(house, prover, number), writer),
                expected=house.ledger.member_count(),
                write=files.write,
                ports=house.building,
            )
        files.flush()
        digests = dict(folder.digests)
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
        "files": digests,
    }
    with house.ledger.writing() as ledger:
        index = ledger.log(entry.encode())
        ledger.add_object(
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
    prover, tree = _prover(found, provers), _reader(house, found)
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
    prover, tree = _prover(chosen, provers), _reader(house, chosen)
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
        try:
            kept = _read(house, found)
        except EvidenceError as error:
            findings.append(_finding(found.name, error.message))
            continue
        if not _leads(house, found, kept):
            findings.append(_finding(found.name, "its slots do not lead to the logged root"))
        if not _within(_slots(house, prover, entry.number, before=found.index), kept):
            findings.append(_finding(found.name, "it does not list every member once"))
    enrolments = _enrolments(house)
    if enrolments != house.ledger.member_count():
        findings.append(
            _finding(
                "log", f"{enrolments:,} enrolments for {house.ledger.member_count():,} members"
            )
        )
    return findings


def _slots(
    house: House, prover: VrfProver, number: int, *, before: int | None = None
) -> Iterator[pa.Table]:
    """Yield ordinal, public label and commitment of members, in a loop, a VRF for each."""
    rows = [
        row
        for row in house.ledger.members()
        if row[2] is not None and (before is None or row[3] < before)
    ]
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        enrolments = np.unique(np.array([row[3] for row in some], np.int64))
        hashes = entry_leaves(house, enrolments)
        leaves = {at: hashes[place].tobytes() for place, at in enumerate(enrolments.tolist())}
        labels, commitments = [], []
        for row in some:
            label = directory_label(prover.output(directory_input(number, row[1])))
            labels.append(label[:LABEL_BYTES])
            own = directory_commitment(label[LABEL_BYTES:], index=row[3], leaf=leaves[row[3]])
            commitments.append(own)
        yield pa.table([[row[0] for row in some], labels, commitments], schema=_SLOTS)
        house.progress("members listed", start + len(some), len(rows))


def _entries(slots: pa.Table) -> Rows:
    """Return slots as entries of a map: label 16 ‖ commitment 32."""
    return np.concatenate([fixed(slots["label"]), fixed(slots["commitment"])], axis=1)


def _kept_too(slots: Iterator[pa.Table], writer: pq.ParquetWriter) -> Iterator[Rows]:
    for some in slots:
        writer.write_table(some)
        yield _entries(some)


def _within(expected: Iterator[pa.Table], kept: pa.Table) -> bool:
    """Return whether every slot expected is kept, and those kept more are of the erased."""
    have = {row.tobytes() for row in _entries(kept)}
    ordinals = kept["ordinal"].to_numpy()
    found, known = 0, []
    for some in expected:
        if not all(row.tobytes() in have for row in _entries(some)):
            return False
        found += some.num_rows
        known.append(some["ordinal"].to_numpy())
    erased = np.setdiff1d(ordinals, np.concatenate(known) if known else ordinals[:0])
    return len(have) == found + len(erased)


def _leads(house: House, found: _Opened, kept: pa.Table) -> bool:
    """Return whether slots lead to the logged root, and the files of the map are theirs."""
    files = house.map_files(house.artefacts.path(KIND, found.name) / MAP)
    planted = house.artefacts.path(KIND, found.name, MAP).exists()
    other: list[str] = []

    def compare(path: str, data: bytes) -> None:
        if planted and not _holds(files, path, data):
            other.append(path)

    built = plant_entries(
        iter([_entries(kept)]), expected=kept.num_rows, write=compare, ports=house.building
    )
    same = (built.root, built.members) == (found.entry.root, found.entry.members)
    return same and not other


def _holds(files: MapFiles, path: str, data: bytes) -> bool:
    try:
        return files.read(path) == data
    except EvidenceError:
        return False


def _reader(house: House, found: _Opened) -> MapReader:
    """Return a reader of a directory's map: of its files, or, where it has none, of its slots."""
    files = house.map_files(house.artefacts.path(KIND, found.name) / MAP)
    read: Callable[[str], bytes] = files.read
    if not house.artefacts.path(KIND, found.name, MAP).exists():
        held: dict[str, bytes] = {}
        slots = _entries(_read(house, found))
        plant_entries(
            iter([slots]), expected=len(slots), write=held.__setitem__, ports=house.building
        )
        read = held.__getitem__
    entry = found.entry
    return MapReader(k=entry.k, epoch=b"", root=entry.root, read=read)


def _enrolments(house: House) -> int:
    """Count the enrolment entries of the log, by how they end."""
    total = 0
    for start in range(0, house.ledger.size(), _STEP):
        end = min(start + _STEP, house.ledger.size())
        total += sum(e.endswith(_ENROLMENT_TAIL) for e in house.ledger.read(start, end))
    return total


def _lists(tree: MapReader, public: bytes) -> bool:
    try:
        tree.absence(public)
    except InputError:
        return True
    return False


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
