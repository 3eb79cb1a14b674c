"""Fold choices, rules and facts of some members into what each of them says: `Voices`.

Pure vectors over members, block by block: memory is that of one block, whatever the platform's
size. `gate.plan` numbers the voices as profiles; `gate.patch` folds the few that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Ground, Reason
from byleave.consent.state import State, get_bits
from byleave.gate.profile import ALWAYS, GAPS, Interval, Voices, gap_sets
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.ruleset import Basis, RegionRule, RuleBook

__all__ = ["AGE_UNKNOWN", "MemberFacts", "earliest_of", "next_rule_change", "voices_of"]

AGE_UNKNOWN: Final = -1
_BLOCK: Final = 1 << 20
_VETOES: Final = np.array([Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED], np.uint8)
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberFacts:
    """Dated facts about members, read at the instant of the decision.

    Attributes:
        regions: Region codes; None stands for "unknown".
        region_id: Row in `regions` of each ordinal; int32[members].
        age: Years of each ordinal, `AGE_UNKNOWN` where nobody knows; int16[members].
        groups: Sets of groups that members are in; the first is empty.
        group_id: Row in `groups` of each ordinal, int32[members]; None: nobody is in any.
        next_us: The next instant at which a region or an age of these is another, µs
            (`FAR_FUTURE_US`: never); None: nobody looked.
    """

    regions: tuple[str | None, ...]
    region_id: npt.NDArray[np.int32]
    age: npt.NDArray[np.int16]
    groups: tuple[frozenset[str], ...] = (frozenset(),)
    group_id: npt.NDArray[np.int32] | None = None
    next_us: int | None = None

    @classmethod
    def unknown(cls, members: int) -> MemberFacts:
        """Return the facts about members of whom nothing is known."""
        return cls(
            regions=(None,),
            region_id=np.zeros(members, np.int32),
            age=np.full(members, AGE_UNKNOWN, np.int16),
        )

    @classmethod
    def of(
        cls,
        regions: Sequence[str | None],
        ages: Sequence[int] | None = None,
        *,
        groups: Sequence[frozenset[str]] | None = None,
        next_us: int | None = None,
    ) -> MemberFacts:
        """Return the facts of a region (and an age, and groups) for each ordinal."""
        sets = {g: i for i, g in enumerate(dict.fromkeys([frozenset[str](), *(groups or ())]))}
        table = {r: i for i, r in enumerate(dict.fromkeys([None, *regions]))}
        return cls(
            regions=tuple(table),
            region_id=np.fromiter((table[r] for r in regions), np.int32, len(regions)),
            age=np.full(len(regions), AGE_UNKNOWN, np.int16)
            if ages is None
            else np.array(ages, np.int16),
            groups=tuple(sets),
            group_id=None
            if groups is None
            else np.fromiter((sets[g] for g in groups), np.int32, len(groups)),
            next_us=next_us,
        )


def voices_of(
    state: State, facts: MemberFacts, rules: Sequence[RegionRule], rules_index: int
) -> Iterator[Voices]:
    """Yield what the members of a state say, a block of ordinals at a time.

    Args:
        state: Their choices for one use.
        facts: Their regions, ages and groups.
        rules: What holds in each of `facts.regions` for the use.
        rules_index: Ledger index of the rulesets; -1: none.
    """
    for start in range(0, state.members, _BLOCK):  # a multiple of 8
        yield _fold(state, facts, rules, rules_index, start, min(start + _BLOCK, state.members))


def _fold(
    state: State,
    facts: MemberFacts,
    rules: Sequence[RegionRule],
    rules_index: int,
    start: int,
    end: int,
) -> Voices:
    region = facts.region_id[start:end]
    code, because = state.code[start:end].copy(), state.because[start:end].copy()
    some = slice(start // 8, -(-end // 8))
    # a yes to every purpose, where that does not count
    void = ~np.array([r.general_grants_count for r in rules], np.bool_)[region]
    general = get_bits(state.general[some], end - start)
    code[(code == Reason.KEPT) & general & void] = Reason.GRANT_TOO_GENERAL
    yes = code == Reason.KEPT
    # how far back a yes reaches
    back = np.array([r.past_may_be_covered for r in rules], np.bool_)[region]
    reaches_all = yes & get_bits(state.allow[some], end - start) & back
    own = np.where(yes, state.effective_us[start:end], 0)
    from_us = np.where(reaches_all, ALWAYS, own)
    ground = np.where(yes, np.uint8(Ground.CONSENT), np.uint8(Ground.NONE))
    _other_grounds(code, from_us, ground, because, rules, region, rules_index)
    return Voices(
        code=code,
        stop=_stops(rules, region, facts, start, end),
        ground=ground,
        from_us=from_us,
        because=because,
        region=region,
    )


def _other_grounds(
    code: npt.NDArray[np.uint8],
    from_us: Longs,
    ground: npt.NDArray[np.uint8],
    because: Longs,
    rules: Sequence[RegionRule],
    region: npt.NDArray[np.int32],
    rules_index: int,
) -> None:
    """Let `contract` and `not-objected` hold for whoever said no no, and reach as far as they do.

    A notice covers data collected from the notice on; a yes that reaches further back stays.
    """
    for row, rule in enumerate(rules):
        if rule.basis is Basis.CONTRACT:
            start, kind = ALWAYS, Ground.CONTRACT
        elif rule.basis is Basis.NOT_OBJECTED and rule.ready and rule.noticed is not None:
            start, kind = to_us(rule.noticed), Ground.NOT_OBJECTED
        else:
            continue
        better = (region == row) & ~np.isin(code, _VETOES)
        better &= (code != Reason.KEPT) | (from_us > start)
        code[better] = Reason.KEPT
        from_us[better] = start
        ground[better] = kind
        because[better] = rules_index


def _stops(
    rules: Sequence[RegionRule],
    region: npt.NDArray[np.int32],
    facts: MemberFacts,
    start: int,
    end: int,
) -> npt.NDArray[np.uint8]:
    age = facts.age[start:end]
    by_region = np.array(
        [
            Reason.REGION_SUSPENDED
            if r.suspended
            else Reason.REGION_FORBIDS
            if r.basis is Basis.FORBIDDEN
            else Reason.KEPT
            for r in rules
        ],
        np.uint8,
    )
    ages = np.array([0 if r.min_age is None else r.min_age for r in rules], np.int16)
    stop = by_region[region]
    unknown = age == AGE_UNKNOWN
    young = ~unknown & (age < ages[region])
    stop[young & (stop == Reason.KEPT)] = Reason.MINOR
    asked = np.array([r.unknown_age_refused for r in rules], np.bool_)[region]
    stop[unknown & asked & (stop == Reason.KEPT)] = Reason.AGE_UNKNOWN
    if facts.group_id is not None:
        out = np.array(
            [[bool(g & set(r.excluded_groups)) for g in facts.groups] for r in rules], np.bool_
        )
        listed = out[region, facts.group_id[start:end]]
        stop[listed & (stop == Reason.KEPT)] = Reason.GROUP_EXCLUDED
    sets = gap_sets(rules)
    if sets:
        number = np.array([_gap_of(r, sets) for r in rules], np.uint8)[region]
        free = stop == Reason.KEPT
        stop[free] = number[free]
    return stop


def _gap_of(rule: RegionRule, sets: Sequence[tuple[Interval, ...]]) -> int:
    """Return what stands for the intervals of a rule in `Profiles.stop`."""
    mine = tuple((to_us(a), to_us(b)) for a, b in rule.purged)
    return GAPS + sets.index(mine) if mine else int(Reason.KEPT)


def earliest_of(rules: Sequence[RegionRule]) -> list[int]:
    """Return the earliest date of each rule in µs, `ALWAYS` where there is none."""
    return [ALWAYS if r.earliest is None else to_us(r.earliest) for r in rules]


def next_rule_change(book: RuleBook, at: datetime) -> int:
    """Return the next instant after `at` at which a rule may say something else, in µs.

    Each ruleset's date, the ends of suspensions, the day a notice is old enough, and the dates of
    evidence rules; `FAR_FUTURE_US`: never. It may name one at which nothing changes.
    """
    instants: list[datetime] = [r.start for r in book.evidence]
    for ruleset in book.sets:
        instants.append(ruleset.effective)
        for suspension in ruleset.suspensions:
            instants.append(suspension.start)
            instants += [suspension.end] if suspension.end is not None else []
        instants += [
            rule.noticed + timedelta(days=rule.notice_days)
            for rule in ruleset.rules
            if rule.noticed is not None
        ]
    return min((to_us(i) for i in instants if i > at), default=FAR_FUTURE_US)
