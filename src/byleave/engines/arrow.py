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
from byleave.engines.reading import category_words, columns_for, drafts_of, resolve_rows
from byleave.engines.reasons import OPEN, Columns, decide_columns
from byleave.gate.category import CategoryPlan
from byleave.gate.contract import is_id_list
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


def reasons_batch(plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
    """Return one reason per row of `batch`, and no grounds: the fast way of `decide_batch`.

    Args:
        plan: The rules compiled; plain data, it pickles.
        batch: At least the columns `columns_for(plan, schema)`.
    """
    rows = batch.num_rows
    reason = np.full(rows, OPEN, np.uint8)
    party = np.full(rows, -1, np.int32)
    if _has_lists(plan, batch.schema):
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
            parties = _Parties.of(plan, batch) if parties is None else parties
            _decide_group(plan, category, parties, asked, reason, party)
    return _long_way(plan, batch, reason, party)


@dataclass(frozen=True, slots=True, eq=False)
class _Parties:
    """The parties of a batch as columns of ordinals, and the rows where one is not on record."""

    ordinals: tuple[npt.NDArray[Any], ...]
    absent: tuple[npt.NDArray[np.bool_] | None, ...]
    bad: tuple[npt.NDArray[np.bool_] | None, ...]

    @classmethod
    def of(cls, plan: GatePlan, batch: pa.RecordBatch) -> _Parties:
        ordinals, absent, bad = [], [], []
        for place, name in enumerate((plan.contract.author, *plan.contract.recipients)):
            column = column_at(batch, name)
            found, strange = plan.members.places(column)
            gone = np.asarray(pc.is_null(column)) if column.null_count else None
            if gone is not None and strange is not None and place:
                strange &= ~gone  # a recipient column may be empty; an author must not be missing
            ordinals.append(found)
            absent.append(gone if place else None)
            bad.append(strange)
        return cls(tuple(ordinals), tuple(absent), tuple(bad))


def _decide_group(
    plan: GatePlan,
    category: CategoryPlan,
    parties: _Parties,
    asked: npt.NDArray[np.bool_],
    reason: npt.NDArray[np.uint8],
    party: npt.NDArray[np.int32],
) -> None:
    """Decide the rows of categories that share their planes; some may stay open."""
    count = len(parties.ordinals) if category.several else 1
    if category.several and count == 1:
        return  # nobody is named to whom it went: each row lacks a party
    for bad in parties.bad[:count]:
        if bad is not None:
            asked &= ~bad
    whole = bool(asked.all())
    rows = slice(None) if whole else np.flatnonzero(asked)
    columns = Columns(
        tuple(p[rows] for p in parties.ordinals[:count]),
        tuple(None if a is None else a[rows] for a in parties.absent[:count]),
    )
    if whole:
        decide_columns(category, plan.party_rule, columns, reason, party)
        return
    some = np.empty(len(columns.parties[0]), np.uint8)
    who = np.empty(len(some), np.int32)
    decide_columns(category, plan.party_rule, columns, some, who)
    reason[rows], party[rows] = some, who


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


def _has_lists(plan: GatePlan, schema: pa.Schema) -> bool:
    """Say whether any recipients stand in lists, or in more columns than a number holds."""
    names = plan.contract.recipients
    return len(names) > _MOST_COLUMNS or any(is_id_list(type_at(n, schema)) for n in names)
