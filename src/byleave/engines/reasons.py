"""The fast way to reasons: a glance at each party, a table look-up a row, details for few.

What two or four bits a member say (`gate.glance`) decides most rows: one table per category
holds the answer for every combination of two glances, so a row costs two reads from memory and
one small look-up. With more parties each party is a number (what it says, where it stands) and a
row the least of them. Rows that a glance does not tell of, and rows with an unknown or missing
party, go the long way through `arrow.decide`, which agrees with the oracle; a table only repeats
its rules 5 to 7 (docs/spec/gate.md §3) for profiles that no date changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Reason
from byleave.gate.category import CategoryPlan
from byleave.policy.ruleset import PartyRule

__all__ = ["BLOCK", "OPEN", "Columns", "PairTable", "PartyTable", "decide_columns"]

OPEN: Final = 255
"""In place of a reason: a table does not tell."""

BLOCK: Final = 1 << 15
"""Rows decided at a time: what is in hand stays in cache."""

_NOBODY: Final = np.uint16(0xFFFF)
_VETO, _STOP, _SILENT, _YES = range(4)
_PLACES: Final = 63

Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ordinals = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """The answer for author and one recipient, or for an author alone.

    Attributes:
        reason: `Reason` or `OPEN`, by author's glance * 16 + recipient's; uint8[256].
        party: Which party; int32[256].
    """

    reason: Codes
    party: npt.NDArray[np.int32]

    @classmethod
    def of(cls, category: CategoryPlan, rule: PartyRule | None, *, alone: bool) -> PairTable:
        """Make the table of a category under a party rule (None: as its profiles say)."""
        says, words, rules = _glances(category)
        known = len(category.glance.profiles)
        reason = np.full((16, 16), OPEN, np.uint8)
        party = np.full((16, 16), -1, np.int32)
        for a in range(known):
            for b in [0] if alone else range(known):
                parties = [a] if alone else [a, b]
                held = max(int(rules[p]) for p in parties) if rule is None else int(rule)
                found = _answer([int(says[p]) for p in parties], held)
                reason[a, b] = (
                    Reason.KEPT if found < 0 else _told(int(words[parties[found]]), found)
                )
                party[a, b] = found
        return cls(reason.reshape(-1), party.reshape(-1))


@dataclass(frozen=True, slots=True, eq=False)
class PartyTable:
    """What each party of a row says as a number; the least of a row's numbers is its answer.

    A number is class << 14 | place << 8 | reason; classes are veto, stop, silence, yes. A glance
    that does not tell is less than all of them, with `OPEN` as its reason.

    Attributes:
        author: Number of an author by glance; uint16[16].
        other: Number of a recipient at place 0 by glance; add the place << 8; uint16[16].
        is_whole: Whether a least number that is a silence is the answer; else such rows are open.
    """

    author: npt.NDArray[np.uint16]
    other: npt.NDArray[np.uint16]
    is_whole: bool

    @classmethod
    def of(cls, category: CategoryPlan, rule: PartyRule | None) -> PartyTable:
        """Make the numbers of a category under a party rule (None: as its profiles say)."""
        says, words, rules = _glances(category)
        known = len(category.glance.profiles)
        held = {int(r) for r in rules} if rule is None else {int(rule)}
        author, other = (np.full(16, OPEN, np.uint16) for _ in range(2))
        for at in range(known):
            kind, word = int(says[at]), int(words[at])
            author[at] = kind << 14 | _told(word, 0)
            quiet = kind == _SILENT and held == {PartyRule.AUTHOR}
            other[at] = _YES << 14 if quiet else kind << 14 | _told(word, 1)
        return cls(author, other, held <= {PartyRule.ALL} or held <= {PartyRule.AUTHOR})


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The parties of some rows, a column each; no lists.

    Attributes:
        parties: Ordinals, the author's first; of any integer type; where `absent`, anything valid.
        absent: For each column which rows have no party there, or None: none.
    """

    parties: tuple[Ordinals, ...]
    absent: tuple[Flags | None, ...]


def decide_columns(
    category: CategoryPlan,
    rule: PartyRule | None,
    columns: Columns,
    reason: Codes,
    party: npt.NDArray[np.int32],
) -> None:
    """Write one reason (or `OPEN`) and party for each row.

    Args:
        category: Of all rows.
        rule: Overrides the party rule.
        columns: The parties; all ordinals are members.
        reason: Written; uint8[rows].
        party: Written; int32[rows].
    """
    if len(columns.parties) <= 2 and not any(a is not None for a in columns.absent):
        _pairs(category, rule, columns.parties, reason, party)
    else:
        _least(category, rule, columns, reason, party)


def _pairs(
    category: CategoryPlan,
    rule: PartyRule | None,
    parties: tuple[Ordinals, ...],
    reason: Codes,
    party: npt.NDArray[np.int32],
) -> None:
    table = PairTable.of(category, rule, alone=len(parties) == 1)
    glance = category.glance
    for start in range(0, len(reason), BLOCK):
        block = slice(start, start + BLOCK)
        both = glance.get(parties[0][block])
        both <<= np.uint8(4)
        if len(parties) == 2:
            both |= glance.get(parties[1][block])
        np.take(table.reason, both, out=reason[block], mode="clip")
        np.take(table.party, both, out=party[block], mode="clip")


def _least(
    category: CategoryPlan,
    rule: PartyRule | None,
    columns: Columns,
    reason: Codes,
    party: npt.NDArray[np.int32],
) -> None:
    table, glance = PartyTable.of(category, rule), category.glance
    for start in range(0, len(reason), BLOCK):
        block = slice(start, start + BLOCK)
        least = np.take(table.author, glance.get(columns.parties[0][block]))
        nobody = np.ones(len(least), np.bool_)
        skipped = np.zeros(len(least), np.uint16)
        for ordinals, absent in zip(columns.parties[1:], columns.absent[1:], strict=True):
            place = np.uint16(1) << np.uint16(8)
            found = np.take(table.other, glance.get(ordinals[block]))
            skipped += place  # the place counts recipients that are there
            if absent is None:
                nobody[:] = False
            else:
                gone = absent[block]
                nobody &= gone
                skipped[gone] -= place
            told = found != np.uint16(OPEN)
            found += np.where(told, skipped, np.uint16(0))
            if absent is not None:
                found[gone] = _NOBODY
            np.minimum(least, found, out=least)
        kind = least >> np.uint16(14)
        said = least.astype(np.uint8)
        said[kind == _YES] = Reason.KEPT
        if not table.is_whole:
            said[kind == _SILENT] = OPEN
        said[nobody | (least == OPEN)] = OPEN
        reason[block] = said
        where = (least >> np.uint16(8)).astype(np.int32) & _PLACES
        where[said == Reason.KEPT] = -1
        party[block] = where


def _glances(
    category: CategoryPlan,
) -> tuple[list[int], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return class, reason and party rule of each profile that a glance tells of."""
    chosen = np.array(category.glance.profiles, np.int64)
    code, stop = category.profiles.code[chosen], category.profiles.stop[chosen]
    no = np.isin(code, [Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED])
    says = np.select([no, stop != Reason.KEPT, code != Reason.KEPT], [_VETO, _STOP, _SILENT], _YES)
    words = np.where(says == _STOP, stop, code)
    return says.tolist(), words, category.profiles.party_rule[chosen]


def _answer(says: list[int], rule: int) -> int:
    """Return which party the row is dropped for, -1: it is kept."""
    for kind in (_VETO, _STOP):
        if kind in says:
            return says.index(kind)
    silent = [i for i, kind in enumerate(says) if kind == _SILENT]
    matters = {
        PartyRule.AUTHOR: 0 in silent,
        PartyRule.ANY: len(silent) == len(says),
        PartyRule.ALL: bool(silent),
    }[PartyRule(rule)]
    return silent[0] if matters else -1


def _told(word: int, place: int) -> int:
    """Return how a party's reason is told: another's no is a veto."""
    no = word in {Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED}
    return int(Reason.PARTY_VETOED) if no and place else word
