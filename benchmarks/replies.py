"""Suggested replies: quality beside popularity and TF-IDF, and what unlearning costs.

    benchmarks/replies.py [--data DIR] [--only unlearning,quality] [--quick] [--json]

Quality: nobody in a test thread wrote anything that was trained on. A third of the members is
held out by a hash of their id; test threads are those of the largest group of connected members
in which both are held out, training threads those in which nobody is. The threads of smaller
groups, from which boundary and features were chosen, are never test threads, nor is the half of
all threads from which ridge and spread were (benchmarks/replies_rivals.py --choose). Mean over
five draws (one with --quick); the lowest and the highest go with it.

Unlearning: 1, 10 and 100 members withdraw from a fit on everything, and the time to forget and
encode is compared with that of fitting and encoding what is left: CPU seconds, the least of three.
The bytes of the release and of the state must be equal.
Prints one line of JSON for each number (`goal`: what we aim for; `floor`: below it, or above it
for seconds, the exit status is 1).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

# Before NumPy is loaded: one thread, so that times can be compared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from safetensors.numpy import load, save

from byleave.connectors import persuasion
from byleave.trainers import replies_model
from byleave.trainers.grid import ridge_on_grid
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_model import RepliesModel, evaluate
from byleave.trainers.replies_pairs import links
from byleave.trainers.support import backed, count

TRAINER = RepliesTrainer()
HELD_OUT = 3
NEIGHBOURS = 50


def rows_of(table: pa.Table) -> pa.Table:
    number = table["seq"].cast(pa.large_string())
    return pa.table(
        {
            "record_id": pc.binary_join_element_wise(
                table["thread_id"], number, pa.scalar("#", pa.large_string())
            ),
            "thread": table["thread_id"],
            "seq": table["seq"],
            "author": table["sender_id"],
            "recipient": table["recipient_id"],
            "text": table["text"],
        }
    )


def parties_of(rows: pa.Table) -> dict[str, tuple[str, str]]:
    columns = (rows[name].to_pylist() for name in ("thread", "author", "recipient"))
    return {thread: (a, b) for thread, a, b in zip(*columns, strict=True)}


def largest_group(parties: dict[str, tuple[str, str]]) -> set[str]:
    """Threads of the largest set of members connected by threads."""
    parent: dict[str, str] = {}

    def root(member: str) -> str:
        parent.setdefault(member, member)
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for a, b in parties.values():
        parent[root(a)] = root(b)
    sizes = Counter(root(a) for a, _ in parties.values())
    most = max(sizes.values())
    big = min(member for member, size in sizes.items() if size == most)
    return {thread for thread, (a, _) in parties.items() if root(a) == big}


def asked_about(thread: str) -> bool:
    """Say whether a thread is of the half from which nothing is chosen, in any draw."""
    return hashlib.sha256(thread.encode()).digest()[1] % 2 == 1


def split(rows: pa.Table, draw: int) -> tuple[pa.Table, pa.Table]:
    parties = parties_of(rows)
    group = largest_group(parties)

    def held(member: str) -> bool:
        return hashlib.sha256(f"{draw} {member}".encode()).digest()[0] % HELD_OUT == 0

    inside = {t: (held(a), held(b)) for t, (a, b) in parties.items()}
    train = pa.array([t for t, both in inside.items() if not any(both)], pa.large_string())
    test = pa.array(
        [t for t, both in inside.items() if all(both) and t in group and asked_about(t)],
        pa.large_string(),
    )
    return (
        rows.filter(pc.is_in(rows["thread"], value_set=train)),
        rows.filter(pc.is_in(rows["thread"], value_set=test)),
    )


def without_threshold(state: Any, files: dict[str, bytes]) -> dict[str, bytes]:
    """The same inventory with weights from every count, however few stand behind it."""
    inventory = state.inventory
    order = sorted(range(len(inventory.texts)), key=inventory.texts.__getitem__)
    counts = count(inventory.pairs(), len(order), 1, 4096)
    weights = ridge_on_grid(counts.gram, counts.cross, int(state.recipe["ridge"]) // 2)
    tensors = {
        "features": counts.features,
        "popularity": load(files["weights.safetensors"])["popularity"],
        "weights": np.ascontiguousarray(weights[:, order].astype(np.int32)),
    }
    return {**files, "weights.safetensors": save(tensors)}


def tf_idf(state: Any, files: dict[str, bytes], test: pa.Table) -> dict[str, float | None]:
    """Ranks of entries by the cosine of the question to the training questions they answered."""
    model = RepliesModel(files)
    inventory = state.inventory
    order = sorted(range(len(inventory.texts)), key=inventory.texts.__getitem__)
    place = {label: at for at, label in enumerate(order)}
    folded = {inventory.folded[label]: at for label, at in place.items()}
    held = TRAINER.fit(test.to_batches(), model.recipe)
    asked, truth = [], []
    for _, context, reply in links(held.lines, held.lines):
        found = [folded[o.folded] for o in reply.openings if o.folded in folded]
        if found:
            asked.append(context.features)
            truth.append(found[-1])
    known = [line.features for line in inventory.contexts]
    ids, frequency = np.unique(np.concatenate(known), return_counts=True)
    idf = np.log(len(known) / frequency)

    def matrix(lines: list[np.ndarray]) -> np.ndarray:
        found = np.zeros((len(lines), len(ids)), dtype=np.float32)
        for at, features in enumerate(lines):
            where = np.searchsorted(ids, features)
            where = where[(where < len(ids)) & (ids[np.minimum(where, len(ids) - 1)] == features)]
            found[at, where] = idf[where]
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    near = matrix(asked) @ matrix(known).T
    labels = np.array([place[label] for label in inventory.labels.tolist()])
    scores = np.zeros((len(asked), len(order)))
    for at, row in enumerate(near):
        best = np.argsort(-row, kind="stable")[:NEIGHBOURS]
        np.add.at(scores[at], labels[best], row[best])
    scores += model.popularity * 1e-6
    return replies_model.rank_quality((scores * 2**20).astype(np.int64), np.array(truth), 0)


class Lines:
    """Prints each number as it is known."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.failed = False

    def add(
        self,
        measure: str,
        size: str,
        value: float | None,
        unit: str,
        goal: float | None = None,
        floor: float | None = None,
        spread: tuple[float, float] | None = None,
    ) -> None:
        better_low = unit == "s"

        def holds(bound: float | None) -> bool | None:
            if bound is None or value is None:
                return None
            return value <= bound if better_low else value >= bound

        self.failed |= holds(floor) is False
        line: dict[str, Any] = {
            "measure": measure,
            "size": size,
            "value": None if value is None else round(value, 4),
            "unit": unit,
            "goal": goal,
            "met": holds(goal),
            "floor": floor,
        }
        if spread:
            line["spread"] = [round(bound, 4) for bound in spread]
        if self.as_json:
            print(json.dumps(line), flush=True)
        else:
            shown = "-" if value is None else f"{value:10.4f}"
            range_ = f"  ({spread[0]:.3f} to {spread[1]:.3f})" if spread else ""
            note = (
                "" if line["met"] is None else ("  goal met" if line["met"] else "  GOAL NOT MET")
            )
            print(f"{measure:44} {size:16} {shown} {unit}{range_}{note}", flush=True)


def quality(rows: pa.Table, draws: int, lines: Lines, *, real: bool) -> None:
    for boundary in ("sentence", "clause"):
        recipe = {**TRAINER.default_recipe(), "boundary": boundary}
        found: dict[str, list[float]] = {}
        for draw in range(draws):
            train, test = split(rows, draw)
            state = TRAINER.fit(train.to_batches(), recipe)
            files = dict(TRAINER.encode(state))
            ours = evaluate(files, test.to_batches()).to_dict()
            free = evaluate(without_threshold(state, files), test.to_batches()).to_dict()
            rival = tf_idf(state, files, test)
            numbers = dict(ours)
            numbers |= {f"without_threshold_{name}": free[name] for name in ("top1", "top3", "mrr")}
            numbers |= {f"tf_idf_{name}": value for name, value in rival.items()}
            for name, value in numbers.items():
                found.setdefault(name, []).append(float("nan") if value is None else float(value))
        size = f"{boundary}, k=5"
        goals = {"top3": 0.3, "coverage": 0.15, "mrr": 0.25} if real else {}
        for name, values in found.items():
            if name == "k":
                continue
            spread = (min(values), max(values)) if draws > 1 else None
            unit = "count" if name in {"pairs", "covered", "inventory"} else "share"
            floor = 0.2 if name == "top3" and real else None
            lines.add(name, size, float(np.mean(values)), unit, goals.get(name), floor, spread)


def timed(work: Any) -> tuple[Any, float]:
    """Return what it gives and its CPU seconds, the least of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return result, best


def unlearning(rows: pa.Table, sizes: tuple[int, ...], lines: Lines) -> None:
    recipe = TRAINER.default_recipe()
    start = time.perf_counter()
    state = TRAINER.fit(rows.to_batches(), recipe)
    fitted = time.perf_counter()
    TRAINER.encode(state)
    encoded = time.perf_counter()
    size = f"{rows.num_rows} rows"
    lines.add("fit", size, fitted - start, "s")
    lines.add("encode", size, encoded - fitted, "s")
    lines.add("fit_and_encode", size, encoded - start, "s", 5.0, 30.0)
    members = sorted(
        set(rows["author"].to_pylist()), key=lambda m: hashlib.sha256(m.encode()).digest()
    )
    for many in sizes:
        some = pa.array(members[:many], pa.large_string())
        touched = pc.or_(
            pc.is_in(rows["author"], value_set=some), pc.is_in(rows["recipient"], value_set=some)
        )
        gone, left = rows.filter(touched).to_batches(), rows.filter(pc.invert(touched))
        parts = left.to_batches()
        less, forget = timed(lambda b=gone: TRAINER.forget(state, b))
        files, encode = timed(lambda s=less: TRAINER.encode(s))
        fresh, fit = timed(lambda b=parts: TRAINER.fit(b, recipe))
        again, encode_fresh = timed(lambda s=fresh: TRAINER.encode(s))
        counts = backed(less.chosen, less.together, int(recipe["k"]))
        _, solve = timed(lambda c=counts: ridge_on_grid(c.gram, c.cross, int(recipe["ridge"])))
        mine, refit = forget + encode, fit + encode_fresh
        rows_gone = sum(batch.num_rows for batch in gone)
        size = f"{many} members, {rows_gone} rows"
        lines.add("forget", size, forget, "s")
        lines.add("forget_and_encode", size, mine, "s", 3.0, 20.0)
        lines.add("solve, of both", size, solve, "s")
        lines.add("refit", size, refit, "s")
        lines.add("times_faster_than_refit", size, refit / mine, "ratio", 20.0)
        lines.add("new state, times faster than a fit", size, fit / forget, "ratio", 20.0)
        same = files == again and TRAINER.dump(less) == TRAINER.dump(fresh)
        lines.add("same_bytes_as_refit", size, float(same), "share", 1.0, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds the data sets' folders")
    parser.add_argument("--quick", action="store_true", help="one draw, and 10 members only")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="unlearning,quality", help="one of unlearning,quality")
    asked = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    folder = asked.data or Path(os.environ.get("BYLEAVE_DATA") or root.parent / "shared" / "data")
    there = asked.data is not None or (folder / "persuasion-for-good").is_dir()
    loaded = persuasion.load(folder if there else None, fetch=None, seed=0)
    for note in loaded.notes:
        print(note, file=sys.stderr)
    lines = Lines(as_json=asked.json)
    lines.add(f"data is {loaded.origin}", loaded.how, loaded.table.num_rows, "count")
    rows = rows_of(loaded.table)
    parts = asked.only.split(",")
    if "unlearning" in parts:
        unlearning(rows, (10,) if asked.quick else (1, 10, 100), lines)
    if "quality" in parts:
        quality(rows, 1 if asked.quick else 5, lines, real=loaded.origin == "real")
    return int(lines.failed)


if __name__ == "__main__":
    sys.exit(main())
