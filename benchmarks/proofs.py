"""Checking proofs at the size of a platform of 700 million members, and asking the directory.

    benchmarks/proofs.py [--quick] [--json]

Nothing of that size is built: a bucket of the load that 700 million members give (k = 28, mean 2.6)
and a log of 2^30 entries are simulated by drawing the hashes beside their paths, and computing the
roots that these lead to. Everything is generated from a fixed seed; the verifier is the real one and
every proof verifies.

whole    `verify` of an absence file with its receipt, from bytes to verdict: one log, and the same
         with three witnesses who must all have signed; with nothing seen before, with the entries
         read for an earlier proof (of the same release), and with the checkpoint checked, too; the
         member enrolled long before the release: the paths meet at the root; one core
map      `verify_absence` and `verify_presence` alone, as with a checkpoint checked before
bytes    the map half of each at the mean and at the fullest bucket (19), and whole files
vrf      one output, one proof, one check (pure Python), and a directory of ids built

Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value below which (above which, for bytes and times) the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from byleave import merkle
from byleave.evidence.bucket import (
    AbsenceProof,
    PresenceProof,
    RecordOpening,
    bucket_leaf,
    bucket_of,
    inner_hash,
    label,
    member_commitment,
    verify_absence,
    verify_presence,
)
from byleave.evidence.directory import directory_input
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import (
    EnrolmentEntry,
    RecipeEntry,
    ReleaseEntry,
    SnapshotEntry,
    _remembered,
)
from byleave.evidence.log_proof import LoggedEntry, LogProof
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import AbsenceFile, PresenceFile
from byleave.evidence.receipt import Receipt
from byleave.evidence.vrf import verify_vrf
from byleave.ids import MemberId
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.checkpoint import Checkpoint
from byleave.note.signed import add_signatures, sign_note
from byleave.snapshot.hashing import padded
from byleave.snapshot.partition import plant_entries
from byleave.stores.map_folder import MapFolder
from byleave.verify import verify
from byleave.verify.run import opened
from byleave.wiring.kernel import building
from byleave.wiring.vrf import SodiumProver

K, MEAN, FULLEST, MEMBERS, RECORDS = 28, 3, 19, 700_000_000, 2
LOG, TAIL, ENROLLED = 30, 10, 77
ORIGIN = "log.example.invalid/proofs"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def draw(what: str, size: int = 32) -> bytes:
    """Return fixed bytes for a name."""
    return hashlib.shake_256(b"byleave benchmark: " + what.encode()).digest(size)


@dataclass
class Report:
    """Prints measures, and remembers whether one is beyond its floor."""

    as_json: bool
    failed: bool = field(default=False)

    def line(
        self,
        measure: str,
        value: float,
        unit: str,
        *,
        size: str,
        goal: float | None = None,
        floor: float | None = None,
        most: bool = False,
    ) -> None:
        """Print one measure; `most`: the goal and floor are upper bounds."""
        met = None if goal is None else (value <= goal if most else value >= goal)
        if floor is not None and (value > floor if most else value < floor):
            self.failed = True
        found = {
            "measure": measure, "size": size, "value": round(value, 3), "unit": unit,
            "goal": goal, "met": met, "floor": floor,
        }  # fmt: skip
        if self.as_json:
            print(json.dumps(found))
        else:
            said = "" if goal is None else f"   goal {goal:,} {'met' if met else 'MISSED'}"
            print(f"{measure:<34} {size:<34} {value:>12,.2f} {unit}{said}")


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often a second of this core's time does the work: the best of three turns."""
    best = 0.0
    for _ in range(3):
        done, started = 0, time.process_time()
        while (spent := time.process_time() - started) < seconds / 3:
            work()
            done += 1
        best = max(best, done / spent)
    return best


@dataclass
class Simulated:
    """A map half of each kind, and the roots they lead to."""

    secret: bytes
    epoch: bytes
    load: int
    enrolment: tuple[int, bytes]

    def labels(self, *, own: bool) -> list[bytes]:
        """Return the labels of the member's bucket, theirs among them or not."""
        public = label(self.secret, self.epoch)[:16]
        head = bucket_of(public, K)
        others = [
            ((head << (128 - K)) | int.from_bytes(draw(f"label {n}", 12), "big")).to_bytes(
                16, "big"
            )
            for n in range(self.load - own)
        ]
        return sorted([*others, *([public] if own else [])])

    def absence(self) -> tuple[AbsenceProof, bytes]:
        """Return a proof and its root."""
        inner = draw("inner")
        labels = tuple(self.labels(own=False))
        path = tuple(draw(f"sibling {n}") for n in range(K))
        proof = AbsenceProof(labels=labels, inner=inner, path=path)
        return proof, self.root(bucket_leaf(labels, inner), path)

    def presence(self) -> tuple[PresenceProof, bytes]:
        """Return a proof of two records and its root."""
        whole = label(self.secret, self.epoch)
        labels = tuple(self.labels(own=True))
        made = [
            RecordOpening(
                salt=draw(f"salt {n}", 16), digest=draw(f"record {n}"), role=1, ground=2,
                ground_commitment=draw(f"ground {n}"),
            )
            for n in range(RECORDS)
        ]  # fmt: skip
        records = sorted(made, key=lambda r: merkle.leaf_hash(r.leaf_data()))
        index, leaf = self.enrolment
        own = member_commitment(
            whole[16:],
            count=len(records),
            enrolment_index=index,
            enrolment_leaf=leaf,
            records=merkle.root([merkle.leaf_hash(r.leaf_data()) for r in records]),
        )
        others = tuple(draw(f"commitment {n}") for n in range(self.load - 1))
        place = labels.index(whole[:16])
        inner = inner_hash((*others[:place], own, *others[place:]))
        path = tuple(draw(f"sibling {n}") for n in range(K))
        proof = PresenceProof(labels=labels, commitments=others, records=tuple(records), path=path)
        return proof, self.root(bucket_leaf(labels, inner), path)

    def root(self, leaf: bytes, path: tuple[bytes, ...]) -> bytes:
        """Return the root that a bucket leads to."""
        place = bucket_of(label(self.secret, self.epoch)[:16], K)
        return merkle.root_from_inclusion(leaf, place, 1 << K, path)


def log_of(enrolment: bytes, entries: list[bytes], witnesses: int) -> tuple[list[LoggedEntry], str]:
    """Return the proofs of an enrolment and of entries in a log of 2^30, and its trust file.

    The enrolment stands in the log's first half (`ENROLLED`), the entries at its end: their paths
    meet at the root.
    """
    fillers = [[draw(f"{half} {n}") for n in range(1 << TAIL)] for half in ("early", "late")]
    fillers[0][ENROLLED] = enrolment
    fillers[1][-len(entries) :] = entries
    leaves = [[merkle.leaf_hash(data) for data in filler] for filler in fillers]
    above = [[draw(f"{half} node {n}") for n in range(LOG - 1 - TAIL)] for half in ("a", "b")]
    halves = [
        # the first half climbs by right siblings, the second by left ones
        merkle.root_from_inclusion(
            merkle.root(some), right * ((1 << len(up)) - 1), 1 << len(up), up
        )
        for right, some, up in zip((0, 1), leaves, above, strict=True)
    ]
    readers = [merkle.LevelReader(merkle.all_levels(some)) for some in leaves]
    places = [(0, ENROLLED), *((1, (1 << TAIL) - len(entries) + n) for n in range(len(entries)))]
    paths = [
        (*merkle.inclusion_proof(at, 1 << TAIL, readers[half]), *above[half], halves[1 - half])
        for half, at in places
    ]
    root = merkle.node_hash(*halves)
    start = (1 << LOG) - len(entries)
    indexes = [ENROLLED, *range(start, 1 << LOG)]
    key = SignerKey(name=ORIGIN, seed=draw("key"))
    signed = sign_note(Checkpoint(origin=ORIGIN, size=1 << LOG, root=root).format(), [key])
    trust = [f"log {key.verifier}"]
    note = parse_note(signed)
    lines = list(note.signatures)
    for number in range(witnesses):
        name = f"w{number}.example.invalid"
        other = SignerKey(name=name, type=KeyType.COSIGNATURE, seed=draw(name))
        payload = other.sign(note.text, seconds=1_700_000_000)
        lines.append(Signature(name=name, key_id=other.verifier.key_id, payload=payload))
        trust.append(f"witness w{number} {other.verifier}")
    if witnesses:
        trust.append(f"group all all {' '.join(f'w{n}' for n in range(witnesses))}")
    trust.append("quorum all" if witnesses else "quorum none")
    checkpoint = add_signatures(note.text, lines)
    return [
        LoggedEntry(entry, LogProof(index=index, path=path, checkpoint=checkpoint))
        for entry, index, path in zip([enrolment, *entries], indexes, paths, strict=True)
    ], "\n".join(trust) + "\n"


def whole_file(simulated: Simulated, *, present: bool, witnesses: int) -> tuple[bytes, str, bytes]:
    """Return a proof file, its trust file and the receipt it goes with."""
    commitment = enrolment_commitment(simulated.secret, "m-1")
    enrolment = EnrolmentEntry(commitment=commitment).encode()
    at = (1 << LOG) - 4
    simulated.enrolment = (ENROLLED, merkle.leaf_hash(enrolment))
    proof, root = simulated.presence() if present else simulated.absence()
    snapshot = SnapshotEntry(
        snapshot="set-1", parent=None, epoch=simulated.epoch, k=K, root=root, members=MEMBERS,
        records=1_000_000_000, use="train.generative.replies/messages.inmail/platform",
        gate=at - 1, manifest=draw("manifest"),
    ).encode()  # fmt: skip
    release = ReleaseEntry(
        release="replies-1", model=draw("model"), snapshot=at + 1,
        snapshot_leaf=merkle.leaf_hash(snapshot), recipe=at + 2, trainer="replies", exact=True,
        parent=None, statement=draw("statement"),
    ).encode()  # fmt: skip
    recipe = RecipeEntry(trainer="replies", recipe=draw("recipe")).encode()
    logged, trust = log_of(enrolment, [snapshot, recipe, release], witnesses)
    receipt = Receipt(member=MemberId("m-1"), secret=simulated.secret, enrolment=logged[0])
    made: Any = (
        PresenceFile(release=logged[3], snapshot=logged[1], proof=proof)  # type: ignore[arg-type]
        if present
        else AbsenceFile(
            release=logged[3], snapshot=logged[1], proof=proof,  # type: ignore[arg-type]
            label=label(simulated.secret, simulated.epoch)[:16],
        )
    )  # fmt: skip
    return encode_proof_file(made), trust, receipt.encode()


def map_bytes(proof: AbsenceProof | PresenceProof) -> int:
    """Return the bytes of a map half before encoding, own records apart."""
    commitments = 1 if isinstance(proof, AbsenceProof) else len(proof.commitments)
    return 1 + 16 * len(proof.labels) + 32 * (commitments + len(proof.path))


def afresh(data: bytes, trust: str, receipt: bytes) -> None:
    """Verify as a process does whose first proof this is: no checkpoint, no entry read before."""
    _remembered.cache_clear()
    opened.cache_clear()
    verify(data, trust, receipt)


def entries_seen(data: bytes, trust: str, receipt: bytes) -> None:
    """Verify under a checkpoint not checked before, of entries read before (another member's)."""
    opened.cache_clear()
    verify(data, trust, receipt)


def bench_whole(report: Report, seconds: float) -> None:
    key = SignerKey(name=ORIGIN, seed=draw("key"))
    signed = key.sign(b"text\n")
    value = rate(lambda: key.verifier.verify(b"text\n", signed), seconds / 3)
    report.line("signature checked (for scale)", value, "/s", size="Ed25519, OpenSSL")
    for witnesses in (0, 3):
        size = f"absence, k = {K}, log 2^{LOG}, {witnesses} witnesses"
        simulated = Simulated(draw("secret"), draw("epoch", 16), MEAN, (0, b""))
        data, trust, receipt = whole_file(simulated, present=False, witnesses=witnesses)
        verdict = verify(data, trust, receipt)
        assert verdict.ok, verdict
        value = rate(partial(afresh, data, trust, receipt), seconds)
        report.line("verified, whole", value, "/s", size=size, goal=2_000, floor=400)
        value = rate(partial(entries_seen, data, trust, receipt), seconds)
        report.line("verified, whole, entries seen", value, "/s", size=size, floor=400)
        value = rate(partial(verify, data, trust, receipt), seconds)
        report.line(
            "verified, whole, checkpoint seen", value, "/s", size=size, goal=2_000, floor=700
        )
        report.line("file", len(data), "bytes", size=size)


def bench_map(report: Report, seconds: float) -> None:
    enrolment = (7, draw("enrolment"))
    for name, load in (("mean", MEAN), ("fullest", FULLEST)):
        simulated = Simulated(draw("secret"), draw("epoch", 16), load, enrolment)
        whole = label(simulated.secret, simulated.epoch)
        absent, root = simulated.absence()
        held, other = simulated.presence()

        def absence(proof: AbsenceProof = absent, top: bytes = root) -> None:
            verify_absence(proof, public=whole[:16], k=K, root=top)  # noqa: B023

        def presence(proof: PresenceProof = held, top: bytes = other) -> None:
            verify_presence(
                proof, member_label=whole, k=K, root=top,  # noqa: B023
                enrolment_index=7, enrolment_leaf=enrolment[1],
            )  # fmt: skip

        for kind, work, proof, most in (
            ("absence", absence, absent, 1_300),
            ("presence", presence, held, 2_100),
        ):
            size = f"{kind}, {name} bucket of {load}, k = {K}"
            goal = 10_000 if name == "mean" else None
            report.line(
                "verified, map half", rate(work, seconds), "/s", size=size, goal=goal, floor=4_000
            )
            report.line(
                "map half", map_bytes(proof), "bytes", size=size, goal=most, floor=most, most=True
            )


def bench_directory(report: Report, seconds: float, ids: int) -> None:
    prover = SodiumProver(draw("directory"))
    alpha = directory_input(1, "member-00001234")
    proof = prover.prove(alpha)
    report.line("vrf output", rate(lambda: prover.output(alpha), seconds), "/s", size="libsodium")
    report.line("vrf proof", rate(lambda: prover.prove(alpha), seconds), "/s", size="libsodium")
    checked = rate(lambda: verify_vrf(prover.public_key, alpha, proof), seconds)
    report.line("vrf checked", checked, "/s", size="pure Python")
    rows = np.random.default_rng(7).integers(0, 256, (ids, 48), np.uint8)
    with tempfile.TemporaryDirectory() as name:
        ports, files = building(Path(name)), MapFolder(Path(name) / "map")
        ports.hash_rows(padded(400_000, 1), 1)  # compiled, or loaded, before the clock runs
        parts = (rows[at : at + 4_096] for at in range(0, ids, 4_096))
        started = time.process_time()
        plant_entries(parts, expected=ids, write=files.write, ports=ports)
        spent = time.process_time() - started
    report.line("directory planted, VRF apart", ids / spent, "ids/s", size=f"{ids:,} ids")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under half a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    seconds = 1.5 if given.quick else 6.0
    report = Report(as_json=given.json)
    bench_whole(report, seconds)
    bench_map(report, seconds)
    bench_directory(report, seconds, 50_000 if given.quick else 1_000_000)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
