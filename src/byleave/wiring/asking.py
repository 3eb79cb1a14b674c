"""Asking a member in context: the rule of `service.asking`, and the file that remembers it.

What is kept is which uses a member was asked for, when, and whether they said "not now": by
ordinal, in `desk.sqlite`, never in the ledger or the log. Losing the file asks once more too early.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from byleave.errors import InputError
from byleave.ids import format_instant, from_us, to_us
from byleave.service.asking import Asking, PutOff, asking, question_of
from byleave.stores.desk import DeskFile
from byleave.wiring.desk import open_desk

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["ContextAsks", "asked_before"]


class ContextAsks:
    """What a platform may ask a member now.

    Args:
        workspace: Open; it is only read.
        desk: Remembers who was asked.
    """

    def __init__(self, workspace: Workspace, desk: DeskFile) -> None:
        self._house = workspace.house
        self._days = workspace.config.ask_again_days
        self._desk = desk

    def question(self, *, notice: str | None = None, use: str | None = None) -> str:
        """Return the question that a notice is a text of, or that asks for a leaf use.

        Raises:
            InputError: `consent.notice-unknown`; `input.malformed`; `use.*`.
        """
        return question_of(self._house, notice=notice, use=use)

    def may(
        self, member: str, question: str, *, language: str, screen: str | None = None
    ) -> Asking:
        """Return how a question stands with a member; nothing is remembered of it.

        Raises:
            InputError: `member.unknown`; `consent.notice-unknown`.
        """
        before = self._desk.asked(self._ordinal(member)).get(question)
        put_off = None
        if before is not None:
            put_off = PutOff(at=from_us(before.at_us), uses=before.uses, said=bool(before.said))
        return asking(
            self._house,
            member,
            question,
            language=language,
            screen=screen,
            put_off=put_off,
            days=self._days,
        )

    def ask(
        self, member: str, question: str, *, language: str, screen: str | None = None
    ) -> Asking:
        """Return the same, and where it may be asked remember that it is shown now: once.

        Raises:
            InputError: As `may`.
        """
        found = self.may(member, question, language=language, screen=screen)
        if not found.ask:
            return found
        now = self._house.now()
        first = self._desk.ask(
            self._ordinal(member),
            question,
            frozenset(found.uses),
            now_us=to_us(now),
            since_us=to_us(now - timedelta(days=self._days)),
        )
        return found if first else self.may(member, question, language=language, screen=screen)

    def not_now(
        self, member: str, question: str, *, language: str, screen: str | None = None
    ) -> Asking:
        """Remember that a member said "not now"; of a question that is not open nothing is.

        Raises:
            InputError: As `may`.
        """
        found = self.may(member, question, language=language, screen=screen)
        if not found.scopes:
            return found
        now_us = to_us(self._house.now())
        self._desk.put_off(self._ordinal(member), question, frozenset(found.uses), now_us=now_us)
        return self.may(member, question, language=language, screen=screen)

    def _ordinal(self, member: str) -> int:
        row = self._house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        return row[0]


def asked_before(workspace: Workspace, member: str) -> list[dict[str, Any]]:
    """Return when a member was asked in context without an answer, for their export."""
    row = workspace.house.ledger.member(member)
    if row is None or not (workspace.path / "desk.sqlite").exists():
        return []
    with contextlib.closing(open_desk(workspace)) as desk:
        return [
            {
                "question": question,
                "at": format_instant(from_us(found.at_us)),
                "uses": sorted(found.uses),
                "not_now": bool(found.said),
            }
            for question, found in desk.asked(row[0]).items()
        ]
