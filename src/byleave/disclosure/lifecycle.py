"""The life of one disclosure, as a table (docs/spec/disclosure.md prints the same; a test compares).

    offered -> delivered -> recalled -> acknowledged
                                     -> overdue -> acknowledged (late)

A missing key is an error, never a guess. Notes on the rows that are not obvious:

* An offer can be recalled before it is pulled: from then on it cannot be delivered, and the
  recipient still answers (that it holds nothing).
* A further recall joins an open one; it never resets `overdue`, and reopens what was
  acknowledged, as it asks for other rows.
* Only the clock makes something overdue (`deadline-passed`), and a late acknowledgement ends it;
  that it was late stays in the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from byleave.errors import ConflictError

__all__ = ["TRANSITIONS", "DisclosureEvent", "DisclosureState", "advance", "replay"]


class DisclosureState(StrEnum):
    """Where a disclosure stands."""

    NEW = "new"
    OFFERED = "offered"
    DELIVERED = "delivered"
    RECALLED = "recalled"
    ACKNOWLEDGED = "acknowledged"
    OVERDUE = "overdue"


class DisclosureEvent(StrEnum):
    """What happened to it."""

    OFFER = "offer"
    DELIVER = "deliver"
    RECALL = "recall"
    ACKNOWLEDGE = "acknowledge"
    DEADLINE_PASSED = "deadline-passed"


_S, _E = DisclosureState, DisclosureEvent

TRANSITIONS: Final[dict[tuple[DisclosureState, DisclosureEvent], DisclosureState]] = {
    (_S.NEW, _E.OFFER): _S.OFFERED,
    (_S.OFFERED, _E.DELIVER): _S.DELIVERED,
    (_S.OFFERED, _E.RECALL): _S.RECALLED,
    (_S.DELIVERED, _E.RECALL): _S.RECALLED,
    (_S.RECALLED, _E.RECALL): _S.RECALLED,
    (_S.RECALLED, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
    (_S.RECALLED, _E.DEADLINE_PASSED): _S.OVERDUE,
    (_S.OVERDUE, _E.RECALL): _S.OVERDUE,
    (_S.OVERDUE, _E.ACKNOWLEDGE): _S.ACKNOWLEDGED,
    (_S.ACKNOWLEDGED, _E.RECALL): _S.RECALLED,
}
"""(state, event) → next state; every pair that is not listed is refused."""


def advance(state: DisclosureState, event: DisclosureEvent) -> DisclosureState:
    """Return the state after `event`.

    Raises:
        ConflictError: `disclosure.order`, the table does not list the pair.
    """
    after = TRANSITIONS.get((state, event))
    if after is None:
        possible = [str(e) for s, e in TRANSITIONS if s is state]
        raise ConflictError(
            f"a disclosure that is {state} cannot take {event}",
            code="disclosure.order",
            hint="possible: " + ", ".join(possible),
        )
    return after


def replay(events: Iterable[DisclosureEvent]) -> DisclosureState:
    """Return the state after `events`, in their order, from `new`.

    Raises:
        ConflictError: `disclosure.order`.
    """
    state = DisclosureState.NEW
    for event in events:
        state = advance(state, event)
    return state
