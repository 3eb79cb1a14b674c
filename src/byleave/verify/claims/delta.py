"""The kind `delta`: between two snapshots of one lineage nothing changed but these buckets."""

from __future__ import annotations

from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.delta_proof import verify_delta
from byleave.evidence.entry import SnapshotEntry, parse_entry
from byleave.evidence.proof_kinds.delta import DeltaFile
from byleave.verify.claim import NEVER_SHOWS, Claim, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["CLAIM"]


def _snapshots(run: Run, proof: DeltaFile) -> str:
    before, after = run.logged(proof.old), run.logged(proof.new)
    old = parse_entry(proof.old.entry, SnapshotEntry)
    new = parse_entry(proof.new.entry, SnapshotEntry)
    run.claim_entry = after
    if before.index >= after.index:
        raise EvidenceError("the later snapshot stands before the earlier", code="verify.order")
    if (old.epoch, old.k, old.use) != (new.epoch, new.k, new.use) or new.parent is None:
        raise EvidenceError(
            "the snapshots differ in epoch, k or use: they are not of one lineage",
            code="verify.wrong-entry",
        )
    run.facts |= {
        "old": old.snapshot,
        "new": new.snapshot,
        "old_index": before.index,
        "new_index": after.index,
        "origin": after.under.checkpoint.origin,
    }
    return f"{old.snapshot} and {new.snapshot}: {where(after)}"


def _map(run: Run, proof: DeltaFile) -> str:
    old = parse_entry(proof.old.entry, SnapshotEntry)
    new = parse_entry(proof.new.entry, SnapshotEntry)
    shown = verify_delta(proof.proof, k=new.k, old_root=old.root, new_root=new.root)
    removed, added, buckets = _counts(proof)
    run.facts |= {"buckets": buckets, "removed": removed, "added": added}
    return (
        f"{counted(shown.buckets, 'bucket')} of {1 << new.k:,} changed,"
        f" from root {short(old.root)} to {short(new.root)}; the rest is the same"
    )


def _counts(proof: DeltaFile) -> tuple[int, int, int]:
    """Return how many labels left and came, and how many buckets changed."""
    before = {item for change in proof.proof.changes for item in change.old_labels}
    after = {item for change in proof.proof.changes for item in change.new_labels}
    return len(before - after), len(after - before), len(proof.proof.changes)


def _members(_: Run, proof: DeltaFile) -> str:
    old = parse_entry(proof.old.entry, SnapshotEntry)
    new = parse_entry(proof.new.entry, SnapshotEntry)
    removed, added, _buckets = _counts(proof)
    if old.members - removed + added != new.members:
        raise EvidenceError(
            "the labels that left and came do not account for the members logged",
            code="verify.wrong-entry",
        )
    return f"{old.members:,} members, {removed:,} left, {added:,} came: {new.members:,}"


def _statement(run: Run, proof: DeltaFile) -> str:
    removed, added, buckets = _counts(proof)
    return (
        f"from snapshot {run.facts['old']} to {run.facts['new']},"
        f" {counted(removed, 'member')} left and {added:,} came;"
        f" {counted(buckets, 'bucket')} changed and nothing else did"
    )


CLAIM: Final = Claim(
    kind=DeltaFile,
    steps=(
        Step(
            "snapshots",
            "both snapshot entries are in a trusted log, the earlier first; epoch, k and use are"
            " the same, and the later has a parent",
            _snapshots,
        ),
        Step(
            "map",
            "the old data of the changed buckets leads to the old root and their new data to the"
            " new one, both through the same other hashes",
            _map,
        ),
        Step(
            "members",
            "the members of the earlier less the labels that left plus those that came are the"
            " members of the later",
            _members,
        ),
    ),
    statement=_statement,
    limits=lambda _: [
        "who they are; what changed of a member who stayed in a changed bucket",
        NEVER_SHOWS,
    ],
)
