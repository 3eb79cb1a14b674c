"""700 million members, 200 million two-party rows of two id columns, a reason for each row.

The file holds 50 million rows and is read four times over: the members are drawn at random, so that
reading it again finds no more in the caches than other rows would, and the disk of a laptop is
enough. A thousand million rows are stated from it, five times the CPU.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.gate_measures.scale import TWO, in_process, line, make_plan, report, write_rows
from byleave.engines.arrow import reasons_batch
from byleave.engines.kernel import load_kernel
from byleave.engines.plan_files import open_plan, write_plan

BATCH = 1 << 17


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (gate.py asks so)
    rows, members, times = (1_000_000, 20_000_000, 2) if quick else (50_000_000, 700_000_000, 4)
    all_rows = rows * times
    with tempfile.TemporaryDirectory(prefix="byleave-largest-") as name:
        data, plan = Path(name, "rows"), Path(name, "plan")
        write_rows(data, rows, members, columns=2)
        made = in_process("largest", "compile", plan, members)
        yield line("largest: compile, a part at a time", members, made["cpu"], "CPU s")
        yield line("largest: peak memory of compiling", members, made["mb"], "MB")
        yield line("largest: plan file", members, plan.stat().st_size / 1e6, "MB")
        floor = in_process("largest", "floor", data, plan, times)
        yield line("largest: reading the two columns", all_rows, floor["cpu"], "CPU s")
        scale = all_rows / 200_000_000
        for way, goal in (("kernel", 6.0), ("numpy", 12.0)):
            found = in_process("largest", way, data, plan, times)
            word = "NumPy" if way == "numpy" else way
            yield line(f"largest: gate, {word}", all_rows, found["cpu"], "CPU s", goal * scale)
            yield line(f"largest: peak memory, {word}", all_rows, found["mb"], "MB")
            billion = found["cpu"] * 1e9 / all_rows
            yield line(
                f"largest: 1,000,000,000 rows stated from it, {word}", all_rows, billion, "CPU s"
            )


def main() -> None:
    way, *given = sys.argv[1:]
    if way == "compile":
        start = time.process_time()
        plan = make_plan(int(given[1]), TWO)
        cpu = time.process_time() - start
        write_plan(plan, Path(given[0]))
        report(cpu=cpu)
        return
    kernel = load_kernel() if way == "kernel" else None
    first = next(pq.ParquetFile(given[0]).iter_batches(64, use_threads=False))
    if way != "floor":
        reasons_batch(open_plan(Path(given[1]), verify=False), first, kernel)
    start = time.process_time()
    opened = None if way == "floor" else open_plan(Path(given[1]), verify=False)
    counts = np.zeros(256, np.int64)
    for _ in range(int(given[2])):
        file = pq.ParquetFile(given[0], memory_map=True)
        for batch in file.iter_batches(BATCH, use_threads=False):
            if opened is not None:
                counts += np.bincount(reasons_batch(opened, batch, kernel).reason, minlength=256)
    report(cpu=time.process_time() - start, counts=counts.tolist())


if __name__ == "__main__":
    main()
