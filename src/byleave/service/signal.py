"""Record what a signal refuses: a no of the member, with the digest of the bytes that said it.

A signal that already stands is not recorded twice: a browser sends its own with every request.
It stands until the member says something else about any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from byleave.consent.event import EventKind
from byleave.consent.signal.adapters import SignalRefusal, parse
from byleave.errors import InputError
from byleave.policy.scope import Scope
from byleave.service.consent import NewEvent, record
from byleave.service.house import EventRow, House

__all__ = ["Recorded", "meet", "record_signal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One refusal of a signal, and the event that holds it.

    Attributes:
        refusal: What the signal refuses.
        index: Ledger index of its event.
        is_new: Whether this call recorded it.
    """

    refusal: SignalRefusal
    index: int
    is_new: bool


def record_signal(
    house: House,
    member: str,
    kind: str,
    payload: bytes,
    *,
    form: str | None = None,
    category: str = "*",
) -> list[Recorded]:
    """Record the refusals in a payload; return them, none where it refuses nothing.

    Args:
        house: The workspace's ports.
        member: Whose browser, page or file said it.
        kind: Kind of the signal (`consent/signal/adapters.py`).
        payload: The bytes it stands in; only their digest is kept.
        form: How they are to be read; None: the kind's first form.
        category: The data category the payload was attached to; `*`: all data.

    Raises:
        InputError: `member.unknown`; `signal.*`; `use.unknown-term`, the category.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    found = parse(kind, payload, form, taxonomy=house.taxonomy, category=category)
    events = house.ledger.member_events(row[0])
    stands = [_standing(events, refusal) for refusal in found]
    new = [refusal for refusal, index in zip(found, stands, strict=True) if index is None]
    fresh = iter(record(house, [_event(member, refusal) for refusal in new]) if new else [])
    return [
        Recorded(
            refusal=refusal, index=next(fresh) if index is None else index, is_new=index is None
        )
        for refusal, index in zip(found, stands, strict=True)
    ]


def _event(member: str, refusal: SignalRefusal) -> NewEvent:
    return NewEvent(
        member=member,
        kind=EventKind.REFUSAL,
        scope=refusal.scope,
        channel=refusal.channel,
        evidence=refusal.evidence(),
    )


def _standing(events: list[EventRow], refusal: SignalRefusal) -> int | None:
    """Return the event that says this already, if nothing about any of it was said since."""
    for row in reversed(events):
        scope = Scope.parse(row[3])
        is_no = row[2] == EventKind.REFUSAL
        if is_no and scope == refusal.scope and row[10] == refusal.channel:
            return int(row[0])
        if not is_no and meet(scope, refusal.scope):
            return None
    return None


def meet(one: Scope, other: Scope) -> bool:
    """Say whether a use can lie in both scopes."""
    return all(
        "*" in {a, b} or a == b or a.startswith(b + ".") or b.startswith(a + ".")
        for a, b in (
            (one.purpose, other.purpose),
            (one.category, other.category),
            (one.recipient, other.recipient),
        )
    )
