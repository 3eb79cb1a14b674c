"""Hugging Face `datasets` through the gate: the table is gated, then rows are selected.

Not `filter`, which calls Python for each row or batch and writes every row anew (540 to 1,010 ns a
row): the columns of the contract are read as Arrow and decided, and `select` keeps an index. An
`IterableDataset` is gated batch by batch as it is read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from byleave.consent.reason import Reason
from byleave.engines.arrow import reasons_batch
from byleave.engines.extra import load
from byleave.engines.passing import MARKS, check_schema, decide_plain, gate_batches
from byleave.engines.stream import columns_batch
from byleave.engines.tally import Emission, InputRows, Tally, reason_words
from byleave.gate.plan import GatePlan

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

__all__ = ["BATCH_ROWS", "gate_dataset", "gate_iterable"]

BATCH_ROWS: Final = 1 << 17


def gate_dataset(
    plan: GatePlan, dataset: Dataset, *, name: str = "the data set"
) -> tuple[Dataset, Emission]:
    """Return the rows kept, as a selection of the same data set, and the counts.

    Args:
        plan: The rules compiled.
        dataset: A `datasets.Dataset`, shuffled or selected from as it may be; nothing is written.
        name: What to call it in messages and in the record.

    Raises:
        InputError: `contract.*`.
        WorldError: `cli.extra-missing`.
        ByleaveError: `gate.sum`.
    """
    load("datasets", extra="datasets")
    schema = dataset.features.arrow_schema
    check_schema(plan, schema, name=name)
    tally = Tally(plan)
    kept = [np.zeros(0, np.int64)]
    narrow = dataset.select_columns(list(plan.contract.roots(schema))).with_format("arrow")
    for table in narrow.iter(BATCH_ROWS):
        for batch in table.combine_chunks().to_batches():
            decided = decide_plain(plan, batch)
            kept.append(np.flatnonzero(decided.reason == Reason.KEPT) + tally.rows)
            tally.add(decided.reason, batch.num_rows)
    found = InputRows(name=name, rows=tally.rows, kept=tally.kept)
    emission = tally.emission([found])
    return dataset.select(np.concatenate(kept)), emission


def gate_iterable(
    plan: GatePlan, dataset: IterableDataset, *, mark: bool = False, batch_rows: int = BATCH_ROWS
) -> IterableDataset:
    """Return a stream of the rows kept; each batch is decided when it is read.

    Args:
        plan: The rules compiled; it travels to the workers that read.
        dataset: A `datasets.IterableDataset`.
        mark: Yield every row with `gate_reason` and `gate_party`, instead of the rows kept.
        batch_rows: Rows decided at a time; smaller where the first row is wanted soon.

    Raises:
        InputError: `contract.*`, at once where the data set knows its columns, else while reading.
        WorldError: `cli.extra-missing`.
    """
    load("datasets", extra="datasets")
    features = dataset.features
    if features is None:  # nobody knows the types before the values: rows come as Python values
        rows = dataset.with_format(None)
        decide = partial(_pass_rows, plan, mark)
        loose: IterableDataset = rows.map(decide, batched=True, batch_size=batch_rows)
        return loose
    check_schema(plan, features.arrow_schema, name="the data set")
    arrow = dataset.with_format("arrow")
    passed: Any = arrow.map(partial(_pass, plan, mark), batched=True, batch_size=batch_rows)
    if not mark:
        passed = passed.cast(features)
    stream: IterableDataset = passed.with_format(None)
    return stream


def _pass_rows(
    plan: GatePlan,
    mark: bool,  # noqa: FBT001 (bound ahead)
    columns: dict[str, list[Any]],
) -> dict[str, list[Any]]:
    """Gate rows that a generator made; Python holds every value already."""
    decided = reasons_batch(plan, columns_batch(plan, columns))
    Tally(plan).add(decided.reason, len(next(iter(columns.values()))))
    if mark:
        reasons = reason_words(decided.reason).to_pylist()
        return {**columns, MARKS.names[0]: reasons, MARKS.names[1]: decided.party.tolist()}
    kept = np.flatnonzero(decided.reason == Reason.KEPT).tolist()
    return {name: [values[row] for row in kept] for name, values in columns.items()}


def _pass(plan: GatePlan, mark: bool, table: pa.Table) -> pa.Table:  # noqa: FBT001 (bound ahead)
    tally = Tally(plan)
    batches = table.combine_chunks().to_batches()
    schema, passed = gate_batches(plan, table.schema, batches, tally, mark=mark)
    return pa.Table.from_batches(passed, schema)
