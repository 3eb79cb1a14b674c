"""The fast way to reasons: a glance at each party, a table look-up a row, details for few.

What two or four bits a member say (`gate.glance`) decides most rows: one table per category
holds the answer for every combination of two glances, so a row costs two reads from memory and
one small look-up. With more parties each party is a number (what it says, where it stands) and a
row the least of them. Rows that a glance does not tell of, and rows with an unknown or missing
party, go the long way through `arrow.decide`, which agrees with the oracle; a table only repeats
its rules 5 to 7 (docs/spec/gate.md §3) for profiles that no date changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Reason
from byleave.gate.category import CategoryPlan
from byleave.gate.members import IdKernel
from byleave.gate.profile import ALWAYS, GAPS
from byleave.policy.ruleset import PartyRule

__all__ = [
    "BLOCK",
    "OPEN",
    "Columns",
    "Kernel",
    "Lists",
    "PairTable",
    "PartyTable",
    "Speech",
    "decide_columns",
    "decide_dated",
    "decide_lists",
    "exact_pairs",
]

OPEN: Final = 255
"""In place of a reason: a table does not tell."""

BLOCK: Final = 1 << 15
"""Rows decided at a time: what is in hand stays in cache."""

_NOBODY: Final = np.uint16(0xFFFF)
_VETO, _STOP, _SILENT, _YES = range(4)
_PLACES: Final = 63
_TABLE: Final = 256
"""The most profiles for which there is a table of pairs: 64 Ki answers."""

_VOICES: Final = 5

_IS_NO: Final = np.zeros(256, np.bool_)
_IS_NO[[Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED]] = True

Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ordinals = npt.NDArray[Any]
_Spoken = tuple[Codes, Codes, Codes, Flags]


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """The answer for author and one recipient, or for an author alone.

    Attributes:
        reason: `Reason` or `OPEN`, by author's number * `width` + recipient's; uint8.
        party: Which party; int32.
        width: How many numbers there are.
    """

    reason: Codes
    party: npt.NDArray[np.int32]
    width: int

    @classmethod
    def of(cls, speech: _Spoken, rule: PartyRule | None, *, width: int, alone: bool) -> PairTable:
        """Make the table of some speakers under a party rule (None: as they say).

        Args:
            speech: What the speakers 0, 1, ... say.
            rule: Overrides their party rule.
            width: How many numbers there are; those without a speaker are open.
            alone: Whether rows have an author only; a recipient's number is then 0.
        """
        says, words, rules, able = speech
        known = len(says)
        a, b = np.arange(known)[:, None], np.arange(known)[None, :]
        says_a, says_b = says[a], np.full_like(says[b], _YES) if alone else says[b]
        held = rules[a] if alone else np.maximum(rules[a], rules[b])
        if rule is not None:
            held = np.full_like(held, int(rule))
        first = np.minimum(says_a, says_b)
        quiet_a, quiet_b = says_a == _SILENT, says_b == _SILENT
        both = quiet_a & (quiet_b | alone)
        matters = np.select(
            [held == PartyRule.ALL, held == PartyRule.AUTHOR], [quiet_a | quiet_b, quiet_a], both
        )
        drops = (first < _SILENT) | ((first == _SILENT) & matters)
        whose = np.where(drops, np.where(says_a == first, 0, 1), -1)
        told = np.where(_IS_NO[words], np.uint8(Reason.PARTY_VETOED), words)
        found = np.select([whose == 0, whose == 1], [words[a], told[b]], np.uint8(Reason.KEPT))
        reason = np.full((width, width), OPEN, np.uint8)
        party = np.full((width, width), -1, np.int32)
        reason[:known, :known] = np.where(able[a] & (able[b] | alone), found, np.uint8(OPEN))
        party[:known, :known] = whose
        return cls(reason.reshape(-1), party.reshape(-1), width)


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
        says, words, rules, _ = _speech(category, category.glance.profiles)
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


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The parties of some rows, recipients as lists.

    Attributes:
        author: Ordinals, of any integer type.
        offsets: Row i has the recipients `offsets[i]:offsets[i + 1]`; int64[rows + 1].
        others: Ordinals of recipients, of any integer type.
        collected: µs since the epoch, or empty: no answer depends on it; int64.
    """

    author: Ordinals
    offsets: npt.NDArray[np.int64]
    others: Ordinals
    collected: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What a party of each voice says, as a kernel reads it; a voice is a profile and a date.

    A number is class << 30 | reason (`OPEN`: a table does not tell); the place << 8 is added. The
    voice of a profile p, of count profiles, is p where the row's date is of no matter, and p plus
    once, twice, ... count as in `_twins`.

    Attributes:
        author: Number of an author by voice; uint32[5 * profiles].
        other: Number of a recipient by voice; likewise.
        rule: `PartyRule` by voice; uint8.
        held: The party rule asked for instead; -1: as the profiles say.
    """

    author: npt.NDArray[np.uint32]
    other: npt.NDArray[np.uint32]
    rule: Codes
    held: int

    @classmethod
    def of(cls, category: CategoryPlan, rule: PartyRule | None) -> Speech:
        """Take it from a category under a party rule."""
        says, words, rules, able = _twins(category)
        top = says.astype(np.uint32) << np.uint32(30)
        told = np.where(_IS_NO[words], np.uint8(Reason.PARTY_VETOED), words)
        unable = np.uint32(OPEN)
        author, other = (np.where(able, top | w.astype(np.uint32), unable) for w in (words, told))
        return cls(author, other, rules, -1 if rule is None else int(rule))


def exact_pairs(category: CategoryPlan, rule: PartyRule | None, *, alone: bool) -> PairTable | None:
    """Return the answers by profile for author and one recipient; None: a date matters, or too many.

    Args:
        category: Of the rows.
        rule: Overrides the party rule.
        alone: Whether rows have an author only.
    """
    count = len(category.profiles)
    if not 0 < count <= _TABLE or not category.profiles.timeless.all():
        return None
    return PairTable.of(_speech(category, range(count)), rule, width=count, alone=alone)


class Kernel(Protocol):
    """The loops that a compiled kernel runs instead of NumPy; the answers are the same."""

    @property
    def ids(self) -> IdKernel:
        """The loops over ids that are texts."""
        ...

    def pairs(
        self,
        category: CategoryPlan,
        table: PairTable,
        exact: PairTable | None,
        parties: tuple[Ordinals, ...],
        reason: Codes,
        party: npt.NDArray[np.int32],
    ) -> None:
        """Write reason (or `OPEN`) and party of rows with an author and at most one recipient.

        Args:
            category: Of all rows.
            table: Answers by glance.
            exact: Answers by profile, where a glance does not tell; None: leave open.
            parties: Ordinals, the author's first; all are members.
            reason: Written; uint8[rows].
            party: Written; int32[rows].
        """
        ...

    def lists(
        self,
        category: CategoryPlan,
        speech: Speech,
        rows: Lists,
        reason: Codes,
        party: npt.NDArray[np.int32],
    ) -> None:
        """Write reason (or `OPEN`) and party of rows with any number of recipients.

        Args:
            category: Of all rows.
            speech: What its profiles say.
            rows: The rows; all ordinals are members.
            reason: Written; uint8[rows].
            party: Written; int32[rows].
        """
        ...


def decide_lists(
    category: CategoryPlan,
    rule: PartyRule | None,
    rows: Lists,
    reason: Codes,
    party: npt.NDArray[np.int32],
    kernel: Kernel | None = None,
) -> None:
    """Write one reason (or `OPEN`) and party for each row; without recipients the author's.

    Args:
        category: Of all rows.
        rule: Overrides the party rule.
        rows: The rows; all ordinals are members.
        reason: Written; uint8[rows].
        party: Written; int32[rows].
        kernel: Runs the loop instead of NumPy.
    """
    if kernel is not None:
        kernel.lists(category, Speech.of(category, rule), rows, reason, party)
        return
    lengths = np.diff(rows.offsets)
    table, glance = PartyTable.of(category, rule), category.glance
    wide = _widened(table.other)
    row = np.repeat(np.arange(len(lengths)), lengths)
    found = np.take(wide, glance.get(rows.others))
    place = np.arange(1, len(row) + 1) - rows.offsets[row]
    told = found != OPEN
    found[told] += place[told].astype(np.uint32) << np.uint32(8)
    least = np.take(_widened(table.author), glance.get(rows.author))
    some = np.flatnonzero(lengths)
    if len(some):
        starts = rows.offsets[some]
        least[some] = np.minimum(least[some], np.minimum.reduceat(found, starts))
    kind = least >> np.uint32(30)
    said = least.astype(np.uint8)
    said[kind == _YES] = Reason.KEPT
    if not table.is_whole:
        said[kind == _SILENT] = OPEN
    said[least == OPEN] = OPEN
    reason[:] = said
    where = ((least >> np.uint32(8)) & np.uint32((1 << 22) - 1)).astype(np.int32)
    where[said == Reason.KEPT] = -1
    party[:] = where


def _widened(numbers: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint32]:
    """Give a party's number room for places up to 2^22."""
    wide = numbers.astype(np.uint32)
    return (wide >> np.uint32(14) << np.uint32(30)) | (wide & np.uint32((1 << 14) - 1))


def decide_columns(
    category: CategoryPlan,
    rule: PartyRule | None,
    columns: Columns,
    reason: Codes,
    party: npt.NDArray[np.int32],
    kernel: Kernel | None = None,
) -> None:
    """Write one reason (or `OPEN`) and party for each row.

    Args:
        category: Of all rows.
        rule: Overrides the party rule.
        columns: The parties; all ordinals are members.
        reason: Written; uint8[rows].
        party: Written; int32[rows].
        kernel: Runs the loop over pairs instead of NumPy.
    """
    if len(columns.parties) <= 2 and not any(a is not None for a in columns.absent):
        _pairs(category, rule, columns.parties, reason, party, kernel)
    else:
        _least(category, rule, columns, reason, party)


def _pairs(
    category: CategoryPlan,
    rule: PartyRule | None,
    parties: tuple[Ordinals, ...],
    reason: Codes,
    party: npt.NDArray[np.int32],
    kernel: Kernel | None,
) -> None:
    glance, alone, count = category.glance, len(parties) == 1, len(category.profiles)
    table = PairTable.of(_speech(category, glance.profiles), rule, width=16, alone=alone)
    exact = None
    if count <= _TABLE and not glance.is_whole(count):
        exact = PairTable.of(_speech(category, range(count)), rule, width=count, alone=alone)
    if kernel is not None:
        kernel.pairs(category, table, exact, parties, reason, party)
        return
    for start in range(0, len(reason), BLOCK):
        block = slice(start, start + BLOCK)
        both = glance.get(parties[0][block])
        both <<= np.uint8(4)
        if not alone:
            both |= glance.get(parties[1][block])
        np.take(table.reason, both, out=reason[block], mode="clip")
        np.take(table.party, both, out=party[block], mode="clip")
    if exact is not None:
        _look(category, exact, parties, reason, party)


def _look(
    category: CategoryPlan,
    exact: PairTable,
    parties: tuple[Ordinals, ...],
    reason: Codes,
    party: npt.NDArray[np.int32],
) -> None:
    """Decide what a glance left open by the profiles themselves."""
    todo = np.flatnonzero(reason == OPEN)
    if not len(todo):
        return
    both = category.profile[parties[0][todo]].astype(np.uint16)
    both *= np.uint16(exact.width)
    if len(parties) == 2:
        both += category.profile[parties[1][todo]]
    reason[todo] = exact.reason[both]
    party[todo] = exact.party[both]


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


def decide_dated(
    category: CategoryPlan,
    rule: PartyRule | None,
    parties: tuple[Ordinals, ...],
    collected: npt.NDArray[np.int64],
    reason: Codes,
    party: npt.NDArray[np.int32],
) -> bool:
    """Write reason (or `OPEN`) and party of rows with at most one recipient, by their dates.

    A party speaks with one of five voices of its profile, by when the row was collected.

    Returns:
        Whether it could: the table of pairs has at most 256 numbers.
    """
    count, alone = len(category.profiles), len(parties) == 1
    if _VOICES * count > _TABLE:
        return False
    pair = PairTable.of(_twins(category), rule, width=_VOICES * count, alone=alone)
    for start in range(0, len(reason), BLOCK):
        block = slice(start, start + BLOCK)
        when = collected[block]
        both = _voice(category, parties[0][block], when) * np.uint16(pair.width)
        if not alone:
            both += _voice(category, parties[1][block], when)
        np.take(pair.reason, both, out=reason[block], mode="clip")
        np.take(pair.party, both, out=party[block], mode="clip")
    return True


def _voice(
    category: CategoryPlan, ordinals: Ordinals, when: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint16]:
    """Return the voice with which a party speaks of a row (see `_twins`)."""
    table, count = category.profiles, len(category.profiles)
    profile = np.take(category.profile, ordinals)
    voice = profile.astype(np.uint16)
    late = np.flatnonzero(when < np.take(table.from_hi, profile))
    which, at = profile[late], when[late]
    near = np.flatnonzero(table.has_own_start[which] & (at >= table.from_lo[which]))
    if len(near):  # within the span: the member's own instant tells
        reaches = at[near] >= category.start.get(ordinals[late[near]].astype(np.int64))
        late, at = np.delete(late, near[reaches]), np.delete(at, near[reaches])
    voice[late] += np.where(at == ALWAYS, np.uint16(2 * count), np.uint16(count))
    if (table.earliest_us != ALWAYS).any():
        old = np.flatnonzero(when < np.take(table.earliest_us, profile))
        undated = when[old] == ALWAYS
        voice[old] = profile[old] + np.where(undated, np.uint16(4 * count), np.uint16(3 * count))
    return voice


def _twins(category: CategoryPlan) -> _Spoken:
    """Return what each profile says of a row, by five kinds of date, one behind the other.

    A date of no matter; before a yes reaches; no date, and a yes asks for one; before the earliest
    date of the region; no date, and the region has an earliest one. Of a profile with intervals
    in which data must not have been collected no table tells.
    """
    table = category.profiles
    code, stop = table.code, table.stop
    passes = stop == Reason.KEPT
    early, undated = (
        np.where(code == Reason.KEPT, np.uint8(word), code)
        for word in (Reason.PROMISE_OF_COLLECTION, Reason.COLLECTED_AT_UNKNOWN)
    )
    old, unknown = (
        np.where(passes, np.uint8(word), stop)
        for word in (Reason.BEFORE_EARLIEST, Reason.COLLECTED_AT_UNKNOWN)
    )
    codes = np.concatenate([code, early, undated, code, code])
    stops = np.concatenate([stop, stop, stop, old, unknown])
    says, words = _classes(codes, stops)
    return says, words, np.tile(table.party_rule, _VOICES), np.tile(stop < GAPS, _VOICES)


def _classes(code: Codes, stop: Codes) -> tuple[Codes, Codes]:
    """Return the class of what is said, and the reason it gives."""
    says = np.select(
        [_IS_NO[code], stop != Reason.KEPT, code != Reason.KEPT],
        [np.uint8(_VETO), np.uint8(_STOP), np.uint8(_SILENT)],
        np.uint8(_YES),
    )
    return says, np.where(says == _STOP, stop, code)


def _speech(category: CategoryPlan, profiles: Sequence[int]) -> _Spoken:
    """Return class, reason and party rule of some profiles, and whether no date matters to them."""
    table, chosen = category.profiles, np.asarray(profiles, np.int64)
    says, words = _classes(table.code[chosen], table.stop[chosen])
    return says, words, table.party_rule[chosen], table.timeless[chosen]


def _told(word: int, place: int) -> int:
    """Return how a party's reason is told: another's no is a veto."""
    return int(Reason.PARTY_VETOED) if _IS_NO[word] and place else word
