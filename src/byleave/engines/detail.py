"""The long way: reason, party and grounds of rows whose parties are ordinals.

Lists of recipients are segments of a flat array, reduced by segment. A row whose parties all have
their bit in the decision bitmap is kept there; the others read the profiles of their parties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Ground, Reason
from byleave.gate.category import CategoryPlan
from byleave.gate.members import MISSING, UNKNOWN
from byleave.gate.plan import UNKNOWN_INSTANT, GatePlan
from byleave.gate.profile import GAPS
from byleave.gate.rows import CATEGORY_OTHER, CATEGORY_UNKNOWN, ResolvedRows, RowDecisions
from byleave.policy.ruleset import PartyRule

__all__ = ["decide_rows"]

OPEN: Final = 255
"""In place of a reason: not yet decided."""

_BLOCK_ROWS: Final = 1 << 15
"""Rows decided at a time: what is in hand stays in cache, and in memory already mapped."""

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def decide_rows(plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
    """Return one reason per row, and the grounds of those kept (see `gate.rows.GateEngine`)."""
    work = _Work.of(rows)
    _row_itself(plan, rows, work)
    for position, category in enumerate(plan.categories):
        todo = np.flatnonzero((rows.category == position) & (work.reason == OPEN))
        for start in range(0, len(todo), _BLOCK_ROWS):
            _decide_category(plan, category, rows, work, todo[start : start + _BLOCK_ROWS])
    return work.finish(rows)


@dataclass(frozen=True, slots=True)
class _Work:
    """The answer while it is being written; party columns run parallel to `rows.party`."""

    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]
    member: Longs
    ground: npt.NDArray[np.uint8]
    ground_index: Longs

    @classmethod
    def of(cls, rows: ResolvedRows) -> _Work:
        count, parties = len(rows.category), len(rows.party)
        return cls(
            np.full(count, OPEN, np.uint8),
            np.full(count, -1, np.int32),
            np.full(count, -1, np.int64),
            np.zeros(parties, np.uint8),
            np.full(parties, -1, np.int64),
        )

    def drop(self, row: Longs, reason: Any, party: Any, member: Any = -1) -> None:  # noqa: ANN401
        self.reason[row] = reason
        self.party[row] = party
        self.member[row] = member

    def finish(self, rows: ResolvedRows) -> RowDecisions:
        """Gather the party-records of the rows kept, each member once per row."""
        lengths = np.diff(rows.offsets)
        row_of = np.repeat(np.arange(len(lengths)), lengths)
        chosen = (self.reason == Reason.KEPT)[row_of]
        chosen[chosen] = _first_of_each(row_of[chosen], rows.party[chosen])
        counts = np.bincount(row_of[chosen], minlength=len(lengths))[self.reason == Reason.KEPT]
        first = np.zeros(len(rows.party), np.bool_)
        first[rows.offsets[:-1]] = True
        return RowDecisions(
            reason=self.reason,
            party=self.party,
            member=self.member,
            offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
            ground_member=rows.party[chosen],
            ground_role=np.where(first[chosen], 1, 2).astype(np.uint8),
            ground=self.ground[chosen],
            ground_index=self.ground_index[chosen],
        )


@dataclass(frozen=True, slots=True)
class _Segments:
    """The parties of some rows, laid end to end: row j has `starts[j]:starts[j] + lengths[j]`.

    Rows of one `width` (0: they differ) are reduced column by column, five times as fast.
    """

    starts: Longs
    lengths: Longs
    width: int
    at: Longs  # position of each party in `rows.party`

    @classmethod
    def of(cls, offsets: Longs, todo: Longs) -> _Segments:
        lengths = offsets[todo + 1] - offsets[todo]
        starts = np.cumsum(lengths) - lengths
        width = int(lengths[0]) if (lengths == lengths[0]).all() else 0
        if width:
            at = (offsets[todo][:, None] + np.arange(width)).reshape(-1)
        else:
            at = np.arange(int(lengths.sum())) + np.repeat(offsets[todo] - starts, lengths)
        return cls(starts, lengths, width, at)

    def reduce(self, ufunc: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return `ufunc` over the parties of each row."""
        if not self.width:
            result: npt.NDArray[Any] = ufunc.reduceat(values, self.starts)
            return result
        columns = values.reshape(-1, self.width)
        result = columns[:, 0].copy()
        for position in range(1, self.width):
            ufunc(result, columns[:, position], out=result)
        return result

    def first(self, flags: Flags) -> Longs:
        """Return for each row the place of its first flagged party; beyond the last: none."""
        return self.reduce(np.minimum, np.where(flags, np.arange(len(flags)), len(flags)))

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a value per row as one per party."""
        return np.repeat(values, self.width or self.lengths)


_IS_VETO = np.zeros(256, np.bool_)
_IS_VETO[[Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED]] = True


def _row_itself(plan: GatePlan, rows: ResolvedRows, work: _Work) -> None:
    """Reasons that need no member: category, draft, a party missing or unknown."""
    work.reason[rows.category == CATEGORY_UNKNOWN] = Reason.CATEGORY_UNKNOWN
    work.reason[rows.category == CATEGORY_OTHER] = Reason.OTHER_CATEGORY
    if not plan.drafts_asked:
        work.reason[rows.draft & (work.reason == OPEN)] = Reason.DRAFT_NEVER_SENT
    for code, reason in ((MISSING, Reason.PARTY_MISSING), (UNKNOWN, Reason.PARTY_UNKNOWN)):
        bad = rows.party == code
        if bad.any():
            row, position = _first_parties(rows.offsets, bad)
            is_open = work.reason[row] == OPEN
            work.drop(row[is_open], reason, position[is_open])
        if code == MISSING:
            alone = np.flatnonzero(rows.lonely & (work.reason == OPEN))
            work.drop(alone, Reason.PARTY_MISSING, 1)


def _first_parties(offsets: Longs, flags: Flags) -> tuple[Longs, Longs]:
    """Return the rows that have a flagged party, and the position of the first of them."""
    places = np.flatnonzero(flags)
    row, index = np.unique(np.searchsorted(offsets, places, side="right") - 1, return_index=True)
    return row, places[index] - offsets[row]


def _decide_category(
    plan: GatePlan, category: CategoryPlan, rows: ResolvedRows, work: _Work, todo: Longs
) -> None:
    """Decide rows of one category whose parties are all on record."""
    parts = _Segments.of(rows.offsets, todo)
    who = rows.party[parts.at]
    sure = (category.yes[who >> 3] >> (who & 7).astype(np.uint8)) & 1
    clear = parts.reduce(np.logical_and, sure.view(np.bool_))
    work.reason[todo[clear]] = Reason.KEPT
    places = parts.at[parts.spread(clear)]
    sure_of = rows.party[places]
    profile = category.profile[sure_of]
    work.ground[places] = category.profiles.ground[profile]
    work.ground_index[places] = category.because(sure_of, profile)
    if not clear.all():
        _decide_in_detail(plan, category, rows, work, todo[~clear])


def _decide_in_detail(
    plan: GatePlan, category: CategoryPlan, rows: ResolvedRows, work: _Work, todo: Longs
) -> None:
    """Vetoes, stops, silences, then what is left is kept on the grounds of its parties."""
    parts = _Segments.of(rows.offsets, todo)
    who = rows.party[parts.at]
    table, profile = category.profiles, category.profile[who]
    code = table.code[profile]
    collected = parts.spread(rows.collected_us[todo])

    vetoed = _IS_VETO[code]
    earliest = table.earliest_us[profile]
    stop = _outside_gaps(category, table.stop[profile], collected)
    late = (stop == Reason.KEPT) & (collected < earliest)
    stop = np.where(
        late & (collected == UNKNOWN_INSTANT), np.uint8(Reason.COLLECTED_AT_UNKNOWN), stop
    )
    stop = np.where(late & (collected != UNKNOWN_INSTANT), np.uint8(Reason.BEFORE_EARLIEST), stop)

    early = (code == Reason.KEPT) & _is_early(category, who, profile, collected)
    code = np.where(
        early & (collected == UNKNOWN_INSTANT), np.uint8(Reason.COLLECTED_AT_UNKNOWN), code
    )
    code = np.where(
        early & (collected != UNKNOWN_INSTANT), np.uint8(Reason.PROMISE_OF_COLLECTION), code
    )
    says_yes = code == Reason.KEPT

    count = len(who)
    no, halt = parts.first(vetoed), parts.first(stop != Reason.KEPT)
    yes, silent = parts.first(says_yes), parts.first(~says_yes)
    if plan.party_rule is None:
        rule = parts.reduce(np.maximum, table.party_rule[profile])
    else:
        rule = np.full(len(todo), plan.party_rule, np.uint8)
    author_silent = ~says_yes[parts.starts]
    quiet = np.where(
        rule == PartyRule.ALL,
        silent < count,
        np.where(rule == PartyRule.AUTHOR, author_silent, yes == count),
    )
    by_veto = no < count
    by_stop = ~by_veto & (halt < count)
    by_silence = ~by_veto & ~by_stop & quiet

    place = np.where(by_veto, no, np.where(by_stop, halt, silent))
    place = np.where(place < count, place, parts.starts)
    reason = np.where(by_stop, stop[place], code[place])
    reason = np.where(by_veto & (no != parts.starts), np.uint8(Reason.PARTY_VETOED), reason)
    dropped = by_veto | by_stop | by_silence
    work.drop(todo[dropped], reason[dropped], (place - parts.starts)[dropped], who[place][dropped])
    kept = ~dropped
    work.reason[todo[kept]] = Reason.KEPT
    mine = parts.spread(kept)
    decisive = parts.spread(np.where(kept, np.minimum(yes, count - 1), 0))
    ground = np.where(says_yes, table.ground[profile], np.uint8(Ground.CONSENT_OF_ANOTHER_PARTY))
    speaker = np.where(says_yes, np.arange(len(who)), decisive)[mine]
    work.ground[parts.at[mine]] = ground[mine]
    work.ground_index[parts.at[mine]] = category.because(who[speaker], profile[speaker])


def _outside_gaps(
    category: CategoryPlan, stop: npt.NDArray[np.uint8], collected: Longs
) -> npt.NDArray[np.uint8]:
    """Put a reason in the place of each set of intervals; `stop` is changed."""
    for number, gap in enumerate(category.gaps, GAPS):
        mine = np.flatnonzero(stop == number)
        edges = np.array(gap, np.int64).reshape(-1)  # ascending: inside after the 1st, the 3rd ...
        inside = np.searchsorted(edges, collected[mine], side="right") % 2 == 1
        stop[mine] = np.select(
            [collected[mine] == UNKNOWN_INSTANT, inside],
            [np.uint8(Reason.COLLECTED_AT_UNKNOWN), np.uint8(Reason.COLLECTED_WHILE_SUSPENDED)],
            np.uint8(Reason.KEPT),
        )
    return stop


def _is_early(
    category: CategoryPlan, who: Longs, profile: npt.NDArray[Any], collected: Longs
) -> Flags:
    """Say which rows were collected before the yes of the party reaches."""
    table = category.profiles
    early: Flags = collected < table.from_hi[profile]
    own = early & table.has_own_start[profile]
    if own.any():  # a start of one's own: look it up where the span alone does not tell
        near = np.flatnonzero(own & (collected >= table.from_lo[profile]))
        early[near] = collected[near] < category.start.get(who[near])
    return early


def _first_of_each(row: Longs, member: Longs) -> Flags:
    """Flag the first appearance of each member in each row; `row` ascends."""
    if len(row) == 0:
        return np.zeros(0, np.bool_)
    if not (row[2:] == row[:-2]).any():  # no row has three: neighbours tell
        return np.append([True], (row[1:] != row[:-1]) | (member[1:] != member[:-1]))
    order = np.lexsort((np.arange(len(row)), member, row))
    same = (row[order][1:] == row[order][:-1]) & (member[order][1:] == member[order][:-1])
    first = np.ones(len(row), np.bool_)
    first[order[1:][same]] = False
    return first
