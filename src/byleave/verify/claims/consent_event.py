"""Kind `consent-event`: a consent event is in the log."""

from __future__ import annotations

from typing import Final

from byleave.errors import EvidenceError
from byleave.evidence.proof_kinds import ConsentEventFile
from byleave.evidence.receipt import check_event
from byleave.verify.claim import Claim, Skipped, Step
from byleave.verify.run import Run
from byleave.verify.words import where

__all__ = ["CLAIM"]

_HONOURED: Final = "that the choice was honoured"


def _event(run: Run, proof: ConsentEventFile) -> str:
    place = run.logged(proof.event.logged)
    check_event(proof.event)
    run.claim_entry = place
    run.facts |= {"event_index": place.index, "origin": place.under.checkpoint.origin}
    return f"the entry commits to the event: {where(place)}"


def _enrolment(run: Run, proof: ConsentEventFile) -> str:
    if run.receipt is None:
        return Skipped("no receipt given")
    assert run.claim_entry is not None  # noqa: S101 (for the types)
    run.enrolment = run.log_receipt(run.receipt)
    if run.enrolment.index >= run.claim_entry.index:
        raise EvidenceError("the member was enrolled after what is claimed", code="verify.order")
    member = proof.event.event.get("member")
    if not isinstance(member, str) or member != run.receipt.member:
        raise EvidenceError("the event is another member's", code="receipt.commitment")
    return f"the event is this member's; enrolled at {where(run.enrolment)}"


def _statement(run: Run, _: ConsentEventFile) -> str:
    whose = " of the holder of this receipt" if run.receipt else ""
    return (
        f"the consent event{whose} in this file is entry"
        f" {run.facts['event_index']:,} of {run.facts['origin']}"
    )


CLAIM: Final = Claim(
    kind=ConsentEventFile,
    steps=(
        Step("event", "the event's entry is in a trusted log and commits to the event", _event),
        Step(
            "enrolment",
            "with a receipt: its entries are in the same log, the event is its member's, and the"
            " enrolment stands before the event",
            _enrolment,
        ),
    ),
    statement=_statement,
    limits=lambda _: [_HONOURED],
)
