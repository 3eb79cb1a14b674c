"""The whole way once, timed: the replay, the gate, the seal, unlearning, one proof.

    python benchmarks/whole_way.py [--quick] [--json] [--data DIR]

Real messages where the data folder is found (`--data`, `$BYLEAVE_DATA`, `../shared/data`), else a
generated set of the same shape; each line says which. Floors are measured in the same run: reading
the same columns from Parquet for the gate, bare SHA-256 of as many blocks for the seal, a fit from
scratch for unlearning. Prints one line a measure; a missed goal stays visible (`met`: false).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import byleave
from byleave.demo.replay import run as replay
from byleave.verify import verify

USE = "train.generative.replies/messages/platform"
COLUMNS = ["sender_id", "recipient_id", "kind", "sent_at"]
BLOCKS_PER_PARTY_RECORD = 8
"""Ground commitment 2, record leaf 2, its share of record root, label, commitment, bucket: 4."""


def main() -> None:
    """Run the measures and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one repetition of each measure")
    parser.add_argument("--json", action="store_true", help="JSON lines (default: a table)")
    parser.add_argument("--data", type=Path, help="folder that holds the data sets' folders")
    options = parser.parse_args()
    repeat = 1 if options.quick else 5
    folder = Path(tempfile.mkdtemp(prefix="byleave-benchmark-"))
    try:
        for measure in measures(folder, options.data, repeat):
            show(measure, as_json=options.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measures(folder: Path, data: Path | None, repeat: int) -> list[dict[str, Any]]:
    """Return every measure of one run."""
    start = time.perf_counter()
    result = replay(workspace=folder / "demo", data=data, seed=2024, tell=_quiet, progress=_quiet)
    seconds = time.perf_counter() - start
    size = f"{result['messages']} messages, {result['members']} members ({result['data_origin']})"
    lines = [line("replay", size, seconds, "s", goal=120.0, below=True)]
    with byleave.open(folder / "demo") as ws:
        lines += [
            gate_line(ws, size, repeat),
            seal_line(ws, repeat),
            unlearn_line(ws, repeat),
            verify_line(ws, result, repeat),
        ]
    return lines


def gate_line(ws: byleave.Workspace, size: str, repeat: int) -> dict[str, Any]:
    """The gate's CPU over that of reading the columns it needs."""
    path = ws.path / "sources" / "messages" / "data.parquet"
    floor = cpu(lambda: pq.read_table(path, columns=COLUMNS), repeat)
    value = cpu(lambda: ws.gate.dry_run("messages", USE), repeat)
    return line(
        "gate with a reason a row", size, value / floor, "× reading", goal=None, floor=floor
    )


def seal_line(ws: byleave.Workspace, repeat: int) -> dict[str, Any]:
    """Party-records committed a second, against bare SHA-256 of as many blocks."""
    from byleave.service.snapshot_check import check_snapshot

    document = ws.snapshot.list()[0]
    count = document["party_records"]
    value = cpu(lambda: check_snapshot(ws.house, document["snapshot"]), repeat)
    block = bytes(55)
    floor = cpu(
        lambda: [hashlib.sha256(block).digest() for _ in range(BLOCKS_PER_PARTY_RECORD * count)],
        repeat,
    )
    return line(
        "map checked and built again from openings",
        f"{count} party-records",
        value / floor,
        f"× SHA-256 of {BLOCKS_PER_PARTY_RECORD} blocks each",
        goal=None,
        floor=floor,
    )


def unlearn_line(ws: byleave.Workspace, repeat: int) -> dict[str, Any]:
    """Forgetting the withdrawn rows, against a fit without them; both end in `encode`."""
    from byleave.service.model import restore_state, run_object, trainer_of
    from byleave.service.snapshot import open_snapshot

    release = ws.release.list()[-1]
    _, run = run_object(ws.house, release["run"])
    trainer = trainer_of(ws.house, run["trainer"])
    snapshot = open_snapshot(ws.house, release["snapshot"])
    state = restore_state(ws.house, release["run"])
    gone = snapshot.alive[: max(len(snapshot.alive) // 100, 1)]
    left = np.setdiff1d(snapshot.alive, gone)
    removed = list(snapshot.batches(run["columns"], only=gone))
    rest = list(snapshot.batches(run["columns"], only=left))
    value = cpu(lambda: trainer.encode(trainer.forget(state, removed)), repeat)
    floor = cpu(lambda: trainer.encode(trainer.fit(rest, run["recipe"])), repeat)
    same = trainer.encode(trainer.forget(state, removed)) == trainer.encode(
        trainer.fit(rest, run["recipe"])
    )
    if not same:
        raise SystemExit("forgetting and refitting gave different bytes")
    size = f"{len(gone)} of {len(snapshot.alive)} rows forgotten"
    return line("unlearn replies", size, value / floor, "× fit", goal=1.0, floor=floor, below=True)


def verify_line(ws: byleave.Workspace, result: dict[str, Any], repeat: int) -> dict[str, Any]:
    """One absence proof, checked whole: log, release, snapshot, receipt, map."""
    proof = next(p for p in result["proofs"] if p["kind"] == "absence")
    data, receipt = Path(proof["path"]).read_bytes(), Path(proof["receipt"]).read_bytes()
    trust = ws.places.trust.read_bytes()
    value = cpu(lambda: verify(data, trust, receipt), 20 * repeat)
    return line("verify an absence", f"{len(data)} bytes", value * 1e3, "ms", goal=None)


def cpu(action: Callable[[], object], repeat: int) -> float:
    """Return the least CPU seconds of some repetitions."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        action()
        best = min(best, time.process_time() - start)
    return max(best, 1e-9)


def line(
    measure: str,
    size: str,
    value: float,
    unit: str,
    *,
    goal: float | None,
    floor: float | None = None,
    below: bool = False,
) -> dict[str, Any]:
    """Return one measure in the shape of every benchmark."""
    met = None if goal is None else (value <= goal if below else value >= goal)
    rounded = None if floor is None else round(floor, 6)
    return {
        "measure": measure,
        "size": size,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "met": met,
        "floor": rounded,
    }


def show(measure: dict[str, Any], *, as_json: bool) -> None:
    """Print one measure."""
    if as_json:
        print(json.dumps(measure))
        return
    goal = "" if measure["goal"] is None else f"   goal {measure['goal']}: {measure['met']}"
    print(
        f"{measure['measure']:<26}{measure['value']:>10} {measure['unit']:<32}{measure['size']}{goal}"
    )


def _quiet(*_: object) -> None:
    return None


if __name__ == "__main__":
    main()
