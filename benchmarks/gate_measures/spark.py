"""Spark `local[2]`: the gate's plan file against Spark's own broadcast joins, rows and reasons.

Each way is a process of its own, JVM and workers with it. CPU is that of the whole tree, read from
/proc until it ends; memory the highest sum of proportional set sizes, so that what workers share
counts once. Both give the same reason for every row, which is checked first.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.gate_measures.world import choices, save_plan, write_messages

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venvs" / "spark" / "bin" / "python"
JOB = Path(__file__).with_name("spark_job.py")
TICK = os.sysconf("SC_CLK_TCK")


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (called by position)
    """Yield the measures; a single line that says so where Spark is not installed."""
    if not _has_spark():
        yield line("Spark: not installed; `scripts/setup spark` does", 0, 0, "rows")
        return
    rows, members = (2_000_000, 4_000_000) if quick else (20_000_000, 40_000_000)
    with tempfile.TemporaryDirectory(prefix="byleave-bench") as name:
        folder = Path(name)
        files = [folder / "rows.parquet", folder / "plan", folder / "said.parquet"]
        write_messages(files[0], rows, members)
        save_plan(files[1], members)
        who, kind = choices(members)
        code = pa.array(kind).cast(pa.int32())
        code = pa.compute.if_else(pa.compute.equal(code, 1), pa.scalar(0, pa.int32()), code)
        pq.write_table(pa.table({"id": who, "code": code}), files[2])
        del who, kind, code
        if quick:
            run("counts", files)
        floor, gate, join = (run(way, files) for way in ("floor", "gate", "join"))
        small, python = run("gate", files, "1g"), run("python", files)
    yield line("Spark: CPU of reading the two columns", rows, floor[0], "CPU s")
    yield line("Spark: CPU of the gate, reasons and parties", rows, gate[0], "CPU s")
    yield line("Spark: CPU of the gate by the Arrow function", rows, python[0], "CPU s")
    yield line("Spark: CPU of broadcast joins, reasons", rows, join[0], "CPU s")
    yield line("Spark: gate against broadcast joins, CPU", rows, gate[0] / join[0], "x", 0.5)
    yield line("Spark: peak memory of reading", rows, floor[1], "MB")
    yield line("Spark: peak memory of the gate", rows, gate[1], "MB")
    yield line("Spark: peak memory of the gate, heap of 1 GB", rows, small[1], "MB")
    yield line("Spark: peak memory of the gate by the Arrow function", rows, python[1], "MB")
    yield line("Spark: peak memory of broadcast joins", rows, join[1], "MB")
    yield line("Spark: gate against broadcast joins, memory", rows, gate[1] / join[1], "x", 0.25)
    yield line("Spark: the same, heap of 1 GB", rows, small[1] / join[1], "x")
    yield line("Spark: the same, CPU, heap of 1 GB", rows, small[0] / join[0], "x")


def _has_spark() -> bool:
    return (
        PYTHON.exists()
        and not subprocess.run([PYTHON, "-c", "import pyspark"], check=False).returncode
    )


def line(
    measure: str, size: int, value: float, unit: str, goal: float | None = None
) -> dict[str, Any]:
    return {
        "measure": measure,
        "size": size,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "goal": goal,
        "met": None if goal is None else value <= goal,
        "floor": None,
    }


def run(way: str, files: list[Path], memory: str = "6g") -> tuple[float, float]:
    """Run one way; return the CPU seconds and the peak memory (MB) of its process tree."""
    command = [str(PYTHON), str(JOB), way, *map(str, files), memory]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    cpu: dict[int, float] = {}
    peak = 0.0
    process = subprocess.Popen(
        command, env=env, cwd=files[0].parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    for turn in count():
        if process.poll() is not None:
            break
        tree = descendants(process.pid)
        for pid in tree:
            cpu[pid] = max(cpu.get(pid, 0.0), cpu_of(pid))
        if turn % 4 == 0:  # asking the kernel for the sizes of a large process is dear
            peak = max(peak, sum(pss_of(pid) for pid in tree) / 1000)
        time.sleep(0.25)
    errors = process.stderr.read().decode() if process.stderr else ""
    if process.returncode:
        raise RuntimeError(f"{way} failed: {errors[-2000:]}")
    return sum(cpu.values()), peak


def descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_of(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((float(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:")), 0.0)
