"""Kinds `enrolled` and `not-enrolled`: what a directory says of a member id."""

from __future__ import annotations

import hmac
from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.directory import verify_enrolled, verify_not_enrolled
from byleave.evidence.entry import DirectoryEntry, EnrolmentEntry, parse_entry
from byleave.evidence.proof_kinds import EnrolledFile, NotEnrolledFile
from byleave.verify.claim import Claim, Skipped, Step
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["ENROLLED", "NOT_ENROLLED"]

_LIMITS: Final = (
    "that nobody's data is held under another id; that other directories say the same (who follows"
    " the log sees every directory)"
)


def _directory(run: Run, proof: EnrolledFile | NotEnrolledFile) -> str:
    place = run.logged(proof.directory)
    entry = parse_entry(proof.directory.entry, DirectoryEntry)
    if entry.previous is not None and entry.previous >= place.index:
        raise EvidenceError("an entry names one that stands after it", code="verify.order")
    run.claim_entry = place
    run.facts |= {
        "directory": entry.number,
        "directory_index": place.index,
        "origin": place.under.checkpoint.origin,
    }
    run.claim = f"directory {entry.number}, entry {place.index:,} of {run.facts['origin']}"
    return f"directory {entry.number}, {counted(entry.members, 'member')}: {where(place)}"


def _enrolment(run: Run, proof: EnrolledFile) -> str:
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    run.enrolment = run.logged(proof.enrolment)
    parse_entry(proof.enrolment.entry, EnrolmentEntry)
    if run.enrolment.index >= run.claim_entry.index:
        raise EvidenceError("the enrolment stands after the directory", code="verify.order")
    if run.receipt is None:
        return where(run.enrolment)
    if run.log_receipt(run.receipt).index != run.enrolment.index:
        raise EvidenceError("the enrolment is not the receipt's", code="verify.wrong-entry")
    _same_member(run, proof.member)
    return f"{where(run.enrolment)}, the receipt's"


def _member(run: Run, proof: NotEnrolledFile) -> str:
    if run.receipt is None:
        return Skipped("no receipt given")
    run.log_receipt(run.receipt)
    _same_member(run, proof.member)
    return "the receipt is of this member id"


def _same_member(run: Run, member: str) -> None:
    assert run.receipt is not None  # noqa: S101 (for the types)
    if not hmac.compare_digest(member.encode(), run.receipt.member.encode()):
        raise EvidenceError("the receipt is another member's", code="receipt.commitment")


def _listed(run: Run, proof: EnrolledFile) -> str:
    assert run.enrolment is not None  # noqa: S101 (for the types)
    entry = parse_entry(proof.directory.entry, DirectoryEntry)
    verify_enrolled(
        proof.listed, entry, proof.member, index=run.enrolment.index, leaf=run.enrolment.leaf
    )
    return f"root {short(entry.root)}; the id's label is listed with this enrolment"


def _unlisted(_: Run, proof: NotEnrolledFile) -> str:
    entry = parse_entry(proof.directory.entry, DirectoryEntry)
    verify_not_enrolled(proof.vrf, proof.proof, entry, proof.member)
    listed = counted(len(proof.proof.labels), "label")
    return f"root {short(entry.root)}; {listed}, not this id's"


_DIRECTORY: Final = Step(
    "directory",
    "the directory's entry is in a trusted log and names no directory after itself",
    _directory,
)

ENROLLED: Final = Claim(
    kind=EnrolledFile,
    steps=(
        _DIRECTORY,
        Step(
            "enrolment",
            "the enrolment's entry is in the same log, before the directory; with a receipt it is"
            " the receipt's, and the receipt is of the file's member id",
            _enrolment,
        ),
        Step(
            "listed",
            "under the directory's key the VRF proof holds for the member id; the bucket at its"
            " label's place leads to the directory's root and lists the label with exactly this"
            " enrolment",
            _listed,
        ),
    ),
    statement=lambda run, _: (
        f"the member id in this file has exactly one enrolment in {run.claim}: entry"
        f" {0 if run.enrolment is None else run.enrolment.index:,}"
    ),
    limits=lambda _: [_LIMITS],
)

NOT_ENROLLED: Final = Claim(
    kind=NotEnrolledFile,
    steps=(
        _DIRECTORY,
        Step(
            "member",
            "with a receipt: its entries are in the same log, and it is of the file's member id",
            _member,
        ),
        Step(
            "listed",
            "under the directory's key the VRF proof holds for the member id; the bucket at its"
            " label's place leads to the directory's root and does not list the label",
            _unlisted,
        ),
    ),
    statement=lambda run, _: f"the member id in this file is not enrolled in {run.claim}",
    limits=lambda _: [_LIMITS],
)
