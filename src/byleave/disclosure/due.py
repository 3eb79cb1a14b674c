"""Where each disclosure stands at an instant, and which recalls are waited for.

An answer is in time until `due_at`, exclusive: on that instant it is late. With several recalls
open, the earliest deadline decides; a disclosure is acknowledged when every recall of it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from byleave.disclosure.lifecycle import DisclosureEvent, DisclosureState, replay
from byleave.disclosure.record import (
    Acknowledgement,
    Disclosure,
    Recall,
    check_acknowledgement,
)
from byleave.errors import ConflictError
from byleave.ids import LedgerIndex

__all__ = ["Due", "History", "due", "state_at"]


@dataclass(frozen=True, slots=True)
class History:
    """One disclosure with everything that followed it, recalls and answers in ledger order.

    Raises:
        InputError: `disclosure.wrong-package`, an answer belongs to something else.
        ConflictError: `disclosure.order`, an answer to no recall, or a second one.
    """

    disclosure: Disclosure
    recalls: tuple[Recall, ...] = ()
    answers: tuple[Acknowledgement, ...] = ()

    def __post_init__(self) -> None:
        by_index = {recall.index: recall for recall in self.recalls}
        answered: set[LedgerIndex] = set()
        for answer in self.answers:
            recall = by_index.get(answer.recall)
            if recall is None or answer.recall in answered:
                raise ConflictError(
                    "an acknowledgement answers no open recall", code="disclosure.order"
                )
            check_acknowledgement(answer, disclosure=self.disclosure, recall=recall)
            answered.add(answer.recall)

    def open_at(self, now: datetime) -> tuple[Recall, ...]:
        """Return the recalls sent by `now` and not answered by then."""
        answered = {a.recall for a in self.answers if a.at <= now}
        return tuple(r for r in self.recalls if r.at <= now and r.index not in answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One recall that is waited for."""

    disclosure: LedgerIndex
    recall: LedgerIndex
    recipient: str
    due_at: datetime
    overdue: bool


def due(histories: Iterable[History], now: datetime) -> tuple[Due, ...]:
    """Return every recall still open at `now`, the earliest deadline first."""
    found = [
        Due(
            disclosure=history.disclosure.index,
            recall=recall.index,
            recipient=history.disclosure.recipient,
            due_at=recall.due_at,
            overdue=now >= recall.due_at,
        )
        for history in histories
        for recall in history.open_at(now)
    ]
    return tuple(sorted(found, key=lambda d: (d.due_at, d.recall)))


def state_at(history: History, now: datetime) -> DisclosureState:
    """Return where the disclosure stood at `now`, by the table alone.

    Raises:
        ConflictError: `disclosure.order`, what happened is in no order the table lists.
    """
    return replay(event for _, _, event in sorted(_events(history, now)))


def _events(history: History, now: datetime) -> list[tuple[datetime, int, DisclosureEvent]]:
    """Return what happened by `now`, with the deadlines that passed; ties by order of the table."""
    event = DisclosureEvent
    disclosure = history.disclosure
    happened = [(disclosure.offered_at, 0, event.OFFER)]
    if disclosure.delivered_at is not None:
        happened.append((disclosure.delivered_at, 1, event.DELIVER))
    happened += [(recall.at, 2, event.RECALL) for recall in history.recalls]
    # An answer counts for the disclosure when it leaves no recall open at that instant.
    closing = {answer.at for answer in history.answers if not history.open_at(answer.at)}
    happened += [(at, 4, event.ACKNOWLEDGE) for at in closing]
    happened += _deadlines(history)
    return [h for h in happened if h[0] <= now]


def _deadlines(history: History) -> list[tuple[datetime, int, DisclosureEvent]]:
    """Return the passing of deadlines that made the disclosure overdue: one for each open spell."""
    late: list[tuple[datetime, int, DisclosureEvent]] = []
    spell_end: datetime | None = None
    for recall in sorted(history.recalls, key=lambda r: (r.due_at, r.index)):
        answered = next((a.at for a in history.answers if a.recall == recall.index), None)
        if answered is not None and answered < recall.due_at:
            continue
        if spell_end is None or recall.due_at > spell_end:
            late.append((recall.due_at, 3, DisclosureEvent.DEADLINE_PASSED))
            spell_end = _closed(history, recall.due_at)
            if spell_end is None:
                break
    return late


def _closed(history: History, after: datetime) -> datetime | None:
    """Return the first answer from `after` on that left nothing open; None: still open."""
    closing = [a.at for a in history.answers if a.at >= after and not history.open_at(a.at)]
    return min(closing) if closing else None
