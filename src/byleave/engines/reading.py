"""Read a batch as its contract says: categories, parties, instants, drafts.

Ids become ordinals once a batch; a whole number column of ids that follow one another is taken
as it stands, without a copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.gate.contract import is_id_list
from byleave.gate.instants import instants_at
from byleave.gate.nested import column_at, root_of, type_at
from byleave.gate.plan import UNKNOWN_INSTANT, GatePlan
from byleave.gate.rows import CATEGORY_OTHER, CATEGORY_UNKNOWN, ResolvedRows

__all__ = [
    "categories_of",
    "category_words",
    "collected_of",
    "columns_for",
    "drafts_of",
    "recipients_of",
    "resolve_rows",
]

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def columns_for(plan: GatePlan, schema: pa.Schema) -> tuple[str, ...]:
    """Return the top-level columns that `reasons` needs: no instants where no answer asks for them.

    Instants written as text are read all the same: one that is none is an error.
    """
    contract = plan.contract
    columns = list(contract.read_columns)
    collected = contract.collected_at
    if collected is not None and plan.is_timeless and not _is_text_in(schema, collected):
        columns.remove(collected)
    return tuple(dict.fromkeys(root_of(c, schema) for c in columns))


def resolve_rows(plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
    """Return the rows of `batch` with ids as ordinals (see `gate.rows.GateEngine`)."""
    contract = plan.contract
    category = categories_of(plan, batch)
    several = np.array([c.several for c in plan.categories] + [False, False], np.bool_)
    has_recipients = several[category]
    author = plan.members.resolve(column_at(batch, contract.author))
    flat, row = recipients_of(plan, batch, has_recipients)
    counts = np.bincount(row, minlength=batch.num_rows)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts + 1)])
    party = np.empty(int(offsets[-1]), np.int64)
    is_author = np.zeros(len(party), np.bool_)
    is_author[offsets[:-1]] = True
    party[is_author] = author
    party[~is_author] = flat
    drafts = drafts_of(plan, batch)
    draft = np.array([c.draft for c in plan.categories] + [False, False], np.bool_)[category]
    return ResolvedRows(
        category=category,
        draft=draft if drafts is None else draft | drafts,
        collected_us=collected_of(plan, batch),
        offsets=offsets,
        party=party,
        lonely=has_recipients & (counts == 0),
    )


def drafts_of(plan: GatePlan, batch: pa.RecordBatch) -> Flags | None:
    """Return which rows say that they were never sent (null: nobody says that it was)."""
    name = plan.contract.draft
    if name is None:
        return None
    return np.array(pc.fill_null(column_at(batch, name), True), np.bool_)


def categories_of(plan: GatePlan, batch: pa.RecordBatch) -> Longs:
    """Return the position of each row's category among the plan's."""
    positions, index = category_words(plan, batch)
    table = np.array(positions, np.int64)
    return np.full(batch.num_rows, table[0]) if index is None else np.take(table, index)


def category_words(
    plan: GatePlan, batch: pa.RecordBatch
) -> tuple[list[int], npt.NDArray[Any] | None]:
    """Return the category of each distinct word, and which word each row has.

    Returns:
        Positions among the plan's categories, `CATEGORY_UNKNOWN` or `CATEGORY_OTHER`, and for
        each row one of them (of any integer type); None: all rows have the first.
    """
    contract = plan.contract
    codes = {c.use.category: i for i, c in enumerate(plan.categories)}
    codes.update(dict.fromkeys(plan.other_categories, CATEGORY_OTHER))
    if contract.category is None:
        return [codes.get(contract.category_constant or "", CATEGORY_UNKNOWN)], None
    column = column_at(batch, contract.category)
    if not pat.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    words = column.dictionary.to_pylist()
    if contract.kinds is not None:
        words = [contract.kinds.get(word) for word in words]
    positions = [codes.get(word, CATEGORY_UNKNOWN) for word in words]
    index = column.indices
    if index.null_count:
        index = pc.fill_null(index.cast(pa.int64()), len(positions))
    return [*positions, CATEGORY_UNKNOWN], np.asarray(index)


def recipients_of(plan: GatePlan, batch: pa.RecordBatch, wanted: Flags) -> tuple[Longs, Longs]:
    """Return recipients of the wanted rows in order of (row, column, place), and their rows.

    A null scalar or a null list is no recipient; a null inside a list is a recipient missing.
    """
    members: list[Longs] = []
    rows: list[Longs] = []
    for name in plan.contract.recipients:
        column = column_at(batch, name)
        if is_id_list(column.type):
            lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
            row = np.repeat(np.arange(batch.num_rows), lengths)
            found = plan.members.resolve(pc.list_flatten(column))
        else:
            present = np.asarray(pc.is_valid(column))
            row = np.flatnonzero(present)
            found = plan.members.resolve(column)[present]
        members.append(found[wanted[row]])
        rows.append(row[wanted[row]])
    if not members:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    flat, row = np.concatenate(members), np.concatenate(rows)
    if len(members) > 1:
        order = np.argsort(row, kind="stable")
        flat, row = flat[order], row[order]
    return flat, row


def collected_of(plan: GatePlan, batch: pa.RecordBatch) -> Longs:
    """Return µs since the epoch; a date is its first instant, no zone reads UTC."""
    name = plan.contract.collected_at
    if name is None or (plan.is_timeless and not _is_text_in(batch.schema, name)):
        return np.full(batch.num_rows, UNKNOWN_INSTANT, np.int64)
    return instants_at(batch, name)


def _is_text_in(schema: pa.Schema, path: str) -> bool:
    """Say whether `path` is there, and holds texts."""
    kind = type_at(path, schema)
    return kind is not None and not (pat.is_timestamp(kind) or pat.is_date(kind))
