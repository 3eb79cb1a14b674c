"""One decision about one member, now, through the ledger: one look-up and the oracle.

What a decision needs besides the member's own events, the notices' coverage and the accepted
grade of evidence, changes when an operator publishes something. It is kept here and read again
when the look-up shows a newer object in the ledger, so that no answer is older than its question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Final

from byleave.consent.decide import Standing, standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.errors import InputError
from byleave.ids import MemberId, from_us, to_us
from byleave.policy.ruleset import RuleBook
from byleave.policy.scope import Scope, Use
from byleave.service.house import EventRow, House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = ["Decider"]

_SCOPES_KEPT: Final = 65_536
_GRANT: Final = int(EventKind.GRANT)
_PRESET: Final = int(EventKind.PRESET)
_ORDER: Final = itemgetter(4, 0)  # from when it counts, then index
_KINDS: Final = {int(kind): kind for kind in EventKind}
_GRADES: Final = {int(grade): grade for grade in EvidenceGrade}


class Decider:
    """Answers for any member and use; equal to `service.consent.decision_for`.

    Args:
        house: The workspace's ports.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: int | None = None
        self._notices: Mapping[str, NoticeCoverage] = {}
        self._book: RuleBook = house.rulebook

    def decide(self, member: str, use: Use, *, at: datetime | None = None) -> Standing:
        """Return what a member's choices come to for one use.

        Args:
            member: The platform's id.
            use: One leaf use.
            at: An aware UTC instant; None: now, and never before the last recorded event.

        Raises:
            InputError: `member.unknown`.
        """
        history = self._house.ledger.history(member)
        if history is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        if history.last_object != self._seen:
            self._read(history.last_object)
        instant = self._house.now() if at is None else at
        at_us, last = to_us(instant), history.last_recorded
        if at is None and last is not None and at_us < last:
            instant, at_us = from_us(last), last
        return standing(
            [_event(member, row) for row in _deciding(history.events, use, at_us)],
            use,
            at=instant,
            notices=self._notices,
            accepted=accepted_grade(self._book, instant),
        )

    def _read(self, last_object: int) -> None:
        """Read notices and rulesets as far as `last_object`."""
        self._notices = coverages(self._house, before=last_object + 1)
        self._book = rules_as_of(self._house, last_object + 1)
        self._seen = last_object


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
