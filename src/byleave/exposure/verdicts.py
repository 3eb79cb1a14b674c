"""What the distinct codes of a plan mean: reasons by the rules of `cohort`, and what to count.

A pass over messages of any size leaves a few thousand distinct codes of each block (`block`). Each
is judged here once, for every cohort and reading; marks of codes then give every number of a case:
pairs by adding them up, messages and members by joining the bits of their codes.

Where there are several blocks a party has a code of each. The block that holds the delivery that
counts first says why they are affected; what any block adds is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from byleave.exposure.block import SAID_BITS, WORD_BITS, Block, Field
from byleave.exposure.finding import REASONS
from byleave.exposure.pack import Reading
from byleave.exposure.plan import CasePlan
from byleave.exposure.practice import Honoured
from byleave.exposure.readings import claimable
from byleave.ids import FAR_FUTURE_US, to_us

__all__ = ["ALSO", "Marks", "Verdicts", "judged", "marked", "marks_of", "tally"]

Array = Any  # a NumPy array; its element type is named where it is made

_SILENT, _REFUSED, _EXPIRED, _OLDER = 1, 2, 3, 4
_NOBODY: Final = -1

ALSO: Final = ("before-policy", "never-answered", "as-recipient")
"""Facts about pairs that overlap the reasons."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """The distinct codes of a block, judged for one cohort.

    Attributes:
        reason: int8[n], index into `REASONS`; -1: not affected.
        first: int32[n], the delivery (of the block) that gives the reason; -1.
        kind: int64[n], the class of the kind.
        touched: bool[n, deliveries], which deliveries affected them at all.
        recipient: bool[n].
        early: bool[n], no document declared the first use by then.
        silent: bool[n], they had said nothing by then.
    """

    reason: Array
    first: Array
    kind: Array
    touched: Array
    recipient: Array
    early: Array
    silent: Array


def judged(block: Block, codes: Array, number: int) -> Verdicts:
    """Judge codes for one cohort of the plan.

    Args:
        block: The block whose codes they are.
        codes: int64[n, words], distinct; 0 is nothing.
        number: Which cohort.
    """
    cohort = block.cohorts[number]
    size, deliveries = len(codes), len(block.deliveries)
    recipient = _bit(codes, block.role_shift)
    dated = _bit(codes, block.dated_shift)
    kind = _field(codes, block.kind_field)
    asked = np.ones(size, dtype=bool)
    if cohort.roles:
        asked &= np.where(recipient, "recipient" in cohort.roles, "author" in cohort.roles)
    if cohort.kinds:
        asked &= np.isin(kind, block.of_kinds(cohort.kinds))
    by_date = cohort.sent.start is not None or cohort.sent.end is not None
    if by_date:
        asked &= _bit(codes, block.sent_shift(number)) | ~dated
    found = Verdicts(
        reason=np.full(size, _NOBODY, dtype=np.int8),
        first=np.full(size, _NOBODY, dtype=np.int32),
        kind=kind,
        touched=np.zeros((size, deliveries), dtype=bool),
        recipient=recipient,
        early=np.zeros(size, dtype=bool),
        silent=np.zeros(size, dtype=bool),
    )
    for at, done in enumerate(block.deliveries):
        if not cohort.asks_about(done):
            continue
        said = _field(codes, block.digits[at]) & ((1 << SAID_BITS) - 1)
        hit = asked & (said > 0)
        window = block.window_of[number][at]
        if window is not None:
            hit &= (codes[:, 0] & block.window_bit(window)) != 0
        if cohort.regions:
            hit &= _inside(block, codes, at, cohort.regions)
        certain = dated if done.records is None or by_date else np.ones(size, dtype=bool)
        before = ~np.array(
            [block.declared_before(at, k) for k in range(len(block.classes))], dtype=bool
        )[kind]
        reason = _reasons(said, certain, recipient & _asks_authors_alone(done.honoured), before)
        _add(found, at, hit, reason, before, said == _SILENT)
    return found


def _asks_authors_alone(honoured: Honoured) -> bool:
    return honoured in {Honoured.AUTHOR, Honoured.NONE}


def _reasons(said: Array, certain: Array, never_asked: Array, before: Array) -> Array:
    """Return the first reason that holds, in the order of `REASONS`."""
    holds = [~certain, said == _REFUSED, said == _OLDER, said == _EXPIRED, never_asked, before]
    return np.select(holds, range(len(holds)), default=len(REASONS) - 1).astype(np.int8)


def _add(found: Verdicts, at: int, hit: Array, reason: Array, early: Array, silent: Array) -> None:
    # The first delivery gives the reason; a certain use later outweighs an uncertain one earlier.
    new = hit & ((found.reason == _NOBODY) | ((found.reason == 0) & (reason != 0)))
    found.reason[new] = reason[new]
    found.first[new] = at
    found.early[new] = early[new]
    found.silent[new] = silent[new]
    found.touched[hit, at] = True


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the marks of one cohort stand: names to bits, counted over all words.

    `high`, `low` (a date is certain); `reason:N`; `also:NAME`; `touched:N`, a delivery of the
    plan; `subject:NAME`, `claim:NAME`, `claim-low:NAME` for a reading. No word holds marks of two
    cohorts.
    """

    cohort: int
    bits: Mapping[str, int]

    def of(self, name: str) -> tuple[int, int]:
        """Return the word and the mask of a mark."""
        word, bit = divmod(self.bits[name], WORD_BITS)
        return word, 1 << bit

    @property
    def words(self) -> range:
        """The words that hold marks of the cohort."""
        places = self.bits.values()
        return range(min(places) // WORD_BITS, max(places) // WORD_BITS + 1)


def marks_of(plan: CasePlan) -> tuple[Marks, ...]:
    """Return where each mark stands. Readings that count the same share their marks."""
    found, word = [], 0
    for number, cohort in enumerate(plan.cohorts):
        names = ["high", "low", *(f"reason:{n}" for n in range(len(REASONS)))]
        names += [f"also:{name}" for name in ALSO]
        names += [f"touched:{n}" for n, d in enumerate(plan.deliveries) if cohort.asks_about(d)]
        bits = {name: word * WORD_BITS + place for place, name in enumerate(names)}
        seen: dict[object, str] = {}
        for reading in plan.pack.readings:
            twin = seen.setdefault(_counts_like(reading), reading.name)
            for name in ("subject", "claim", "claim-low"):
                place = bits.get(f"{name}:{twin}", max(bits.values()) + 1)
                bits[f"{name}:{reading.name}"] = place
        found.append(Marks(number, bits))
        word = found[-1].words.stop
    return tuple(found)


def _counts_like(reading: Reading) -> object:
    return (
        reading.applies,
        reading.disclosures_only,
        reading.regions,
        reading.leaves_out,
        reading.one_party,
        reading.limitation_years,
    )


def marked(
    block: Block,
    codes: Array,
    verdicts: tuple[Verdicts, ...],
    as_of: datetime,
    marks: tuple[Marks, ...],
) -> tuple[Array, Array]:
    """Return int64[n, words] twice, the marks of every code: those it adds, and those it allows.

    A party's marks are those that any of its codes adds and the one allows that says why they are
    affected. They are joined by a bitwise or: of the codes of one message, of one member.
    """
    size, width = len(codes), max(m.words.stop for m in marks)
    adds, allows = np.zeros((2, size, width), dtype=np.int64)
    for place, found in zip(marks, verdicts, strict=True):
        hit = found.reason != _NOBODY

        def mark(
            name: str, added: Array, allowed: Array, place: Marks = place, hit: Array = hit
        ) -> None:
            word, mask = place.of(name)
            adds[:, word] |= np.where(added & hit, mask, 0)
            allows[:, word] |= np.where(allowed & hit, mask, 0)

        mark("high", hit, hit)
        mark("low", hit, found.reason > 0)
        for reason in range(len(REASONS)):
            mark(f"reason:{reason}", hit, found.reason == reason)
        for name, holds in zip(ALSO, (found.early, found.silent, found.recipient), strict=True):
            mark(f"also:{name}", hit, holds)
        for name in place.bits:
            if name.startswith("touched:"):
                at = int(name.removeprefix("touched:")) - block.first
                here = 0 <= at < len(block.deliveries)
                mark(name, found.touched[:, at] if here else ~hit, hit)
        for reading in block.pack.readings:
            _mark_claims(block, codes, found, reading, as_of, mark)
    return adds, allows


def _mark_claims(
    block: Block,
    codes: Array,
    found: Verdicts,
    reading: Reading,
    as_of: datetime,
    mark: Callable[[str, Array, Array], None],
) -> None:
    """Mark what a reading speaks about, and the claims under it that are not too late."""
    deliveries = block.deliveries
    left = np.array([d.left_the_platform for d in deliveries], dtype=bool)
    counted = found.touched & left if reading.disclosures_only else found.touched
    if reading.one_party:
        counted = found.touched & left
        for at, digit in enumerate(block.digits):
            counted[:, at] &= _field(codes, digit) >> SAID_BITS == 0
    speaks = np.array([reading.applies.holds(d.at) for d in deliveries] + [False], dtype=bool)
    allowed = speaks[found.first]
    allowed &= ~np.isin(found.reason, [REASONS.index(name) for name in reading.leaves_out])
    if reading.regions:
        inside = np.zeros(len(codes), dtype=bool)
        for at in range(len(deliveries)):
            here = found.first == at
            inside[here] = _inside(block, codes[here], at, reading.regions)
        allowed &= inside
    timely = np.array(
        [
            claimable(
                FAR_FUTURE_US if d.discoverable_since is None else to_us(d.discoverable_since),
                reading.limitation_years,
                as_of,
            )
            for d in deliveries
        ],
        dtype=bool,
    )
    # A later discovery ends later: in time where any use, or disclosure, is.
    in_time = (counted & timely).any(axis=1)
    mark(f"subject:{reading.name}", counted.any(axis=1), allowed)
    mark(f"claim:{reading.name}", in_time, allowed)
    mark(f"claim-low:{reading.name}", in_time, allowed & (found.reason > 0))


def _inside(block: Block, codes: Array, delivery: int, regions: frozenset[str]) -> Array:
    if regions not in block.regions:
        return np.zeros(len(codes), dtype=bool)
    return (codes[:, 0] & block.region_bit(delivery, block.regions.index(regions))) != 0


def tally(words: Array, counts: Array, marks: Marks) -> dict[str, int]:
    """Return for each mark of a cohort how many of the counted carry it.

    Args:
        words: int64[n, words], joined marks.
        counts: int64[n], how many messages, members or pairs have them.
        marks: Where each stands.
    """
    found = {}
    for name in marks.bits:
        word, mask = marks.of(name)
        found[name] = int(counts[(words[:, word] & mask) != 0].sum())
    return found


def _bit(codes: Array, shift: int) -> Array:
    return (codes[:, 0] >> shift) & 1 == 1


def _field(codes: Array, field: Field) -> Array:
    return (codes[:, field.word] >> field.shift) & ((1 << field.bits) - 1)
