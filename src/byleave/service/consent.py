"""Record what members said, and read it back: events, columns, standings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from byleave.canonical import Json
from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade
from byleave.consent.state import State, build
from byleave.errors import ConflictError, InputError, RefusedError
from byleave.evidence.enrolment import SECRET_BYTES, event_commitment
from byleave.evidence.entry import ConsentEventEntry
from byleave.ids import LedgerIndex, MemberId, format_instant, from_us, to_us
from byleave.policy.notice import Control, Notice
from byleave.policy.notice_token import NoticeToken
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.house import EventRow, House, LedgerWriter
from byleave.service.notice import coverages, open_token, published_notices
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = [
    "NewEvent",
    "choices_for",
    "event_document",
    "event_of",
    "history_facts",
    "member_history",
    "noes",
    "position_of",
    "record",
    "state_of",
]

_KINDS: Final = {int(kind): kind.name.lower() for kind in EventKind}
_NOES: Final = frozenset({EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION})
_GRADES: Final = {int(grade): grade.name.lower() for grade in EvidenceGrade}


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
        evidence: Further evidence, canonical JSON; part of the event's document.
        token: The notice token that came back with the answer; it says what was shown.
        final: With a token, the state the control was left in: `on`, `off`, or `none` for two
            buttons; default what the kind of answer leaves.
    """

    member: str
    kind: EventKind
    scope: Scope
    notice: str | None = None
    effective: datetime | None = None
    expires: datetime | None = None
    includes_past: bool = False
    channel: str = "portal"
    evidence: str | None = None
    token: str | None = None
    final: str | None = None


def record(house: House, events: Sequence[NewEvent]) -> list[int]:
    """Append events, all or none, and return their ledger indexes.

    An event that answers a token (docs/spec/notice-token.md) takes its notice from it. A yes on a
    control that was on already is kept as `PRESET`: evidence, and no consent (G1).

    Raises:
        InputError: `member.unknown`; `use.unknown-term`; `consent.retroactive`, a live event may
            not take effect before it is recorded; `consent.ends-before-start`;
            `consent.notice-unknown`, a notice that was never published; `notice.control-state`.
        EvidenceError: `notice.token-malformed`, `notice.token-signature`.
        RefusedError: `consent.notice-missing`, a grant that answers no notice (G2);
            `notice.preset-control`, a grant given by leaving a pre-set control alone (G1), where
            no token shows what the member did; `notice.token-member`, `notice.token-notice`,
            `notice.token-time`, `notice.token-replayed`.

    Warns:
        ClockWarning: The clock is behind; the events are recorded as of the last one.
    """
    now = ledger_now(house)
    notices = published_notices(house.ledger)
    members = house.ledger.ordinals([event.member for event in events])
    tokens: dict[str, NoticeToken] = {}
    ready = [_with_token(house, event, tokens) if event.token else event for event in events]
    for event in ready:
        _check(house, event, now, members, notices)
    salts = house.random(SECRET_BYTES * len(ready))
    # before the turn to write: nothing of an entry depends on its place in the ledger
    rows = [
        _row(event, members[event.member], now, salts[SECRET_BYTES * n : SECRET_BYTES * (n + 1)])
        for n, event in enumerate(ready)
    ]
    entries = [
        ConsentEventEntry(
            commitment=event_commitment(row[11], event_document(event.member, row))
        ).encode()
        for event, row in zip(ready, rows, strict=True)
    ]
    indexes = []
    with house.ledger.writing() as writer:
        for event, entry in zip(ready, entries, strict=True):
            index = writer.log(entry)
            indexes.append(index)
            token = tokens.pop(event.token, None) if event.token else None
            if token is not None:
                _use_up(writer, token, index, now)
        writer.add_events((index, *row[1:]) for index, row in zip(indexes, rows, strict=True))
    return indexes


def _row(event: NewEvent, ordinal: int, now: datetime, salt: bytes) -> EventRow:
    """Return an event's row but for its index, which the ledger gives."""
    return (
        0,
        ordinal,
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
        event.evidence,
    )


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


def state_of(
    house: House,
    use: Use,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
    before: int | None = None,
) -> State:
    """Return the state of all members for one leaf use: at an instant, as known at another.

    Args:
        house: The workspace's ports.
        use: One leaf use.
        at: The instant asked about; default `known_at`, else now.
        known_at: Only what was recorded by then: events, members, notices, rules.
        before: The same as a ledger position; of both, the lower one.
    """
    position = position_of(house, known_at=known_at, before=before)
    instant = at or known_at or ledger_now(house)
    known = position < house.ledger.size()
    members = house.ledger.member_count()
    if known:
        members = sum(1 for row in house.ledger.members() if row[3] < position)
    return build(
        event_columns(house, before=position),
        use,
        at=instant,
        members=members,
        notices=coverages(house, before=position),
        accepted=accepted_grade(rules_as_of(house, position), instant),
    )


def position_of(
    house: House, *, known_at: datetime | None = None, before: int | None = None
) -> int:
    """Return the ledger position of what was known at an instant: the first index not yet known."""
    ends = [house.ledger.size()]
    if known_at is not None:
        ends.append(house.ledger.position_at(to_us(known_at)))
    if before is not None:
        ends.append(before)
    return min(ends)


def member_history(
    house: House,
    member: str,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> list[ConsentEvent]:
    """Return one member's events, oldest first: those in effect at `at`, known at `known_at`.

    Raises:
        InputError: `member.unknown`.
    """
    found = house.ledger.history(member)
    if found is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    position = None if known_at is None else position_of(house, known_at=known_at)
    events = [event_of(member, row) for row in found[1]]
    return [
        event
        for event in events
        if (position is None or event.index < position) and (at is None or event.effective <= at)
    ]


def history_facts(
    house: House, member: str, *, after: int = -1, limit: int | None = None
) -> list[dict[str, Json]]:
    """Return one member's events as plain facts, oldest first; for long lists.

    Args:
        house: The workspace's ports.
        member: Whose.
        after: Only events with a higher index.
        limit: How many at most.

    Raises:
        InputError: `member.unknown`.
    """
    found = house.ledger.history(member)
    if found is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    rows = [row for row in found[1] if row[0] > after][:limit]
    return [
        {
            "index": row[0],
            "kind": _KINDS[row[2]],
            "scope": row[3],
            "effective": _written(row[4]),
            "recorded": _written(row[5]),
            "expires": None if row[6] is None else _written(row[6]),
            "includes_past": bool(row[7]),
            "notice": row[8],
            "grade": _GRADES[row[9]],
            "channel": row[10],
        }
        for row in rows
    ]


def noes(house: House, *, after: int, limit: int) -> list[dict[str, Json]]:
    """Return refusals, withdrawals and objections after a ledger index, oldest first.

    Args:
        house: The workspace's ports.
        after: Only events with a higher index.
        limit: How many at most.

    Cost: reads every event after `after`.
    """
    found: list[dict[str, Json]] = []
    for row in house.ledger.events(after=after):
        if row[2] not in _NOES:
            continue
        member = house.ledger.member_at(row[1])
        if member is None or not member[1]:
            continue  # erased: nobody is left to tell about
        found.append(
            {
                "index": row[0],
                "member": member[1],
                "kind": _KINDS[row[2]],
                "scope": row[3],
                "effective": _written(row[4]),
                "recorded": _written(row[5]),
            }
        )
        if len(found) == limit:
            break
    return found


def choices_for(
    house: House,
    member: str,
    use: Use,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> Standing:
    """Return what one member's choices alone come to for one use, by the oracle, with what decided.

    Whether the data may be used is `service.explain`'s to say.

    Raises:
        InputError: `member.unknown`.
    """
    position = position_of(house, known_at=known_at)
    instant = at or known_at or ledger_now(house)
    return standing(
        member_history(house, member, known_at=known_at),
        use,
        at=instant,
        notices=coverages(house, before=position),
        accepted=accepted_grade(rules_as_of(house, position), instant),
    )


@lru_cache(4_096)
def _written(instant_us: int) -> str:
    return format_instant(from_us(instant_us))


def event_of(member: str, row: EventRow) -> ConsentEvent:
    """Return a stored row as an event of `member`."""
    index, _, kind, scope, effective, recorded, expires, past, notice, grade, channel = row[:11]
    original, evidence = row[12:]
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
        original=None if original is None else from_us(original),
        evidence=evidence,
    )


def _with_token(house: House, event: NewEvent, tokens: dict[str, NoticeToken]) -> NewEvent:
    """Return the event as its token shows it; one token may answer for several scopes at once."""
    text = event.token or ""
    token = tokens.setdefault(text, open_token(house, text, event.member))
    if event.notice not in {None, token.notice}:
        raise RefusedError(
            f"the token is for {token.notice!r}, not {event.notice!r}", code="notice.token-notice"
        )
    agreed = event.kind is EventKind.GRANT
    states = {Control.NONE.value} if token.control is Control.NONE else {"on" if agreed else "off"}
    final = event.final or min(states)
    if final not in states:
        raise InputError(
            f"a {event.kind.name.lower()} cannot leave that control {final!r}",
            code="notice.control-state",
            hint=f"final state: {', '.join(sorted(states))}",
        )
    preset = agreed and token.control is Control.ON
    return replace(
        event,
        kind=EventKind.PRESET if preset else event.kind,
        notice=token.notice,
        evidence=token.evidence(final),
    )


def _use_up(writer: LedgerWriter, token: NoticeToken, index: int, now: datetime) -> None:
    try:
        writer.add_object(
            "notice-token", token.nonce.hex(), index=index, at_us=to_us(now), document={}
        )
    except ConflictError as error:
        raise RefusedError(
            "the token was used before; each answers once",
            code="notice.token-replayed",
            hint="show the notice again, and send the new token with the answer",
        ) from error


def _check(
    house: House,
    event: NewEvent,
    now: datetime,
    members: Mapping[str, int],
    notices: Mapping[str, Notice],
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
