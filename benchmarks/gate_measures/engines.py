"""Writing what the gate kept, and the engines of one machine: DuckDB, datasets, Polars, records.

copy      gate and write with a text of 120 bytes a row, 90 % of the rows kept, against reading the
          same file row group by row group and writing all of it with the same settings.
duckdb    the rows of a query through the gate, against handing the same rows over as Arrow.
datasets  `gate_dataset` (select), against `Dataset.filter` with the same function on batches of
          100,000, its files included.
polars    the lazy filter in the streaming engine, against reading the two columns there.
records   one record at a time, and a thousand.

CPU seconds of the process, all threads; the turn of each pair alternates and the least is taken.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.gate_measures.world import (
    agreeing_for,
    make_plan,
    write_messages,
)
from byleave.consent.reason import Reason
from byleave.engines.arrow import reasons_batch
from byleave.engines.duckdb import gate_query
from byleave.engines.emit import Outputs, emit
from byleave.engines.hf_datasets import gate_dataset
from byleave.engines.polars import gate_frame
from byleave.engines.stream import RecordGate
from byleave.gate.plan import GatePlan

Line = dict[str, Any]


def measure(quick: bool) -> Iterator[Line]:  # noqa: FBT001 (called by position)
    members = 2_000_000 if quick else 50_000_000
    rows = 1_000_000 if quick else 10_000_000
    plan = make_plan(members)
    with tempfile.TemporaryDirectory(prefix="byleave-bench") as name:
        folder = Path(name)
        yield from copies(folder, plan, rows, members)
        narrow = folder / "narrow.parquet"
        write_messages(narrow, rows, members)
        yield from by_duckdb(narrow, plan, rows)
        yield from by_polars(narrow, plan, rows)
        yield from by_datasets(folder, narrow, plan, rows)
    yield from records(plan, members)


def line(measure: str, size: int, value: float, unit: str, goal: float | None = None) -> Line:
    return {
        "measure": measure,
        "size": size,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "goal": goal,
        "met": None if goal is None else value <= goal,
        "floor": None if goal is None else 2 * goal,
    }


def turns(first: Callable[[], object], second: Callable[[], object], times: int = 3) -> list[float]:
    """Return the least CPU seconds of two ways, by turns."""
    least = [float("inf")] * 2
    for turn in range(times):
        for place in (0, 1) if turn % 2 else (1, 0):
            began = time.process_time()
            (first, second)[place]()
            least[place] = min(least[place], time.process_time() - began)
    return least


def copies(folder: Path, plan: GatePlan, rows: int, members: int) -> Iterator[Line]:
    data, out = folder / "wide.parquet", folder / "out.parquet"
    write_messages(data, rows, members, text=120, agreeing=agreeing_for(0.9))
    found = []

    def plain() -> None:
        file = pq.ParquetFile(data)
        with pq.ParquetWriter(out, file.schema_arrow, use_dictionary=False) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))
        out.unlink()

    def gated() -> None:
        found.append(emit(plan, [data], Outputs(copy=out)))
        out.unlink()

    def selected() -> None:
        emit(plan, [data], Outputs(selection=out))
        out.unlink()

    copy, gate = turns(gated, plain)[::-1]
    (_, select) = turns(lambda: None, selected)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield line("emit: rows kept", rows, 100 * found[0].kept / rows, "%")
    yield line("emit: plain copy", rows, copy, "CPU s")
    yield line("emit: gate and write a copy", rows, gate, "CPU s")
    yield line("emit: gate and write, against a plain copy", rows, gate / copy, "x", 1.2)
    yield line("emit: gate and write a selection, against a plain copy", rows, select / copy, "x")
    yield line("emit: peak memory of the process so far", rows, peak, "MiB")
    data.unlink()


def by_duckdb(data: Path, plan: GatePlan, rows: int) -> Iterator[Line]:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 2")
        query = f"SELECT author, recipient FROM '{data}'"  # noqa: S608 (our own file)

        def read() -> None:
            with connection.sql(query).to_arrow_reader(1 << 17) as reader:
                for _ in reader:
                    pass

        bare, gate = turns(read, lambda: gate_query(plan, connection, query))
    yield line("duckdb: rows handed over as Arrow", rows, bare, "CPU s")
    yield line("duckdb: rows of a query through the gate", rows, gate, "CPU s")
    yield line("duckdb: gate on top", rows, (gate - bare) / rows * 1e9, "ns/row")


def by_polars(data: Path, plan: GatePlan, rows: int) -> Iterator[Line]:
    import polars as pl

    def read() -> None:
        pl.scan_parquet(data).filter(pl.col("author") >= pl.col("recipient")).select(
            pl.len()
        ).collect(engine="streaming")

    def gate() -> None:
        gate_frame(plan, pl.scan_parquet(data)).select(pl.len()).collect(engine="streaming")

    bare, gated = turns(read, gate)
    yield line("polars: a plain filter, streaming", rows, bare, "CPU s")
    yield line("polars: the gate as a filter, streaming", rows, gated, "CPU s")
    yield line("polars: gate on top", rows, (gated - bare) / rows * 1e9, "ns/row")


def by_datasets(folder: Path, data: Path, plan: GatePlan, rows: int) -> Iterator[Line]:
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    whole = Dataset.from_parquet(str(data), cache_dir=str(folder / "cache"))
    few = whole.select(range(min(rows, 1_000_000)))
    (_, gate) = turns(lambda: None, lambda: gate_dataset(plan, whole))

    def keep(table: pa.Table) -> list[bool]:
        (batch,) = table.combine_chunks().to_batches()
        return (reasons_batch(plan, batch).reason == Reason.KEPT).tolist()

    began = time.process_time()
    few.with_format("arrow").filter(keep, batched=True, batch_size=100_000)
    filtered = (time.process_time() - began) / len(few)
    yield line("datasets: gate and select", rows, gate / rows * 1e9, "ns/row")
    yield line("datasets: filter by the same function", len(few), filtered * 1e9, "ns/row")


def records(plan: GatePlan, members: int) -> Iterator[Line]:
    draw = np.random.default_rng(5)
    ids = draw.integers(0, members, (20_000, 2)).tolist()
    given = [{"author": author, "recipient": recipient} for author, recipient in ids]
    gate = RecordGate(plan, valid_for=None)
    gate.decide(given[0], ledger=0)
    began = time.process_time()
    for record in given[:2_000]:
        gate.decide(record, ledger=0)
    yield line(
        "records: one at a time", 2_000, (time.process_time() - began) / 2e3 * 1e6, "µs each"
    )
    began = time.process_time()
    for start in range(0, len(given), 1_000):
        gate.decide_all(given[start : start + 1_000], ledger=0)
    each = (time.process_time() - began) / len(given) * 1e6
    yield line("records: a thousand at a time", len(given), each, "µs each")
