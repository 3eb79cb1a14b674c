"""What the measures at full size share: a plan made in parts, rows in files, ways in processes.

Members: 30 % said yes to all of their data, 3 % refused, 4 % withdrew, 1 % had a yes that ended, the
others are silent; nobody's region is known, so that the strictest rules hold. Rows draw author and
recipient at random from all members, which is the worst that caches can meet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.consent.event import EvidenceGrade
from byleave.consent.reason import Reason
from byleave.consent.state import State, pack
from byleave.gate.contract import parse_contract
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, MemberFacts, compile_parts, uses_of
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.ruleset import default_rules
from byleave.policy.taxonomy import default_taxonomy

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 2, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
SCOPE = "train.generative.replies/messages.inmail/platform"
FOUR = """\
contract: v1
parties: {author: author, recipients: recipient}
category: category
collected_at: collected_at
"""
TWO = """\
contract: v1
parties: {author: author, recipients: recipient}
category_constant: messages.inmail
"""
PART = 1 << 21
GROUP = 1 << 20


def line(
    measure: str,
    size: int,
    value: float,
    unit: str,
    goal: float | None = None,
    *,
    at_least: bool = False,
) -> dict[str, Any]:
    """Return one measure; beyond twice (below half of) its goal the exit status is 1."""
    met = None if goal is None else value >= goal if at_least else value <= goal
    return {
        "measure": measure,
        "size": size,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "goal": goal,
        "met": met,
        "floor": None if goal is None else goal / 2 if at_least else goal * 2,
    }


def codes(start: int, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return what some members said: the same for the same members, however they are cut."""
    draw = np.random.default_rng(start).integers(0, 100, count, dtype=np.uint8)
    code = np.full(count, Reason.NO_GRANT, np.uint8)
    for word, low, high in (
        (Reason.KEPT, 0, 30),
        (Reason.REFUSED, 30, 33),
        (Reason.WITHDRAWN, 33, 37),
        (Reason.EXPIRED, 37, 38),
    ):
        code[(draw >= low) & (draw < high)] = word
    return code


def parts(members: int, *, dated: bool) -> Iterator[tuple[list[State], MemberFacts]]:
    """Yield states and facts; `dated`: a yes covers data from its own instant in a year on."""
    (use,) = uses_of(default_taxonomy().scope(SCOPE), default_taxonomy())
    for start in range(0, members, PART):
        count = min(PART, members - start)
        code = codes(start, count)
        yes = code == Reason.KEPT
        no = np.isin(code, [Reason.REFUSED, Reason.WITHDRAWN])
        never = pack(np.zeros(count, np.bool_))
        since = np.random.default_rng(start + 1).integers(to_us(AT - YEAR), to_us(AT), count)
        state = State(
            use=use,
            at_us=to_us(AT),
            members=count,
            accepted=EvidenceGrade.BYTES,
            last_index=members,
            allow=never if dated else pack(yes),
            since=pack(yes) if dated else never,
            veto=pack(no),
            general=never,
            code=code,
            because=np.where(code == Reason.NO_GRANT, -1, np.arange(start, start + count)),
            effective_us=np.where(yes, since, 0),
            next_us=FAR_FUTURE_US,
        )
        yield [state], MemberFacts.unknown(count)


def make_plan(members: int, contract: str, *, dated: bool = False) -> GatePlan:
    """Compile a plan in parts of two million members."""
    return compile_parts(
        default_taxonomy().scope(SCOPE),
        parts(members, dated=dated),
        at=AT,
        contract=parse_contract(contract, name="generated"),
        taxonomy=default_taxonomy(),
        rules=default_rules(),
        members=MemberIndex.counting(members),
        regions=(None,),
        ledger=members,
    )


def write_rows(path: Path, rows: int, members: int, *, columns: int = 4) -> None:
    """Write rows of two parties as snappy Parquet: four columns, or the two ids alone."""
    rng = np.random.default_rng(11)
    writer = None
    for start in range(0, rows, GROUP):
        count = min(GROUP, rows - start)
        found = {
            "author": pa.array(rng.integers(0, members, count, dtype=np.uint32)),
            "recipient": pa.array(rng.integers(0, members, count, dtype=np.uint32)),
        }
        if columns == 4:
            word = pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(count, np.int32)), pa.array(["messages.inmail"])
            )
            found["category"] = word.cast(pa.string())
            when = rng.integers(to_us(AT - YEAR), to_us(AT), count)
            found["collected_at"] = pa.array(when).cast(pa.timestamp("us", "UTC"))
        table = pa.table(found)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table, row_group_size=GROUP)
    if writer is not None:
        writer.close()


def in_process(job: str, *arguments: object) -> dict[str, Any]:
    """Run `python -m benchmarks.gate_measures.JOB ...` and return the object it prints last."""
    command = [sys.executable, "-m", f"benchmarks.gate_measures.{job}", *map(str, arguments)]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(**values: object) -> None:
    """Print what a process measured, its peak memory (MB) with it, its own and no parent's."""
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(entry.split()[1]) for entry in status if entry.startswith("VmHWM:"))
    print(json.dumps({**values, "mb": peak / 1e3}))
