"""Kind `record`: one record of a member, out of n, is in a release's snapshot."""

from __future__ import annotations

from typing import Final

from byleave import merkle
from byleave.errors import EvidenceError
from byleave.evidence.bucket import (
    GROUNDS,
    LABEL_BYTES,
    ROLES,
    check_record,
    member_commitment,
    verify_listed,
)
from byleave.evidence.entry import EnrolmentEntry, parse_entry
from byleave.evidence.proof_kinds import RecordFile
from byleave.verify.claim import Claim, Step
from byleave.verify.claims.model import FROM_RELEASE, check_label, covered, holder, limits
from byleave.verify.claims.presence import check_grounds
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["CLAIM"]


def _label(run: Run, proof: RecordFile) -> str:
    if run.receipt is not None:
        stated = None if proof.labelled is None else proof.labelled.label[:LABEL_BYTES]
        found = check_label(run, stated)
        if proof.labelled is not None and proof.labelled.label != run.member_label:
            raise EvidenceError("the label's other half is another's", code="verify.label")
        return found
    assert proof.labelled is not None  # noqa: S101 (check 2)
    assert run.claim_entry is not None  # noqa: S101 (check 5)
    run.enrolment = run.logged(proof.labelled.enrolment)
    parse_entry(proof.labelled.enrolment.entry, EnrolmentEntry)
    if run.enrolment.index >= run.claim_entry.index:
        raise EvidenceError("the enrolment stands after the snapshot", code="verify.order")
    run.member_label = proof.labelled.label
    public = run.member_label[:LABEL_BYTES].hex()
    run.facts["label"] = public
    return f"{public}, as the proof file states; enrolled at {where(run.enrolment)}"


def _map(run: Run, proof: RecordFile) -> str:
    assert run.snapshot is not None  # noqa: S101 (for the types)
    assert run.enrolment is not None  # noqa: S101 (the label's check)
    if not 0 <= proof.index < proof.of < 2**32:
        raise EvidenceError("a record's place is not below their number", code="map.malformed")
    if proof.labelled is not None and proof.labelled.enrolment.proof.index != run.enrolment.index:
        raise EvidenceError("the enrolment is another one", code="verify.wrong-entry")
    leaf = check_record(proof.record)
    records = merkle.root_from_inclusion(leaf, proof.index, proof.of, proof.siblings)
    verify_listed(
        proof.labels,
        proof.commitments,
        proof.path,
        public=run.member_label[:LABEL_BYTES],
        own=member_commitment(
            run.member_label[LABEL_BYTES:],
            count=proof.of,
            enrolment_index=run.enrolment.index,
            enrolment_leaf=run.enrolment.leaf,
            records=records,
        ),
        k=run.snapshot.k,
        root=run.snapshot.root,
    )
    if run.receipt is not None:
        check_grounds(run, [proof.record])
    run.facts |= {
        "records": proof.of,
        "record_digest": proof.record.digest.hex(),
        "role": ROLES[proof.record.role],
        "ground": GROUNDS[proof.record.ground],
    }
    return (
        f"root {short(run.snapshot.root)}; record {short(proof.record.digest)} is one of"
        f" {proof.of:,} of this label"
    )


def _statement(run: Run, proof: RecordFile) -> str:
    record = proof.record
    return (
        f"the record with digest {record.digest.hex()} is one of {counted(proof.of, 'record')} of"
        f" the holder of {holder(run)} in {run.claim}: as {ROLES[record.role]}, on"
        f" {GROUNDS[record.ground]}{covered(run)}"
    )


CLAIM: Final = Claim(
    kind=RecordFile,
    steps=(
        *FROM_RELEASE,
        Step(
            "label",
            "the label is the receipt's in the snapshot's epoch; without a receipt it is the one"
            " that the file states, with the enrolment in it, which stands before the snapshot",
            _label,
        ),
        Step(
            "map",
            "the record's path leads to the root of the member's records; with the label, their"
            " number and the enrolment this gives the commitment that the bucket lists at the"
            " label's place, and the bucket leads to the snapshot's root",
            _map,
        ),
    ),
    statement=_statement,
    limits=limits,
    needs_receipt=lambda proof: proof.labelled is None,
)
