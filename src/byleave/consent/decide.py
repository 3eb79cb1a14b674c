"""Decide whether one member's choices allow one use of their data: the oracle.

The rules (docs/spec/consent.md). Of a member's choices (a `PRESET` is none) only those count that
are in effect (`effective` ≤ at) and whose scope covers the use, in the order (effective, index):

* R1 Silence is no: `no-grant`.
* R2 The last such event decides, save R3.
* R3 A grant lifts an earlier refusal, withdrawal or objection only where its scope is that one's
     or narrower, or its notice shows the use by itself; and only if the grant counts (R5, R6).
     A no that is not lifted stands, and decides.
* R4 A grant ends at `expires` (exclusive): `expired`. It uncovers nothing older.
* R5 Its evidence grade must be accepted: else `evidence-grade`.
* R6 Its notice must have expanded to the use when it was published (G2): else
     `notice-does-not-cover`. A grant of grade `bytes` names its notice; of a lower grade, accepted
     all the same, the notice is not known and its own scope stands.
* R7 Data collected before the grant took effect is under an older promise (G3), unless the grant
     includes the past: `promise-of-collection`, or `collected-at-unknown` without a date.

What the choices allow is not yet what may be used: the rules of the member's region, age and group
come on top (`gate/reference.py`, `service/explain.py`). No page, command or route answers with this.
Pure: time is an argument. `consent/state.py` must agree member for member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import Reason
from byleave.errors import InputError
from byleave.ids import LedgerIndex
from byleave.policy.scope import Use

__all__ = ["Decision", "Standing", "decide", "standing"]

_NO = {
    EventKind.REFUSAL: Reason.REFUSED,
    EventKind.WITHDRAWAL: Reason.WITHDRAWN,
    EventKind.OBJECTION: Reason.OBJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one member's choices come to for one use, before any record is looked at.

    Attributes:
        reason: `KEPT` for a yes, else why not.
        because: Ledger index of the event that decides; None: silence.
        event: That event.
    """

    reason: Reason
    because: LedgerIndex | None
    event: ConsentEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A yes or no for one record of one member.

    Attributes:
        allowed: Whether the member's choices allow it; rules may still stop it.
        reason: `KEPT`, or why not.
        because: Ledger index of the event that decides; None: silence.
    """

    allowed: bool
    reason: Reason
    because: LedgerIndex | None


SILENCE = Standing(reason=Reason.NO_GRANT, because=None, event=None)


def standing(
    events: Iterable[ConsentEvent],
    use: Use,
    *,
    at: datetime,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade = EvidenceGrade.BYTES,
) -> Standing:
    """Say what stands for `use` at `at` (R1 to R6).

    Args:
        events: All events of one member, in the order of recording.
        use: One leaf use.
        at: An aware UTC instant.
        notices: What each notice had expanded to when it was published.
        accepted: Lowest evidence grade at which a grant counts.

    Raises:
        InputError: `consent.order`, ledger indexes do not strictly increase.
    """
    last, noes = SILENCE, list[ConsentEvent]()
    for event in _in_order(events):
        if not event.kind.is_choice or event.effective > at or not event.scope.covers(use):
            continue
        if event.kind is not EventKind.GRANT:
            noes.append(event)
            last = Standing(reason=_NO[event.kind], because=event.index, event=event)
            continue
        reason = _counts(event, use, notices, accepted)
        if reason is Reason.KEPT:
            noes = [no for no in noes if not _lifts(event, no, use, notices)]  # R3
        if noes:
            no = noes[-1]
            last = Standing(reason=_NO[no.kind], because=no.index, event=no)
        elif event.expires is not None and event.expires <= at:
            last = Standing(reason=Reason.EXPIRED, because=event.index, event=event)  # R4
        else:
            last = Standing(reason=reason, because=event.index, event=event)  # R2, R5, R6
    return last


def decide(
    events: Iterable[ConsentEvent],
    use: Use,
    *,
    at: datetime,
    collected_at: datetime | None,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade = EvidenceGrade.BYTES,
) -> Decision:
    """Say whether `events` allow `use` at `at` of a record collected at `collected_at` (R1 to R7).

    Args:
        events: All events of one member, in the order of recording.
        use: One leaf use.
        at: An aware UTC instant.
        collected_at: When the record was collected; None: unknown.
        notices: What each notice had expanded to when it was published.
        accepted: Lowest evidence grade at which a grant counts.

    Raises:
        InputError: `consent.order`, ledger indexes do not strictly increase.
    """
    stands = standing(events, use, at=at, notices=notices, accepted=accepted)
    reason, event = stands.reason, stands.event
    if reason is Reason.KEPT and event is not None and not event.includes_past:  # R7
        if collected_at is None:
            reason = Reason.COLLECTED_AT_UNKNOWN
        elif collected_at < event.effective:
            reason = Reason.PROMISE_OF_COLLECTION
    return Decision(allowed=reason is Reason.KEPT, reason=reason, because=stands.because)


def _in_order(events: Iterable[ConsentEvent]) -> list[ConsentEvent]:
    listed = list(events)
    for earlier, later in pairwise(listed):
        if later.index <= earlier.index:
            raise InputError(
                f"ledger index {later.index} follows {earlier.index}", code="consent.order"
            )
    return sorted(listed, key=lambda e: (e.effective, e.index))


def _counts(
    grant: ConsentEvent, use: Use, notices: Mapping[str, NoticeCoverage], accepted: EvidenceGrade
) -> Reason:
    if grant.grade < accepted:
        return Reason.EVIDENCE_GRADE
    if grant.notice is None:
        bytes_claimed = grant.grade is EvidenceGrade.BYTES
        return Reason.NOTICE_DOES_NOT_COVER if bytes_claimed else Reason.KEPT
    coverage = notices.get(grant.notice)
    covers = coverage is not None and use in coverage.uses
    return Reason.KEPT if covers else Reason.NOTICE_DOES_NOT_COVER


def _lifts(
    grant: ConsentEvent, no: ConsentEvent, use: Use, notices: Mapping[str, NoticeCoverage]
) -> bool:
    if no.scope.covers(grant.scope):
        return True
    coverage = None if grant.notice is None else notices.get(grant.notice)
    return coverage is not None and use in coverage.shown
