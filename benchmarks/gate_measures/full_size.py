"""50 million two-party rows, 100 million members: keep or drop, with a reason for each row.

The floor reads the four columns (author, recipient, category, collected-at) of the same file in the
same batches and does nothing with them. The gate reads what its plan asks for: where every yes
reaches back to all data no answer asks for an instant, so that column is not read; with dated
choices it is. DuckDB decides the same rows by two joins with the table of those who spoke, on two
threads, and gives the same count for every reason and party, which is checked.

Plan file, mapped; opening it is measured, hashing it is not (it is checked once a machine).
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

from benchmarks.gate_measures.scale import (
    FOUR,
    PART,
    codes,
    in_process,
    line,
    make_plan,
    report,
    write_rows,
)
from byleave.consent.reason import Reason
from byleave.engines.arrow import columns_for, reasons_batch
from byleave.engines.kernel import load_kernel
from byleave.engines.plan_files import open_plan, write_plan

BATCH = 1 << 17


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (gate.py asks so)
    rows, members = (4_000_000, 8_000_000) if quick else (50_000_000, 100_000_000)
    with tempfile.TemporaryDirectory(prefix="byleave-gate-") as name:
        folder = Path(name)
        data, plan, dated, spoke = (folder / n for n in ("rows", "plan", "dated", "spoke"))
        write_rows(data, rows, members)
        made = in_process("full_size", "compile", plan, members, 0)
        yield line("full: compile all members, a part at a time", members, made["cpu"], "CPU s")
        yield line("full: peak memory of compiling", members, made["mb"], "MB", 1000)
        in_process("full_size", "compile", dated, members, 1)
        write_spoke(spoke, members)
        in_process("full_size", "kernel", data, plan)  # compiles, once
        floor = in_process("full_size", "floor", data)
        numpy = in_process("full_size", "numpy", data, plan)
        kernel = in_process("full_size", "kernel", data, plan)
        floor2 = in_process("full_size", "floor", data)
        base = (floor["cpu"] + floor2["cpu"]) / 2
        duck = in_process("full_size", "duckdb", data, spoke)
        yield line("full: floor, reading the four columns", rows, base, "CPU s")
        for word, way, goal in (("NumPy", numpy, 1.75), ("kernel", kernel, 1.5)):
            yield line(f"full: gate, {word}", rows, way["cpu"], "CPU s")
            yield line(f"full: gate, {word}, against the floor", rows, way["cpu"] / base, "x", goal)
            yield line(f"full: peak memory, {word}", rows, way["mb"], "MB", 1000)
        yield line("full: DuckDB, same rows and reasons", rows, duck["cpu"], "CPU s")
        yield line("full: peak memory, DuckDB", rows, duck["mb"], "MB")
        for word, way in (("NumPy", numpy), ("kernel", kernel)):
            ratio = duck["cpu"] / way["cpu"]
            yield line(f"full: DuckDB against {word}, CPU", rows, ratio, "x", 5, at_least=True)
            ratio = duck["mb"] / way["mb"]
            yield line(f"full: DuckDB against {word}, memory", rows, ratio, "x", 2, at_least=True)
        same = duck["counts"] == numpy["counts"] == kernel["counts"]
        yield line("full: counts by reason and party equal", rows, same, "yes", 1, at_least=True)
        in_process("full_size", "kernel", data, dated)
        for word, kind in (("NumPy", "numpy"), ("kernel", "kernel")):
            way = in_process("full_size", kind, data, dated)
            yield line(
                f"full: dated choices, {word}, against the floor", rows, way["cpu"] / base, "x"
            )
            yield line(f"full: dated choices, {word}, peak memory", rows, way["mb"], "MB")


def write_spoke(path: Path, members: int) -> None:
    """Write the table of those who spoke: id and code, in the order of ids."""
    writer = None
    for start in range(0, members, PART):
        code = codes(start, min(PART, members - start))
        who = np.flatnonzero(code != Reason.NO_GRANT)
        table = pa.table({"id": (who + start).astype(np.uint32), "code": code[who]})
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path, read_dictionary=["category"], memory_map=True)
    yield from file.iter_batches(BATCH, columns=columns, use_threads=False)


def floor(data: Path) -> None:
    next(batches(data))
    start, rows = time.process_time(), 0
    for batch in batches(data):
        rows += batch.num_rows
    report(cpu=time.process_time() - start, rows=rows)


def gate(data: Path, plan_file: Path, *, compiled: bool) -> None:
    kernel = load_kernel() if compiled else None
    # code is loaded, machine code made, before the clock starts; the plan is opened after it
    reasons_batch(open_plan(plan_file, verify=False), next(batches(data))[:64], kernel)
    start = time.process_time()
    plan = open_plan(plan_file, verify=False)
    schema = pq.read_schema(data)
    counts = np.zeros((256, 8), np.int64)
    for batch in batches(data, list(columns_for(plan, schema))):
        found = reasons_batch(plan, batch, kernel)
        both = found.reason.astype(np.uint16)
        both <<= np.uint16(3)
        both |= (found.party + 1).astype(np.uint16)
        counts += np.bincount(both, minlength=2048).reshape(256, 8)
    report(cpu=time.process_time() - start, counts=told(counts))


def told(counts: np.ndarray[Any, np.dtype[np.int64]]) -> list[list[int]]:
    """Return reason, party and rows, ascending."""
    at = np.argwhere(counts)
    return [[int(r), int(p) - 1, int(counts[r, p])] for r, p in at]


def duckdb(data: Path, spoke: Path) -> None:
    import duckdb as db

    connection = db.connect(config={"threads": 2, "memory_limit": "6GB"})
    start = time.process_time()
    found = connection.execute(
        f"""
        WITH said AS (
            SELECT coalesce(a.code, 1) AS mine, coalesce(b.code, 1) AS theirs
            FROM read_parquet('{data}') m
            LEFT JOIN read_parquet('{spoke}') a ON m.author = a.id
            LEFT JOIN read_parquet('{spoke}') b ON m.recipient = b.id
            WHERE m.category = 'messages.inmail' AND m.collected_at IS NOT NULL
        ), told AS (
            SELECT CASE WHEN mine IN (2, 3, 4) THEN mine WHEN theirs IN (2, 3, 4) THEN 45
                        WHEN mine <> 0 THEN mine ELSE theirs END AS reason,
                   CASE WHEN mine IN (2, 3, 4) THEN 0 WHEN theirs IN (2, 3, 4) THEN 1
                        WHEN mine <> 0 THEN 0 WHEN theirs <> 0 THEN 1 ELSE -1 END AS party
            FROM said
        )
        SELECT reason, party, count(*) FROM told GROUP BY ALL ORDER BY ALL
        """  # noqa: S608 (files of our own)
    ).fetchall()
    report(cpu=time.process_time() - start, counts=[[int(v) for v in row] for row in found])


def main() -> None:
    way, *given = sys.argv[1:]
    if way == "compile":
        start = time.process_time()
        plan = make_plan(int(given[1]), FOUR, dated=given[2] == "1")
        cpu = time.process_time() - start
        write_plan(plan, Path(given[0]))
        report(cpu=cpu)
    elif way == "floor":
        floor(Path(given[0]))
    elif way == "duckdb":
        duckdb(Path(given[0]), Path(given[1]))
    else:
        gate(Path(given[0]), Path(given[1]), compiled=way == "kernel")


if __name__ == "__main__":
    main()
