"""Batches through the gate: those kept, or all of them with their reasons beside them.

This is what every engine that hands over Arrow batches shares. Only the columns that the contract
reads are looked at; the others are filtered by Arrow, never seen by Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.consent.reason import Reason
from byleave.engines.arrow import reasons_batch
from byleave.engines.extra import plain_batch, plain_type
from byleave.engines.staging import cannot_write, staged
from byleave.engines.tally import Tally, reason_words
from byleave.errors import InputError
from byleave.gate.plan import GatePlan
from byleave.gate.rows import RowReasons

__all__ = ["MARKS", "check_schema", "decide_plain", "gate_batches", "write_rows"]

_GROUP_ROWS: Final = 1 << 18

MARKS: Final = pa.schema(
    [
        pa.field("gate_reason", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("gate_party", pa.int32(), nullable=False),
    ]
)
"""What marking adds: the word of the reason (`kept` among them), and the party it is about."""


def gate_batches(
    plan: GatePlan,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    tally: Tally,
    *,
    mark: bool = False,
    name: str = "the rows",
    narrow: bool = False,
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the rows kept and their schema, to be read once.

    Args:
        plan: The rules compiled.
        schema: Schema of the batches; the contract is held against it here.
        batches: The rows, at least the columns that the contract reads.
        tally: Where rows are counted while they are read.
        mark: Yield every row with the columns of `MARKS`, instead of the rows kept.
        name: What to call the rows in messages.
        narrow: See `check_schema`.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`; while reading
            `contract.column-value`, `data.schema-drift`.
        ByleaveError: `gate.sum`, while reading.
    """
    check_schema(plan, schema, name=name, narrow=narrow)
    if not mark:
        return schema, _kept(plan, schema, batches, tally, name)
    taken = [field for field in MARKS.names if field in schema.names]
    if taken:
        raise InputError(f'{name} have a column "{taken[0]}" already', code="contract.column-type")
    marked = pa.schema([*schema, *MARKS], schema.metadata)
    return marked, _marked(plan, schema, batches, tally, name, marked)


def write_rows(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write rows to a Parquet file, private, that appears whole or not at all.

    Raises:
        ConflictError: `workspace.exists`.
        WorldError: `world.disk-full`, `world.storage`.
    """
    with staged([path], inputs=[]) as [place]:
        try:
            with pq.ParquetWriter(place, schema) as writer:
                held: list[pa.RecordBatch] = []
                for batch in batches:
                    held.append(batch)
                    if sum(b.num_rows for b in held) >= _GROUP_ROWS:
                        writer.write_table(pa.Table.from_batches(held))
                        held = []
                writer.write_table(pa.Table.from_batches(held, schema))
            place.chmod(0o600)
        except OSError as error:
            raise cannot_write(error, path) from error


def check_schema(plan: GatePlan, schema: pa.Schema, *, name: str, narrow: bool = False) -> None:
    """Hold the contract against a schema; views of texts and lists count as texts and lists.

    Args:
        plan: Whose contract.
        schema: Columns there are.
        name: What to call the rows in messages.
        narrow: Ask for the columns that decide only, not for record ids and digests.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`.
    """
    contract = plan.contract
    if narrow:
        contract = replace(contract, record_id=(), columns=None)
    plain = [field.with_type(plain_type(field.type)) for field in schema]
    contract.check(pa.schema(plain), data=name)


def decide_plain(plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
    """Return one reason per row of a batch that may hold views."""
    return reasons_batch(plan, plain_batch(batch, plan.contract.roots(batch.schema)))


def _decided(
    plan: GatePlan,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    tally: Tally,
    name: str,
) -> Iterator[tuple[pa.RecordBatch, RowReasons]]:
    for batch in batches:
        if not batch.schema.equals(schema):
            raise InputError(
                f"{name} change their schema from one batch to the next", code="data.schema-drift"
            )
        decided = decide_plain(plan, batch)
        tally.add(decided.reason, batch.num_rows)
        yield batch, decided


def _kept(
    plan: GatePlan,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    tally: Tally,
    name: str,
) -> Iterator[pa.RecordBatch]:
    for batch, decided in _decided(plan, schema, batches, tally, name):
        kept = decided.reason == Reason.KEPT
        if kept.all():
            if batch.num_rows:
                yield batch
        elif kept.any():
            yield batch.filter(pa.array(kept))


def _marked(
    plan: GatePlan,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    tally: Tally,
    name: str,
    marked: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    for batch, decided in _decided(plan, schema, batches, tally, name):
        marks = [reason_words(decided.reason), pa.array(decided.party)]
        yield pa.RecordBatch.from_arrays([*batch.columns, *marks], schema=marked)
