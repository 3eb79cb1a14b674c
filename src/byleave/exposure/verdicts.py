"""What the distinct codes of a plan mean: reasons by the rules of `cohort`, and what to count.

A pass over messages of any size leaves a few thousand distinct codes (`plan`). Each is judged
here once, for every cohort and reading; counts of codes then give every number of a case:
pairs by adding them up, messages and members by joining the bits (`marks`) of their codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from byleave.exposure.finding import REASONS
from byleave.exposure.pack import Reading
from byleave.exposure.plan import WORD_BITS, CasePlan, Field
from byleave.exposure.practice import Honoured
from byleave.exposure.readings import claimable
from byleave.ids import FAR_FUTURE_US, to_us

__all__ = ["Marks", "Verdicts", "tally"]

Array = Any  # a NumPy array; its element type is named where it is made

_SILENT, _REFUSED, _EXPIRED, _OLDER = 1, 2, 3, 4
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """The distinct codes, judged for one cohort.

    Attributes:
        reason: int8[n], index into `REASONS`; -1: not affected.
        first: int32[n], the delivery (of the plan) that gives the reason; -1.
        touched: bool[n, deliveries], which deliveries affected them at all.
        recipient: bool[n].
        early: bool[n], no document declared the first use by then.
        silent: bool[n], they had said nothing by then.
    """

    reason: Array
    first: Array
    touched: Array
    recipient: Array
    early: Array
    silent: Array


def judged(plan: CasePlan, codes: Array, number: int) -> Verdicts:
    """Judge codes for one cohort of the plan.

    Args:
        plan: The plan.
        codes: int64[n, words], distinct and not 0.
        number: Which cohort.
    """
    cohort = plan.cohorts[number]
    size, deliveries = len(codes), len(plan.deliveries)
    recipient = _bit(codes, plan.role_shift)
    dated = _bit(codes, plan.dated_shift)
    kind = _field(codes, plan.kind_field)
    asked = np.ones(size, dtype=bool)
    if cohort.roles:
        asked &= np.where(recipient, "recipient" in cohort.roles, "author" in cohort.roles)
    if cohort.kinds:
        asked &= np.isin(kind, plan.of_kinds(cohort.kinds))
    by_date = cohort.sent.start is not None or cohort.sent.end is not None
    if by_date:
        asked &= _bit(codes, plan.sent_shift(number)) | ~dated
    found = Verdicts(
        reason=np.full(size, _NOBODY, dtype=np.int8),
        first=np.full(size, _NOBODY, dtype=np.int32),
        touched=np.zeros((size, deliveries), dtype=bool),
        recipient=recipient,
        early=np.zeros(size, dtype=bool),
        silent=np.zeros(size, dtype=bool),
    )
    for at, done in enumerate(plan.deliveries):
        if not cohort.asks_about(done):
            continue
        said = _field(codes, plan.digits[at])
        hit = asked & (said > 0)
        window = plan.window_of[number][at]
        if window is not None:
            hit &= (codes[:, 0] & plan.window_bit(window)) != 0
        if cohort.regions:
            hit &= _inside(plan, codes, at, cohort.regions)
        certain = dated if done.records is None or by_date else np.ones(size, dtype=bool)
        before = ~np.array(
            [plan.declared_before(at, k) for k in range(len(plan.classes))], dtype=bool
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

    `high`, `low` (a date is certain); `reason:N`; `touched:N`, a delivery of the plan;
    `subject:NAME`, `claim:NAME`, `claim-low:NAME` for a reading.
    """

    cohort: int
    bits: Mapping[str, int]

    def of(self, name: str) -> tuple[int, int]:
        """Return the word and the mask of a mark."""
        word, bit = divmod(self.bits[name], WORD_BITS)
        return word, 1 << bit


def marked(
    plan: CasePlan, codes: Array, verdicts: tuple[Verdicts, ...], as_of: datetime
) -> tuple[Array, tuple[Marks, ...]]:
    """Return int64[n, words], the marks of every code, and where each stands.

    Marks are joined by a bitwise or: of the codes of one message, of one member. Readings that
    count the same share their marks.
    """
    columns: list[Array] = []
    places = []
    for number, found in enumerate(verdicts):
        bits: dict[str, int] = {}

        def mark(name: str, holds: Array, bits: dict[str, int] = bits) -> None:
            bits[name] = len(columns)
            columns.append(holds)

        high = found.reason != _NOBODY
        mark("high", high)
        mark("low", found.reason > 0)
        for reason in range(len(REASONS)):
            mark(f"reason:{reason}", found.reason == reason)
        for at in range(len(plan.deliveries)):
            if plan.cohorts[number].asks_about(plan.deliveries[at]):
                mark(f"touched:{at}", found.touched[:, at])
        seen: dict[object, str] = {}
        for reading in plan.pack.readings:
            key = (
                reading.applies,
                reading.disclosures_only,
                reading.regions,
                reading.limitation_years,
            )
            if key in seen:
                for name in ("subject", "claim", "claim-low"):
                    bits[f"{name}:{reading.name}"] = bits[f"{name}:{seen[key]}"]
                continue
            seen[key] = reading.name
            subject, claim = _claims(plan, codes, found, reading, as_of)
            mark(f"subject:{reading.name}", subject)
            mark(f"claim:{reading.name}", claim)
            mark(f"claim-low:{reading.name}", claim & (found.reason > 0))
        places.append(Marks(number, bits))
    words = np.zeros((len(codes), max(-(-len(columns) // WORD_BITS), 1)), dtype=np.int64)
    for place, holds in enumerate(columns):
        word, bit = divmod(place, WORD_BITS)
        words[:, word] |= holds.astype(np.int64) << bit
    return words, tuple(places)


def _claims(
    plan: CasePlan, codes: Array, found: Verdicts, reading: Reading, as_of: datetime
) -> tuple[Array, Array]:
    """Return bool[n] twice: what a reading speaks about; and that a claim is not too late."""
    deliveries = plan.deliveries
    left = np.array([d.left_the_platform for d in deliveries], dtype=bool)
    counted = found.touched & left if reading.disclosures_only else found.touched
    subject = counted.any(axis=1) & (found.reason != _NOBODY)
    speaks = np.array([reading.applies.holds(d.at) for d in deliveries] + [False], dtype=bool)
    subject &= speaks[found.first]
    if reading.regions:
        inside = np.zeros(len(codes), dtype=bool)
        for at in range(len(deliveries)):
            here = found.first == at
            inside[here] = _inside(plan, codes[here], at, reading.regions)
        subject &= inside
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
    return subject, subject & (counted & timely).any(axis=1)


def _inside(plan: CasePlan, codes: Array, delivery: int, regions: frozenset[str]) -> Array:
    if regions not in plan.regions:
        return np.zeros(len(codes), dtype=bool)
    return (codes[:, 0] & plan.region_bit(delivery, plan.regions.index(regions))) != 0


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
