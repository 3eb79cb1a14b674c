"""What a few changed minds do to a gate that has run: the rows they touch, decided again.

`changed_ordinals` compares two compiled plans member by member; an inverted index (ordinal → rows)
leads to the rows of those; `patch` decides these rows under both plans. The counts of the earlier
run, less the touched rows' old answers, plus their new ones, are the counts of a full run: a row
no party of which changed has the same answer under both plans.

Two plans are comparable when they differ in nothing but members' answers: same scope, contract,
taxonomy, rulesets and party rule. Otherwise, and when too many members changed, run in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.gate.answers import answer
from byleave.gate.category import CategoryPlan, number_type
from byleave.gate.counts import Counts
from byleave.gate.plan import GatePlan
from byleave.gate.profile import GAPS
from byleave.gate.resolved import RowBlock
from byleave.gate.rows import GateEngine

__all__ = ["MOST_CHANGED", "Inverted", "Patch", "changed_ordinals", "comparable", "patch"]

MOST_CHANGED: Final = 0.02
"""Share of members beyond which a full run is the cheaper one."""

_ONLY_POSITION: Final = frozenset({"at", "ledger", "members"})
_STOP: Final = 1
_BECAUSE: Final = 7
_BLOCK: Final = 1 << 20
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inverted:
    """Rows of each member: those of ordinal i are `rows[starts[i]:starts[i + 1]]`, ascending.

    Attributes:
        starts: uint64[members + 1] or uint32.
        rows: Numbers of rows in the source; uint32. A member who is a party twice stands twice.
    """

    starts: npt.NDArray[Any]
    rows: npt.NDArray[np.uint32]

    def of(self, ordinals: Longs) -> Longs:
        """Return the rows that any of these members is a party of, ascending, each once."""
        inside = ordinals[ordinals < len(self.starts) - 1]
        begin = self.starts[inside].astype(np.int64)
        lengths = self.starts[inside + 1].astype(np.int64) - begin
        ends = np.cumsum(lengths)
        at = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(
            begin - ends + lengths, lengths
        )
        found = np.sort(self.rows[at])  # a few times as fast as `unique`
        first = np.ones(len(found), np.bool_)
        np.not_equal(found[1:], found[:-1], out=first[1:])
        return found[first].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """The rows whose answer is another now.

    Attributes:
        row: Their numbers, ascending; int64.
        reason: `Reason` now, `KEPT` among them; uint8.
        party: As in `gate.result.Dropped`; int32.
        member: Likewise; int64.
        touched: Rows decided again, changed or not.
        counts: Counts of the whole input now.
    """

    row: Longs
    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]
    member: Longs
    touched: int
    counts: Counts


def comparable(old: GatePlan, new: GatePlan) -> bool:
    """Say whether two plans differ in nothing but members' answers; members may have joined."""

    def question(plan: GatePlan) -> dict[str, Any]:
        return {k: v for k, v in plan.parameters.items() if k not in _ONLY_POSITION}

    return question(old) == question(new) and len(old.members) <= len(new.members)


def changed_ordinals(old: GatePlan, new: GatePlan, *, among: Longs | None = None) -> Longs:
    """Return the members whose answer to some row may differ between two comparable plans.

    What an answer rests on (a ledger index) may change without it. Members who joined since
    count as changed. Cost: one pass over a byte per member and category that differs.

    Args:
        old: The earlier plan.
        new: The later one.
        among: Where the new plan was patched from the old one (`gate.patch`): the members it was
            patched for, ascending. Nobody else is looked at then.
    """
    count = len(old.members)
    if among is not None:
        inside = among[among < count]
        differs = np.zeros(len(inside), np.bool_)
        for before, after in zip(old.categories, new.categories, strict=True):
            differs |= _differ(before, after, inside)
        return np.concatenate([inside[differs], np.arange(count, len(new.members))])
    found = [np.arange(count, len(new.members))]
    done: set[tuple[int, int]] = set()
    for before, after in zip(old.categories, new.categories, strict=True):
        pair = (id(before.profile), id(after.profile))
        if pair not in done:  # categories alike share their planes
            done.add(pair)
            found.append(_changed(before, after, count))
    return np.unique(np.concatenate(found)) if len(found) > 2 else np.concatenate(found[::-1])


def patch(
    old: GatePlan,
    new: GatePlan,
    rows: Longs,
    block: RowBlock,
    counts: Counts,
    engine: GateEngine,
) -> Patch:
    """Decide the touched rows under both plans.

    Args:
        old: The plan of the earlier run.
        new: The plan now; comparable.
        rows: Numbers of all rows that have a changed member as a party, ascending.
        block: The same rows, resolved.
        counts: Counts of the earlier run.
        engine: How rows are decided.
    """
    was, now = (answer(plan, engine, block) for plan in (old, new))
    total = Counts()
    total.merge(counts)
    total.add_answers(was, times=-1)
    total.add_answers(now)
    differs = (was.reason != now.reason) | (was.party != now.party) | (was.member != now.member)
    return Patch(
        row=rows[differs],
        reason=now.reason[differs],
        party=now.party[differs],
        member=now.member[differs],
        touched=len(rows),
        counts=total,
    )


def _classes(before: CategoryPlan, after: CategoryPlan) -> list[npt.NDArray[Any]]:
    """Return for each profile of two plans what it comes to, in numbers that they share."""
    classes: dict[tuple[Any, ...], int] = {}
    tables = []
    for plan in (before, after):
        gaps = dict(enumerate(plan.gaps, GAPS))
        tables.append(
            np.array(
                [
                    classes.setdefault((*row[:_BECAUSE], gaps.get(row[_STOP])), len(classes))
                    for row in plan.profiles.rows()
                ],
                np.uint32,
            )
        )
    return [table.astype(number_type(len(classes))) for table in tables]


def _differ(before: CategoryPlan, after: CategoryPlan, ordinals: Longs) -> npt.NDArray[np.bool_]:
    """Flag which of these members say something else."""
    tables = _classes(before, after)
    one, two = (
        table[plan.profile[ordinals]] for table, plan in zip(tables, (before, after), strict=True)
    )
    differs: npt.NDArray[np.bool_] = one != two
    mine = np.flatnonzero(~differs & after.profiles.has_own_start[after.profile[ordinals]])
    who = ordinals[mine]
    differs[mine] = before.start.get(who) != after.start.get(who)
    return differs


def _changed(before: CategoryPlan, after: CategoryPlan, count: int) -> Longs:
    narrow = _classes(before, after)
    alike = np.array_equal(narrow[0], narrow[1])
    raw = alike and before.profile.dtype == after.profile.dtype
    own = _own_starts(before, after)
    found: list[Longs] = []
    for start in range(0, count, _BLOCK):
        block = slice(start, min(start + _BLOCK, count))
        one, two = before.profile[block], after.profile[block]
        if not raw:
            one, two = narrow[0][one], narrow[1][two]
        differs = _differing(one, two)
        if own is not None:
            mine = np.flatnonzero(own[after.profile[block]] & (one == two)) + start
            other = before.start.get(mine) != after.start.get(mine)
            differs = np.union1d(differs, mine[other] - start)
        found.append(differs + start)
    return np.concatenate([np.zeros(0, np.int64), *found])


def _own_starts(before: CategoryPlan, after: CategoryPlan) -> npt.NDArray[np.bool_] | None:
    """Return which profiles have a start of each member's own, or None where all starts stand."""
    own = after.profiles.has_own_start
    same = (
        len(before.start) == len(after.start)
        and np.array_equal(before.start.values, after.start.values)
        and np.array_equal(before.start.bits, after.start.bits)
    )
    return None if same or not own.any() else own


def _differing(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> Longs:
    """Return where two arrays differ; those of bytes are compared eight at a time."""
    whole = len(one) & ~7
    if one.dtype != np.uint8 or not whole:
        return np.flatnonzero(one != two)
    words = np.flatnonzero(one[:whole].view(np.uint64) != two[:whole].view(np.uint64))
    places = (words[:, None] * 8 + np.arange(8)).reshape(-1)
    near = places[one[places] != two[places]]
    return np.concatenate([near, np.flatnonzero(one[whole:] != two[whole:]) + whole])
