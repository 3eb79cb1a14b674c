"""The default engine: PyArrow and NumPy over record batches.

`decide_batch(plan, batch)` is all there is to it: a module-level function of two plain values,
so that it runs as it stands in Spark's `mapInArrow` or Ray's `map_batches`. Ids are resolved to
ordinals once per batch; a row whose parties all say yes costs one bit test per party; detail is
read for the others only. `reasons_batch` is the fast way where no grounds are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.reason import Reason
from byleave.engines.detail import decide_rows
from byleave.engines.reading import (
    category_words,
    collected_of,
    columns_for,
    drafts_of,
    resolve_rows,
)
from byleave.engines.reasons import (
    OPEN,
    Columns,
    Kernel,
    Lists,
    decide_columns,
    decide_dated,
    decide_lists,
)
from byleave.gate.category import CategoryPlan
from byleave.gate.contract import is_id_list
from byleave.gate.members import IdKernel
from byleave.gate.nested import column_at, type_at
from byleave.gate.plan import GatePlan
from byleave.gate.rows import (
    CATEGORY_OTHER,
    CATEGORY_UNKNOWN,
    ResolvedRows,
    RowDecisions,
    RowReasons,
)

__all__ = ["BATCH_ROWS", "ArrowEngine", "columns_for", "decide_batch", "reasons_batch"]

BATCH_ROWS = 1 << 20
"""Rows per batch: the member table is hashed once for each, so batches are large."""

_MOST_COLUMNS = 62


@dataclass(frozen=True, slots=True)
class ArrowEngine:
    """`GateEngine` over PyArrow and NumPy."""

    name: str = field(default="arrow")

    def resolve(self, plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
        """Return the rows of `batch` with ids as ordinals (see `GateEngine`)."""
        return resolve_rows(plan, batch)

    def decide(self, plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
        """Return one reason per row, and the grounds of those kept (see `GateEngine`)."""
        return decide_rows(plan, rows)

    def reasons(self, plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
        """Return one reason per row, and no grounds (see `GateEngine`)."""
        return reasons_batch(plan, batch)


def decide_batch(plan: GatePlan, batch: pa.RecordBatch) -> RowDecisions:
    """Return one reason per row of `batch`, and the grounds of the rows kept.

    Args:
        plan: The rules compiled; plain data, it pickles.
        batch: At least the columns `plan.contract.read_columns`.
    """
    return decide_rows(plan, resolve_rows(plan, batch))


def reasons_batch(
    plan: GatePlan, batch: pa.RecordBatch, kernel: Kernel | None = None
) -> RowReasons:
    """Return one reason per row of `batch`, and no grounds: the fast way of `decide_batch`.

    Args:
        plan: The rules compiled; plain data, it pickles.
        batch: At least the columns `columns_for(plan, schema)`.
        kernel: Compiled loops (`engines.kernel.load_kernel`); None: NumPy.
    """
    rows = batch.num_rows
    reason = np.full(rows, OPEN, np.uint8)
    party = np.full(rows, -1, np.int32)
    if _is_odd(plan, batch.schema):
        return _long_way(plan, batch, reason, party)
    group = _group_of_rows(plan, batch)
    if not isinstance(group, int):
        reason[group == CATEGORY_UNKNOWN] = Reason.CATEGORY_UNKNOWN
        reason[group == CATEGORY_OTHER] = Reason.OTHER_CATEGORY
    elif group < 0:
        unknown = group == CATEGORY_UNKNOWN
        reason[:] = Reason.CATEGORY_UNKNOWN if unknown else Reason.OTHER_CATEGORY
    drafts = None if plan.drafts_asked else drafts_of(plan, batch)
    if drafts is not None:
        reason[drafts & (reason == OPEN)] = Reason.DRAFT_NEVER_SENT
    parties: _Parties | None = None
    for number, (_, category) in enumerate(_groups(plan)):
        if isinstance(group, int) and group != number:
            continue
        asked = reason == OPEN
        if not isinstance(group, int):
            asked &= group == number
        if category.draft and not plan.drafts_asked:
            reason[asked] = Reason.DRAFT_NEVER_SENT
        elif asked.any():
            ids = None if kernel is None else kernel.ids
            parties = _Parties.of(plan, batch, ids) if parties is None else parties
            _decide_group(
                plan, category, parties, asked, RowReasons(reason=reason, party=party), kernel
            )
    return _long_way(plan, batch, reason, party)


@dataclass(frozen=True, slots=True, eq=False)
class _Parties:
    """The parties of a batch as ordinals, and the rows where one is not on record.

    Attributes:
        ordinals: The author's, then one column for each column of recipients; of a list its items.
        absent: For each column of recipients which rows have none there, or None.
        bad: For each column which rows name somebody unknown (an author: or nobody), or None.
        offsets: Where the items of each row begin, if recipients stand in one column of lists.
        collected: When rows were collected, empty where no answer depends on it.
    """

    ordinals: tuple[npt.NDArray[Any], ...]
    absent: tuple[npt.NDArray[np.bool_] | None, ...]
    bad: tuple[npt.NDArray[np.bool_] | None, ...]
    offsets: npt.NDArray[np.int64] | None
    collected: npt.NDArray[np.int64]

    @classmethod
    def of(cls, plan: GatePlan, batch: pa.RecordBatch, kernel: IdKernel | None) -> _Parties:
        ordinals, absent, bad = [], [], []
        offsets = None
        for place, name in enumerate((plan.contract.author, *plan.contract.recipients)):
            column = column_at(batch, name)
            gone = np.asarray(pc.is_null(column)) if column.null_count else None
            if is_id_list(column.type):
                offsets, items = _items(column)
                found, strange = plan.members.places(items, kernel)
                strange = None if strange is None else _rows_with(strange, offsets)
            else:
                found, strange = plan.members.places(column, kernel)
                if gone is not None and strange is not None and place:
                    strange &= ~gone  # a recipient column may be empty; an author must be there
            ordinals.append(found)
            absent.append(gone if place else None)
            bad.append(strange)
        return cls(
            tuple(ordinals),
            tuple(absent),
            tuple(bad),
            offsets,
            np.zeros(0, np.int64) if plan.is_timeless else collected_of(plan, batch),
        )

    def as_lists(self, count: int, *, compiled: bool) -> Lists | None:
        """Return the parties as lists, where they are, or where a kernel is to see the dates."""
        author, rows = self.ordinals[0], len(self.ordinals[0])
        if count == 2 and self.offsets is not None:
            return Lists(author, self.offsets, self.ordinals[1], self.collected)
        if (
            not compiled
            or not len(self.collected)
            or count > 2
            or self.absent[count - 1] is not None
        ):
            return None
        each = np.arange(rows + 1) if count == 2 else np.zeros(rows + 1, np.int64)
        return Lists(author, each, self.ordinals[count - 1], self.collected)


def _items(column: pa.Array) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Return where the items of each row begin, and the items; a null list has none."""
    if column.null_count:
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), pc.list_flatten(column)
    offsets = np.asarray(column.offsets).astype(np.int64)
    if not len(offsets):
        return np.zeros(1, np.int64), column.values[:0]
    items = column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    return offsets - offsets[0], items


def _rows_with(
    flags: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Say which rows have a flagged item."""
    rows = np.zeros(len(offsets) - 1, np.bool_)
    rows[np.searchsorted(offsets, np.flatnonzero(flags), side="right") - 1] = True
    return rows


def _decide_group(
    plan: GatePlan,
    category: CategoryPlan,
    parties: _Parties,
    asked: npt.NDArray[np.bool_],
    into: RowReasons,
    kernel: Kernel | None,
) -> None:
    """Decide the rows of categories that share their planes; some may stay open."""
    count = len(parties.ordinals) if category.several else 1
    if category.several and count == 1:
        return  # nobody is named to whom it went: each row lacks a party
    for bad in parties.bad[:count]:
        if bad is not None:
            asked &= ~bad
    rule, absent = plan.party_rule, parties.absent[:count]
    lists = parties.as_lists(count, compiled=kernel is not None)
    if asked.all():
        rows: Any = slice(None)
        reason, party = into.reason, into.party
    else:
        rows = np.flatnonzero(asked)
        size = len(asked) if lists is not None else len(rows)
        reason, party = np.empty(size, np.uint8), np.empty(size, np.int32)
    if lists is not None:  # all rows of the batch, of which those asked for are taken
        decide_lists(category, rule, lists, reason, party, kernel)
        if count == 2:
            reason[lists.offsets[1:] == lists.offsets[:-1]] = OPEN  # nobody is named
        taken: Any = rows
    else:
        columns = Columns(
            tuple(p[rows] for p in parties.ordinals[:count]),
            tuple(None if a is None else a[rows] for a in absent),
        )
        dated = len(parties.collected) > 0 and count <= 2 and absent[count - 1] is None
        when = parties.collected[rows] if dated else parties.collected
        if not dated or not decide_dated(category, rule, columns.parties, when, reason, party):
            decide_columns(category, rule, columns, reason, party, kernel)
        taken = slice(None)
    if reason is not into.reason:
        into.reason[rows], into.party[rows] = reason[taken], party[taken]


def _long_way(
    plan: GatePlan,
    batch: pa.RecordBatch,
    reason: npt.NDArray[np.uint8],
    party: npt.NDArray[np.int32],
) -> RowReasons:
    """Decide the rows that are still open in detail."""
    rows = np.flatnonzero(reason == OPEN)
    if len(rows):
        names = columns_for(plan, batch.schema)
        some = batch.select(names)
        if len(rows) < batch.num_rows:
            some = some.take(pa.array(rows))
        decided = decide_rows(plan, resolve_rows(plan, some))
        reason[rows], party[rows] = decided.reason, decided.party
    return RowReasons(reason=reason, party=party)


def _group_of_rows(plan: GatePlan, batch: pa.RecordBatch) -> npt.NDArray[np.int8] | int:
    """Return the group of each row's category, or the one group (or code below 0) of all."""
    positions, index = category_words(plan, batch)
    group = {at: number for number, (some, _) in enumerate(_groups(plan)) for at in some}
    found = [group.get(at, at) for at in positions]
    if index is None:
        return found[0]
    present = found if len(index) and int(index.max()) == len(found) - 1 else found[:-1]
    if len(set(present)) == 1:
        return present[0]
    return np.take(np.array(found, np.int8), index)


def _groups(plan: GatePlan) -> list[tuple[list[int], CategoryPlan]]:
    """Return the positions of categories alike in planes and parties, with one of each."""
    groups: dict[tuple[int, bool, bool], tuple[list[int], CategoryPlan]] = {}
    for position, category in enumerate(plan.categories):
        key = (id(category.profile), category.several, category.draft)
        groups.setdefault(key, ([], category))[0].append(position)
    return list(groups.values())


def _is_odd(plan: GatePlan, schema: pa.Schema) -> bool:
    """Say whether recipients stand in a list beside other columns, or in very many columns."""
    names = plan.contract.recipients
    lists = sum(is_id_list(type_at(name, schema)) for name in names)
    return len(names) > _MOST_COLUMNS or (lists > 0 and len(names) > 1)
