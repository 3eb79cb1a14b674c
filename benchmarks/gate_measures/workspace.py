"""A withdrawal in a workspace of many members: compiling again, in a process that knows nothing.

A real workspace in a temporary folder, made by the ways that an operator has: a source of as many
rows as members (everyone writes one message, to somebody drawn at random; ids `mN` in no order),
everyone enrolled with it, one in fifty said yes and half of those to their past, one gate run. Then
members withdraw, and each act after it is a process of its own: it opens the workspace, which is
timed apart, compiles, or updates the gate. Everything is generated; nobody's choices are in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import byleave
from byleave.consent.event import EventKind
from byleave.service.compile import compile_for
from byleave.service.consent import NewEvent
from byleave.service.kept_plan import compile_now
from byleave.service.source import open_source
from byleave.wiring import Workspace, create
from byleave.wiring.world import ReplayClock

USE = "train.generative.replies/messages.inmail/platform"
START = datetime(2025, 1, 1, tzinfo=UTC)
NOTICE = "May your messages train the model that suggests replies? ( ) Yes ( ) No\n"
CONTRACT = """\
contract: v1
dataset: generated messages
record_id: [id]
parties:
  author: sender
  recipients: recipient
category_constant: messages.inmail
collected_at: sent_at
"""
_PART = 100_000
_YES = 50
"""One member in so many said yes."""


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (what is measured asks so)
    """Yield the measures: 3 million members, or 100,000."""
    members = 100_000 if quick else 3_000_000
    with tempfile.TemporaryDirectory(prefix="byleave-workspace-") as folder:
        place = Path(folder) / "ws"
        yield from grow(place, members)
        yield from after(place, members)


def grow(place: Path, members: int) -> Iterator[dict[str, Any]]:
    """Make the workspace and run its first gate."""
    clock = ReplayClock(START)
    began = time.process_time()
    with create(place, seed=1, now=clock) as ws:
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
        data = place.with_suffix(".parquet")
        pq.write_table(rows_of(members), data, row_group_size=1 << 20)
        ws.source.add("messages", data, CONTRACT)
        data.unlink()
        yield line("workspace: copied, digested, enrolled", members, time.process_time() - began)
        clock.set(START + timedelta(days=1))
        spoke = range(0, members, _YES)
        for at in range(0, len(spoke), _PART):
            ws.consent.record([said(ws, n, EventKind.GRANT) for n in spoke[at : at + _PART]])
        clock.set(START + timedelta(days=2))
        began = time.process_time()
        _, gated = ws.gate.run("messages", USE)
        yield line(
            "workspace: first gate run, compiled in full", members, time.process_time() - began
        )
        yield line("workspace: rows kept", members, gated.record.kept, "rows")


def rows_of(members: int) -> pa.Table:
    """Return one message of each member."""
    draw = np.random.default_rng(20250101)
    names = pa.array(draw.permutation(members)).cast(pa.string())
    text = pa.string()
    ids = pa.compute.binary_join_element_wise(pa.scalar("m", text), names, pa.scalar("", text))
    sent = to_us_before(START, draw.integers(1, 10**12, members))
    return pa.table(
        {
            "id": np.arange(members),
            "sender": ids,
            "recipient": ids.take(pa.array(draw.integers(0, members, members))),
            "sent_at": pa.array(sent, pa.timestamp("us", tz="UTC")),
        }
    )


def to_us_before(at: datetime, back: Any) -> Any:
    """Return instants that lie so many microseconds before one."""
    return int(at.timestamp()) * 1_000_000 - back


def said(ws: Workspace, number: int, kind: EventKind) -> NewEvent:
    """Return what a member says."""
    return NewEvent(
        member=f"m{number}",
        kind=kind,
        scope=ws.scope(USE),
        notice="ask-1" if kind == EventKind.GRANT else None,
        includes_past=kind == EventKind.GRANT and number % (2 * _YES) == 0,
    )


def after(place: Path, members: int) -> Iterator[dict[str, Any]]:
    """Withdraw, and compile or update in processes of their own."""
    for number, count in enumerate((1, max(1, members // 1000))):
        size = f"{count:,} withdrawn"
        told = act(place, "withdraw", str(number), str(count))
        told = act(place, "compile", str(number))
        yield line(f"workspace: {size}: opening, fresh process", members, told["open"])
        yield line(f"workspace: {size}: compile, fresh process", members, told["cpu"], goal=1.0)
        yield line(f"workspace: {size}: compile, elapsed", members, told["wall"], "s", 1.0)
        full = act(place, "full", str(number))
        yield line(f"workspace: {size}: compile in full, beside it", members, full["cpu"])
        same = int(told["digest"] == full["digest"])
        yield line(f"workspace: {size}: the same plan", members, same, "yes", 1.0)
        told = act(place, "update", str(number))
        yield line(f"workspace: {size}: gate update, fresh process", members, told["cpu"])
        yield line(f"workspace: {size}: rows decided again", members, told["touched"], "rows")


def act(place: Path, *what: str) -> dict[str, Any]:
    """Do one thing in a process of its own; return what it tells."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(place), *what],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        check=True,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    place, what, *given = sys.argv[1:]
    clock = ReplayClock(START + timedelta(days=3 + int(given[0]), hours=what == "update"))
    began = time.process_time()
    ws = byleave.open(place, now=clock, read_only=what in {"compile", "full"})
    told: dict[str, Any] = {"open": time.process_time() - began}
    with ws:
        began, started = time.process_time(), time.perf_counter()
        if what == "withdraw":
            spoke = range(int(given[0]) * _YES, 10**9, _YES)[: int(given[1])]
            ws.consent.record([said(ws, n, EventKind.WITHDRAWAL) for n in spoke])
        elif what == "update":
            made = ws.gate.update(ws.gate.list()[-1]["gate"])
            assert made.why_full is None, made.why_full
            told["touched"] = made.touched
        else:
            source = open_source(ws.house, "messages")
            began, started = time.process_time(), time.perf_counter()
            if what == "full":
                plan = compile_for(ws.house, source, USE)
            else:
                made = compile_now(ws.house, source, USE)
                plan, told["patched"] = made.plan, made.among is not None
            told["digest"] = plan.digest.hex()
        told["cpu"] = time.process_time() - began
        told["wall"] = time.perf_counter() - started
    print(json.dumps(told))


def line(
    measure: str, size: int, value: float, unit: str = "CPU s", goal: float | None = None
) -> dict[str, Any]:
    """Return one measure; a goal of seconds is an upper bound, one of `yes` a lower one."""
    low = unit == "yes"
    met = None if goal is None else value >= goal if low else value <= goal
    return {
        "measure": measure,
        "size": size,
        "value": value,
        "unit": unit,
        "goal": goal,
        "met": met,
        "floor": None if goal is None else goal / 2 if low else goal * 4,
    }


if __name__ == "__main__":
    main()
