"""Kind `presence`: exactly these records of the receipt's holder are in a release's snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.bucket import GROUNDS, OWN_CONSENT, ROLES, RecordOpening, verify_presence
from byleave.evidence.proof_kinds import PresenceFile
from byleave.verify.claim import Claim, Step
from byleave.verify.claims.model import FROM_RELEASE, check_label, covered, limits
from byleave.verify.run import Run
from byleave.verify.words import counted, listed, short

__all__ = ["CLAIM", "check_grounds"]


def _label(run: Run, _: PresenceFile) -> str:
    return check_label(run, None)


def _map(run: Run, proof: PresenceFile) -> str:
    assert run.snapshot is not None  # noqa: S101 (for the types)
    assert run.enrolment is not None  # noqa: S101 (check 2)
    verify_presence(
        proof.proof,
        member_label=run.member_label,
        k=run.snapshot.k,
        root=run.snapshot.root,
        enrolment_index=run.enrolment.index,
        enrolment_leaf=run.enrolment.leaf,
    )
    check_grounds(run, proof.proof.records)
    run.facts["records"] = len(proof.proof.records)
    labels = counted(len(proof.proof.labels), "label")
    records = counted(len(proof.proof.records), "record")
    return f"root {short(run.snapshot.root)}; {labels}, this one with {records}"


def check_grounds(run: Run, records: Sequence[RecordOpening]) -> None:
    """Check opened grounds against the receipt's events; count records by role and ground.

    Raises:
        EvidenceError: `verify.ground-closed`, `verify.ground-unknown`, `verify.order`,
            `verify.wrong-entry`.
    """
    assert run.receipt is not None  # noqa: S101 (check 2)
    assert run.claim_entry is not None  # noqa: S101 (check 5)
    leaves = {e.logged.proof.index: run.logged(e.logged).leaf for e in run.receipt.events}
    for record in records:
        opening = record.opening
        if opening is None and record.ground == OWN_CONSENT:
            raise EvidenceError(
                "a record stands on the holder's own consent and does not open it",
                code="verify.ground-closed",
            )
        if opening is None:
            continue
        if opening.index >= run.claim_entry.index:
            raise EvidenceError(
                "a record's ground was logged after the snapshot", code="verify.order"
            )
        if opening.index not in leaves and record.ground == OWN_CONSENT:
            raise EvidenceError(
                "a record stands on a consent that the receipt does not hold",
                code="verify.ground-unknown",
            )
        if leaves.get(opening.index, opening.leaf) != opening.leaf:
            raise EvidenceError(
                "a record's ground is not the receipt's event", code="verify.wrong-entry"
            )
    run.facts |= {
        "by_role": dict(Counter(ROLES[record.role] for record in records)),
        "by_ground": dict(Counter(GROUNDS[record.ground] for record in records)),
    }


def _statement(run: Run, proof: PresenceFile) -> str:
    records = proof.proof.records
    by_role = Counter(ROLES[record.role] for record in records)
    by_ground = Counter(GROUNDS[record.ground] for record in records)
    number = len(records)
    return (
        f"exactly {counted(number, 'record')} of the holder of this receipt"
        f" {'is' if number == 1 else 'are'} in {run.claim}:"
        f" {listed(by_role, 'as ')}; {listed(by_ground, 'on ')}{covered(run)}"
    )


CLAIM: Final = Claim(
    kind=PresenceFile,
    steps=(
        *FROM_RELEASE,
        Step("label", "the label is the receipt's in the snapshot's epoch", _label),
        Step(
            "map",
            "the bucket at the label's place leads to the snapshot's root and lists the label with"
            " exactly these records under this enrolment; each record on the holder's own consent"
            " opens an event of the receipt that stands before the snapshot",
            _map,
        ),
    ),
    statement=_statement,
    limits=limits,
    needs_receipt=lambda _: True,
)
