"""Record what members said, and read it back: events, columns, standings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from byleave.canonical import Json
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade
from byleave.consent.state import State, build
from byleave.errors import InputError, RefusedError
from byleave.evidence.enrolment import SECRET_BYTES, event_commitment
from byleave.ids import LedgerIndex, MemberId, format_instant, from_us, to_us
from byleave.policy.scope import Scope, Use
from byleave.service.columns import event_columns
from byleave.service.house import EventRow, House
from byleave.service.policy import coverages, published_notices
from byleave.tlog.entry import ConsentEventEntry

__all__ = [
    "NewEvent",
    "event_document",
    "member_history",
    "record",
    "state_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One choice as it comes in.

    Attributes:
        member: Who chose; enrolled.
        kind: Grant, refusal, withdrawal, objection.
        scope: What about.
        notice: Id of the published notice answered; a grant needs one.
        effective: From when; None: from the instant of recording.
        expires: End of a grant, exclusive.
        includes_past: A grant that also covers data collected before it.
        channel: Where it was said.
    """

    member: str
    kind: EventKind
    scope: Scope
    notice: str | None = None
    effective: datetime | None = None
    expires: datetime | None = None
    includes_past: bool = False
    channel: str = "portal"


def record(house: House, events: Sequence[NewEvent]) -> list[int]:
    """Append events, all or none, and return their ledger indexes.

    Raises:
        InputError: `member.unknown`; `use.unknown-term`; `consent.retroactive`, a live event may
            not take effect before it is recorded; `consent.ends-before-start`;
            `consent.notice-unknown`, a notice that was never published.
        RefusedError: `consent.notice-missing`, a grant that answers no notice (G2);
            `notice.preset-control`, a grant given by leaving a pre-set control alone (G1).
    """
    now = house.now()
    notices = published_notices(house.ledger)
    members = {row[1]: row[0] for row in house.ledger.members()}
    for event in events:
        _check(house, event, now, members, notices)
    salts = house.random(SECRET_BYTES * len(events))
    indexes = []
    with house.ledger.writing() as writer:
        rows: list[EventRow] = []
        for place, event in enumerate(events):
            salt = salts[SECRET_BYTES * place : SECRET_BYTES * (place + 1)]
            row = (
                0,
                members[event.member],
                int(event.kind),
                str(event.scope),
                to_us(event.effective or now),
                to_us(now),
                None if event.expires is None else to_us(event.expires),
                int(event.includes_past),
                event.notice,
                int(EvidenceGrade.BYTES if event.notice else EvidenceGrade.NONE),
                event.channel,
                salt,
                None,
                None,
            )
            commitment = event_commitment(salt, event_document(event.member, row))
            index = writer.log(ConsentEventEntry(commitment=commitment).encode())
            rows.append((index, *row[1:]))
            indexes.append(index)
        writer.add_events(rows)
    return indexes


def event_document(member: str, row: EventRow) -> dict[str, Json]:
    """Return the document of an event: what its log entry commits to."""
    _, _, kind, scope, effective, recorded, expires, past, notice, grade, channel = row[:11]
    original, evidence = row[12:]
    document: dict[str, Json] = {
        "member": member,
        "kind": EventKind(kind).name.lower(),
        "scope": scope,
        "effective": format_instant(from_us(effective)),
        "recorded": format_instant(from_us(recorded)),
        "expires": None if expires is None else format_instant(from_us(expires)),
        "includes_past": bool(past),
        "notice": notice,
        "grade": EvidenceGrade(grade).name.lower(),
        "channel": channel,
    }
    if original is not None:
        document["original"] = format_instant(from_us(original))
    if evidence is not None:
        document["evidence"] = evidence
    return document


def state_of(house: House, use: Use, *, at: datetime, before: int | None = None) -> State:
    """Return the state of all members for one leaf use."""
    return build(
        event_columns(house, before=before),
        use,
        at=at,
        members=house.ledger.member_count(),
        notices=coverages(house),
    )


def member_history(house: House, member: str) -> list[ConsentEvent]:
    """Return one member's events, oldest first.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    return [_event(member, event) for event in house.ledger.member_events(row[0])]


def _event(member: str, row: EventRow) -> ConsentEvent:
    index, _, kind, scope, effective, recorded, expires, past, notice, grade, channel = row[:11]
    return ConsentEvent(
        member=MemberId(member),
        index=LedgerIndex(index),
        kind=EventKind(kind),
        scope=Scope.parse(scope),
        effective=from_us(effective),
        recorded=from_us(recorded),
        expires=None if expires is None else from_us(expires),
        includes_past=bool(past),
        notice=notice,
        grade=EvidenceGrade(grade),
        channel=channel,
    )


def _check(
    house: House, event: NewEvent, now: datetime, members: dict[str, int], notices: dict[str, Any]
) -> None:
    if event.member not in members:
        raise InputError(
            "the ledger knows no such member",
            code="member.unknown",
            hint="byleave member enrol, or byleave source add, enrols members first",
        )
    house.taxonomy.check(event.scope)
    effective = event.effective or now
    if effective < now:
        raise InputError(
            "a live choice cannot take effect before it is recorded",
            code="consent.retroactive",
            hint="choices of the past belong into a case (byleave case)",
        )
    if event.expires is not None and event.expires <= effective:
        raise InputError("the grant ends before it starts", code="consent.ends-before-start")
    if event.notice is not None and event.notice not in notices:
        raise InputError(f"no notice {event.notice!r} was published", code="consent.notice-unknown")
    if event.kind is EventKind.GRANT:
        if event.notice is None:
            raise RefusedError(
                "a grant answers a notice; this one names none",
                code="consent.notice-missing",
                hint="publish the exact text shown: byleave notice publish",
            )
        notices[event.notice].require_grantable(event.scope)
