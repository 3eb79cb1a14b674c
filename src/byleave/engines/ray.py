"""Ray Data through the gate: `map_batches` over Arrow blocks, a plan file mapped by its workers.

The same function as everywhere, on the blocks that Ray holds; each worker maps the plan file once.
Nothing is joined and nothing put in the object store. Byleave must be installed on the nodes, and
the plan file stand at the same path on each (shared storage, or a runtime environment).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byleave.engines.extra import load
from byleave.engines.passing import check_schema
from byleave.engines.tally import Emission, InputRows, Tally
from byleave.engines.workers import PlanPlace, count_block, pass_block

if TYPE_CHECKING:
    from ray.data import Dataset

__all__ = ["count_blocks", "gate_blocks"]

_BATCH_ROWS: Final = 1 << 17


def gate_blocks(
    plan: Path, dataset: Dataset, *, mark: bool = False, batch_rows: int | None = None
) -> Dataset:
    """Return the rows kept, lazily: each block is decided when it is read.

    Args:
        plan: A plan file, at this path on every node.
        dataset: A `ray.data.Dataset` of Arrow blocks.
        mark: Return every row with `gate_reason` and `gate_party`, instead of the rows kept.
        batch_rows: Rows decided at a time; None: the blocks as they are.

    Raises:
        InputError: `input.not-found`; `plan.version`; `contract.*`, where the columns are known.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
        WorldError: `cli.extra-missing`.
    """
    load("ray.data", extra="ray")
    place, compiled = PlanPlace.of(plan)
    schema = dataset.schema(fetch_if_missing=False)
    if schema is not None and hasattr(schema.base_schema, "field"):  # Arrow, not pandas
        check_schema(compiled, schema.base_schema, name="the data set", narrow=True)
    decide = partial(pass_block, place, mark=mark)
    passed: Dataset = dataset.map_batches(decide, batch_format="pyarrow", batch_size=batch_rows)
    return passed


def count_blocks(plan: Path, dataset: Dataset, *, name: str = "the data set") -> Emission:
    """Return the counts by reason; only the columns of the contract are read.

    Raises:
        InputError: `contract.*`, and what `gate_blocks` raises.
        ByleaveError: `gate.sum`.
    """
    load("ray.data", extra="ray")
    place, compiled = PlanPlace.of(plan)
    schema = dataset.schema()
    if schema is not None:
        check_schema(compiled, schema.base_schema, name=name, narrow=True)
        dataset = dataset.select_columns(list(compiled.contract.roots(schema.base_schema)))
    decide = partial(count_block, place)
    tally = Tally(compiled)
    counted = dataset.map_batches(decide, batch_format="pyarrow", batch_size=_BATCH_ROWS)
    for row in counted.iter_rows():
        tally.add_count(int(row["code"]), int(row["rows"]))
    return tally.emission([InputRows(name=name, rows=dataset.count(), kept=tally.kept)])
