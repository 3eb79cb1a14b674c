"""Polars through the gate: an expression over the columns of the contract, and a lazy filter.

The expression is elementwise, so that Polars pushes projections through it and its streaming
engine feeds it piece by piece; the other columns never leave Polars. It gives a struct:
`gate_reason`, an Enum of all reasons, and `gate_party`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from byleave.consent.reason import Reason
from byleave.engines.extra import load
from byleave.engines.passing import MARKS, check_schema, decide_plain, gate_batches, write_rows
from byleave.engines.tally import WORDS, Emission, InputRows, Tally, reason_words
from byleave.errors import InputError
from byleave.gate.plan import GatePlan

if TYPE_CHECKING:
    from polars import Expr, LazyFrame, Series

__all__ = ["BATCH_ROWS", "emit_frame", "gate_frame", "reason_expression"]

BATCH_ROWS: Final = 1 << 17


def gate_frame(plan: GatePlan, frame: LazyFrame, *, mark: bool = False) -> LazyFrame:
    """Return the rows kept, lazily: nothing is read yet.

    Args:
        plan: The rules compiled.
        frame: A `polars.LazyFrame` (`scan_parquet`, `df.lazy()`).
        mark: Return every row with `gate_reason` and `gate_party`, instead of the rows kept.

    Raises:
        InputError: `contract.*`. A value that its column's part cannot take fails the query.
        WorldError: `cli.extra-missing`.
    """
    expression = reason_expression(plan, frame)
    if not mark:
        return frame.filter(expression.struct.field("gate_reason") == Reason.KEPT.word)
    taken = [name for name in MARKS.names if name in frame.collect_schema().names()]
    if taken:
        raise InputError(f'a column "{taken[0]}" is there already', code="contract.column-type")
    marked: LazyFrame = frame.with_columns(expression.alias("gate")).unnest("gate")
    return marked


def reason_expression(plan: GatePlan, frame: LazyFrame) -> Expr:
    """Return the struct `gate_reason`, `gate_party` of each row as an expression.

    Args:
        plan: The rules compiled.
        frame: Where it is to be used; the contract is held against its schema.

    Raises:
        InputError: `contract.*`.
        WorldError: `cli.extra-missing`.
    """
    pl = load("polars", extra="polars")
    schema = frame.collect_schema().to_frame().to_arrow().schema
    check_schema(plan, schema, name="the frame")
    columns = plan.contract.roots(schema)
    kind = pl.Struct({"gate_reason": pl.Enum(WORDS.to_pylist()), "gate_party": pl.Int32})

    def decide(rows: Series) -> Series:
        fields: Any = rows.to_arrow()
        arrays = [fields.field(i) for i in range(fields.type.num_fields)]
        batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
        tally = Tally(plan)
        decided = decide_plain(plan, batch)
        tally.add(decided.reason, batch.num_rows)
        marks = [reason_words(decided.reason), pa.array(decided.party)]
        found = pl.from_arrow(pa.StructArray.from_arrays(marks, fields=list(MARKS)))
        return found.cast(kind)  # type: ignore[no-any-return]

    expression: Expr = pl.struct(columns).map_batches(
        decide, return_dtype=kind, is_elementwise=True
    )
    return expression


def emit_frame(
    plan: GatePlan,
    frame: LazyFrame,
    *,
    copy: Path | None = None,
    mark: bool = False,
    name: str = "the frame",
) -> Emission:
    """Run a lazy frame through the gate in Polars' streaming engine; write it, or only count.

    Args:
        plan: The rules compiled.
        frame: A `polars.LazyFrame`.
        copy: Parquet file to write.
        mark: Write every row with `gate_reason` and `gate_party`.
        name: What to call the frame in messages and in the record.

    Returns:
        The counts; they sum to the rows of the frame.

    Raises:
        InputError: `data.unreadable`; `contract.*`.
        ConflictError: `workspace.exists`.
        WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
        ByleaveError: `gate.sum`.
    """
    pl = load("polars", extra="polars")
    schema = frame.collect_schema().to_frame().to_arrow().schema
    if copy is None:
        check_schema(plan, schema, name=name)
        roots = list(plan.contract.roots(schema))
        frame, schema = frame.select(roots), pa.schema([schema.field(n) for n in roots])
    whole = schema

    def read() -> Any:  # noqa: ANN401 (a generator of batches)
        try:
            parts = frame.collect_batches(chunk_size=BATCH_ROWS, engine="streaming")
            for part in parts:
                yield from part.to_arrow().cast(whole).to_batches()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(
                f"{name} cannot be read", code="data.unreadable", hint=type(error).__name__
            ) from error

    tally = Tally(plan)
    narrow = copy is None
    schema, batches = gate_batches(plan, schema, read(), tally, mark=mark, name=name, narrow=narrow)
    if copy is None:
        for _ in batches:
            pass
    else:
        write_rows(copy, schema, batches)
    return tally.emission([InputRows(name=name, rows=tally.rows, kept=tally.kept)])
