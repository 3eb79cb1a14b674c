"""The parts of a ruleset: a basis, a party rule, the rule of a scope, a suspension, a grade.

`byleave.policy.ruleset` puts them together, and is where everybody imports them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields

__all__ = ["Basis", "EvidenceRule", "PartyRule", "Rule", "Suspension", "read_date"]


class Basis(IntEnum):
    """On what a use may rest; the stricter has the higher number."""

    CONTRACT = 0
    NOT_OBJECTED = 1
    OPT_IN = 2
    FORBIDDEN = 3

    @property
    def word(self) -> str:
        """The word of the documents: `opt-in`."""
        return self.name.lower().replace("_", "-")


class PartyRule(IntEnum):
    """Whose silence matters in a message; the stricter has the higher number.

    A no of any party vetoes under every rule (G4).
    """

    ANY = 0
    AUTHOR = 1
    ALL = 2

    @property
    def word(self) -> str:
        """The word of the documents: `author`."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> PartyRule:
        """Read `any`, `author` or `all`.

        Raises:
            InputError: `ruleset.malformed`, another word.
        """
        if text not in {"any", "author", "all"}:
            raise InputError(
                f"{text[:40]!r} is no party rule",
                code="ruleset.malformed",
                hint="one of author, any, all",
            )
        return cls[text.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The basis of the uses in one scope.

    Attributes:
        scope: Which uses; of the rules that cover a use, those of the narrowest scope speak.
        basis: On what they may rest.
        cite: Statute or decision.
        notice_days: For `not-objected`: days between the notice and the first use.
        noticed: For `not-objected`: when the operator told its members; None: it has not.
        law_allows: What the law may have allowed where it is looser; decides nothing.
        law_cite: Where it says so.
    """

    scope: Scope
    basis: Basis
    cite: str
    notice_days: int = 0
    noticed: datetime | None = None
    law_allows: Basis | None = None
    law_cite: str | None = None

    def is_ready(self, at: datetime) -> bool:
        """Say whether the notice of a `not-objected` rule was given long enough ago."""
        return self.noticed is not None and at >= self.noticed + timedelta(days=self.notice_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A scope in which nothing may be used from `start` until `end` (exclusive; None: open)."""

    scope: Scope
    start: datetime
    end: datetime | None
    cite: str

    def is_in_force(self, use: Use, at: datetime) -> bool:
        """Say whether `use` stands suspended at `at`."""
        return self.scope.covers(use) and self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRule:
    """From `start` on, imported grants of this evidence grade or better count.

    Attributes:
        start: From when; never before it was logged (`service.rules`).
        accepts: `bytes`, `version` or `none`.
        cite: On whose decision.
    """

    start: datetime
    accepts: str
    cite: str


def read_date(fields: Fields, field_name: str) -> datetime:
    """Read an instant of a file of rulesets.

    Raises:
        InputError: `ruleset.malformed`.
    """
    try:
        return parse_instant(fields.text(field_name))
    except InputError as error:
        if error.code != "input.instant":
            raise
        raise InputError(
            error.message, code="ruleset.malformed", where=fields.where(field_name)
        ) from None
