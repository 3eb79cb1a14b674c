"""Four parties a row: an author and a list of one to five recipients, one column of lists.

What deciding adds to decoding the two columns, in nanoseconds a row; 100 million members.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.gate_measures.scale import TWO, in_process, line, make_plan, report
from byleave.engines.arrow import reasons_batch
from byleave.engines.kernel import load_kernel
from byleave.engines.plan_files import open_plan, write_plan

GROUP = 1 << 20
BATCH = 1 << 17


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (gate.py asks so)
    rows, members = (1_000_000, 8_000_000) if quick else (20_000_000, 100_000_000)
    with tempfile.TemporaryDirectory(prefix="byleave-lists-") as name:
        data, plan = Path(name, "rows"), Path(name, "plan")
        write_rows(data, rows, members)
        in_process("lists", "compile", plan, members)
        in_process("lists", "kernel", data, plan)
        ways = {way: in_process("lists", way, data, plan) for way in ("floor", "numpy", "kernel")}
    base = ways["floor"]["cpu"]
    same = ways["numpy"]["counts"] == ways["kernel"]["counts"]
    yield line("lists: decoding author and recipients", rows, base / rows * 1e9, "ns/row")
    added = {way: (found["cpu"] - base) / rows * 1e9 for way, found in ways.items()}
    yield line("lists: 4 parties a row, kernel, over decoding", rows, added["kernel"], "ns/row", 25)
    yield line("lists: 4 parties a row, NumPy, over decoding", rows, added["numpy"], "ns/row")
    yield line("lists: peak memory, kernel", rows, ways["kernel"]["mb"], "MB", 1000)
    yield line("lists: counts of both equal", rows, same, "yes", 1, at_least=True)


def write_rows(path: Path, rows: int, members: int) -> None:
    rng = np.random.default_rng(5)
    writer = None
    for start in range(0, rows, GROUP):
        count = min(GROUP, rows - start)
        lengths = rng.integers(1, 6, count)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]).astype(np.int32)
        items = pa.array(rng.integers(0, members, int(offsets[-1]), dtype=np.uint32))
        table = pa.table(
            {
                "author": pa.array(rng.integers(0, members, count, dtype=np.uint32)),
                "recipient": pa.ListArray.from_arrays(pa.array(offsets), items),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table, row_group_size=GROUP)
    if writer is not None:
        writer.close()


def main() -> None:
    way, *given = sys.argv[1:]
    if way == "compile":
        write_plan(make_plan(int(given[1]), TWO), Path(given[0]))
        report()
        return
    file = pq.ParquetFile(given[0], memory_map=True)
    kernel = load_kernel() if way == "kernel" else None
    first = next(file.iter_batches(64, use_threads=False))
    if way != "floor":
        reasons_batch(open_plan(Path(given[1]), verify=False), first, kernel)
    start = time.process_time()
    plan = None if way == "floor" else open_plan(Path(given[1]), verify=False)
    counts = np.zeros(256, np.int64)
    for batch in file.iter_batches(BATCH, use_threads=False):
        if plan is not None:
            counts += np.bincount(reasons_batch(plan, batch, kernel).reason, minlength=256)
    report(cpu=time.process_time() - start, counts=counts.tolist())


if __name__ == "__main__":
    main()
