"""One question about one member, now, through the ledger: one look-up and the oracle.

`choices` is what the member said alone; whether the data may be used is `explain`. What an answer needs besides the member's own events and facts, the notices' coverage and the
rulesets, changes when an operator publishes something. It is kept here and read again when the
look-up shows a newer object in the ledger, so that no answer is older than its question.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Final

from byleave.consent.batch import MemberHistory
from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade
from byleave.errors import InputError
from byleave.ids import MemberId, from_us, to_us
from byleave.policy.scope import Scope, Use
from byleave.service.explain import Explained, Explainer, Ruling, ruling_at
from byleave.service.house import EventRow, House
from byleave.service.rules import accepted_grade

__all__ = ["Decider"]

_SCOPES_KEPT: Final = 65_536
_GRANT: Final = int(EventKind.GRANT)
_PRESET: Final = int(EventKind.PRESET)
_ORDER: Final = itemgetter(4, 0)  # from when it counts, then index
_KINDS: Final = {int(kind): kind for kind in EventKind}
_GRADES: Final = {int(grade): grade for grade in EvidenceGrade}


class Decider:
    """Answers for any member and use; `choices` equals `service.consent.choices_for`.

    Args:
        house: The workspace's ports.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: int | None = None
        self._ruling = Ruling(book=house.rulebook, entry=None, notices={})

    def choices(self, member: str, use: Use, *, at: datetime | None = None) -> Standing:
        """Return what a member's choices alone come to for one use; no rule of a region is asked.

        Args:
            member: The platform's id.
            use: One leaf use.
            at: An aware UTC instant; None: now, and never before the last recorded event.

        Raises:
            InputError: `member.unknown`.
        """
        history = self._history(member)
        instant = self._instant(history, at)
        return standing(
            [_event(member, row) for row in _deciding(history.events, use, to_us(instant))],
            use,
            at=instant,
            notices=self._ruling.notices,
            accepted=accepted_grade(self._ruling.book, instant),
        )

    def explain(self, member: str, use: Use, *, at: datetime | None = None) -> Explained:
        """Return what a member's choices and their region's rules come to: `service.explain`.

        Args:
            member: The platform's id.
            use: One leaf use.
            at: An aware UTC instant; None: now, and never before the last recorded event.

        Raises:
            InputError: `member.unknown`.
        """
        return self.explainer(member, at=at).explain(use)

    def explainer(self, member: str, *, at: datetime | None = None) -> Explainer:
        """Return one member's answers for any number of uses, as `explain` gives each.

        Raises:
            InputError: `member.unknown`.
        """
        instant = self._instant(self._history(member), at)
        return Explainer(self._house, member, at=instant, ruling=self._ruling)

    def _instant(self, history: MemberHistory, at: datetime | None) -> datetime:
        """Return the instant asked about; now is never before the last recorded event."""
        if at is not None:
            return at
        now, last = self._house.now(), history.last_recorded
        return now if last is None or to_us(now) >= last else from_us(last)

    def _history(self, member: str) -> MemberHistory:
        """Look the member up; read notices and rulesets again where there are newer ones."""
        history = self._house.ledger.history(member)
        if history is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        if history.last_object != self._seen:
            self._ruling = ruling_at(self._house, history.last_object + 1)
            self._seen = history.last_object
        return history


def _deciding(rows: Iterable[EventRow], use: Use, at_us: int) -> list[EventRow]:
    """Return those of a member's rows, in their order, from which the oracle's answer follows.

    What is no choice, is not in effect or does not cover the use decides nothing. Of the others
    the last one decides (R2), and alone where it is a no, or where there is no no that it would
    have to lift (R3): then it is the one event worth making.
    """
    found = [row for row in rows if row[4] <= at_us and row[2] != _PRESET and _covers(row[3], use)]
    if not found:
        return found
    last = max(found, key=_ORDER)
    if last[2] != _GRANT or all(row[2] == _GRANT for row in found):
        return [last]
    return found


def _event(member: str, row: EventRow) -> ConsentEvent:
    """Return a stored row as an event: `service.consent.event_of`, at half its cost."""
    expires, original = row[6], row[12]
    effective = from_us(row[4])
    return ConsentEvent(
        member=MemberId(member),
        index=row[0],
        kind=_KINDS[row[2]],
        scope=_scope(row[3]),
        effective=effective,
        recorded=effective if row[5] == row[4] else from_us(row[5]),
        expires=None if expires is None else from_us(expires),
        includes_past=row[7] == 1,
        notice=row[8],
        grade=_GRADES[row[9]],
        channel=row[10],
        original=None if original is None else from_us(original),
        evidence=row[13],
    )


@lru_cache(maxsize=_SCOPES_KEPT)
def _scope(text: str) -> Scope:
    return Scope.parse(text)


@lru_cache(maxsize=_SCOPES_KEPT)
def _covers(scope: str, use: Use) -> bool:
    return _scope(scope).covers(use)
