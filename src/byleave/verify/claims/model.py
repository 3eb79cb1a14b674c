"""Checks shared by the kinds that start at a release and end in its snapshot's map."""

from __future__ import annotations

import hmac
from typing import Final, Protocol

from byleave.errors import EvidenceError
from byleave.evidence.bucket import LABEL_BYTES, label
from byleave.evidence.directory import verify_enrolled
from byleave.evidence.entry import DirectoryEntry, ReleaseEntry, SnapshotEntry, parse_entry
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds import DirectoryPart
from byleave.verify.claim import NEVER_SHOWS, ONE_SECRET, Skipped, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["FROM_RELEASE", "check_label", "covered", "holder", "limits"]

_ONE_DIRECTORY: Final = (
    "that other directories list the same enrolment (who follows the log sees every directory)"
)


class CoveredFile(Protocol):
    """A proof file that a directory may cover."""

    @property
    def directory(self) -> DirectoryPart | None: ...


class ModelFile(Protocol):
    """A proof file with these two entries."""

    @property
    def release(self) -> LoggedEntry: ...
    @property
    def snapshot(self) -> LoggedEntry: ...


def check_release(run: Run, proof: ModelFile) -> str:
    """The release entry is in a trusted log."""
    place = run.logged(proof.release)
    release = parse_entry(proof.release.entry, ReleaseEntry)
    run.facts |= {
        "release": release.release,
        "release_index": place.index,
        "model": release.model.hex(),
        "exact": release.exact,
        "origin": place.under.checkpoint.origin,
    }
    return f"{release.release}, model {short(release.model)}: {where(place)}"


def check_snapshot(run: Run, proof: ModelFile) -> str:
    """The snapshot entry is the one that the release names; what they name stands before."""
    place = run.logged(proof.snapshot)
    snapshot = parse_entry(proof.snapshot.entry, SnapshotEntry)
    release = parse_entry(proof.release.entry, ReleaseEntry)
    if place.index != release.snapshot or place.leaf != release.snapshot_leaf:
        raise EvidenceError(
            "this is not the snapshot that the release names", code="verify.wrong-entry"
        )
    before = [release.snapshot, release.recipe]
    earlier = [snapshot.gate, *([] if snapshot.parent is None else [snapshot.parent])]
    if any(i >= proof.release.proof.index for i in before) or any(
        i >= place.index for i in earlier
    ):
        raise EvidenceError("an entry names one that stands after it", code="verify.order")
    run.snapshot, run.claim_entry = snapshot, place
    run.facts |= {
        "snapshot": snapshot.snapshot,
        "snapshot_index": place.index,
        "use": snapshot.use,
    }
    run.claim = f"snapshot {snapshot.snapshot}, on which release {release.release} was trained"
    return f"{snapshot.snapshot}: {where(place)}, named by the release"


def check_enrolment(run: Run, _: ModelFile) -> str:
    """The receipt's entries are in the same log; the enrolment stands before the snapshot."""
    if run.receipt is None:
        return Skipped("no receipt given")
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    run.enrolment = run.log_receipt(run.receipt)
    if run.enrolment.index >= run.claim_entry.index:
        raise EvidenceError("the member was enrolled after what is claimed", code="verify.order")
    return f"{where(run.enrolment)}, before the snapshot"


def check_directory(run: Run, proof: CoveredFile) -> str:
    """The directory lists the receipt's enrolment as the one of its member id."""
    if proof.directory is None:
        return Skipped("the file has none")
    if run.receipt is None or run.enrolment is None:
        return Skipped("no receipt given")
    place = run.logged(proof.directory.entry)
    entry = parse_entry(proof.directory.entry.entry, DirectoryEntry)
    if run.enrolment.index >= place.index:
        raise EvidenceError(
            "the member was enrolled after the directory was made", code="verify.order"
        )
    verify_enrolled(
        proof.directory.listed,
        entry,
        run.receipt.member,
        index=run.enrolment.index,
        leaf=run.enrolment.leaf,
    )
    run.directory = f"directory {entry.number} lists it as the one enrolment of this member id"
    run.facts |= {"directory": entry.number, "directory_index": place.index}
    return f"directory {entry.number}, {counted(entry.members, 'member')}: {where(place)}"


DIRECTORY: Final = Step(
    "directory",
    "where the file has one, and with a receipt: the directory's entry is in the same log, after"
    " the enrolment; under its key the VRF proof holds for the receipt's member id, and the"
    " directory's map lists exactly the receipt's enrolment there",
    check_directory,
)

FROM_RELEASE: Final = (
    Step("release", "the release entry is in a trusted log", check_release),
    Step(
        "snapshot",
        "the snapshot entry is in the same log and is the one, by index and leaf, that the release"
        " names; what the two entries name stands before them",
        check_snapshot,
    ),
    Step(
        "enrolment",
        "with a receipt: its entries are in the same log, and the enrolment stands before the"
        " snapshot",
        check_enrolment,
    ),
    DIRECTORY,
)


def check_label(run: Run, stated: bytes | None) -> str:
    """Recompute the label from the receipt; without one take the label that the file states."""
    assert run.snapshot is not None  # noqa: S101 (for the types)
    if run.receipt is None:
        assert stated is not None  # noqa: S101 (check 2)
        run.member_label = stated
        run.facts["label"] = stated.hex()
        return f"{stated.hex()}, as the proof file states; give the receipt to check whose"
    run.member_label = label(run.receipt.secret, run.snapshot.epoch)
    public = run.member_label[:LABEL_BYTES]
    if stated is not None and not hmac.compare_digest(stated, public):
        raise EvidenceError(
            "the proof file is about another label than this receipt's", code="verify.label"
        )
    run.facts["label"] = public.hex()
    return f"{public.hex()}, recomputed from the receipt's secret"


def holder(run: Run) -> str:
    """Return whom a statement is about."""
    return "this receipt" if run.receipt else f"label {run.member_label[:4].hex()}…"


def covered(run: Run) -> str:
    """Return how a directory holds the answer to one secret; empty without one."""
    return "" if run.directory is None else f"; {run.directory}"


def limits(run: Run) -> list[str]:
    """Return what no proof from a release to a member's records shows."""
    return [NEVER_SHOWS, _ONE_DIRECTORY if run.directory else ONE_SECRET]
