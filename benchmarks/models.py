"""Content and jobs: quality beside popularity, item-kNN, TF-IDF and ALS; what unlearning costs.

    benchmarks/models.py [--data DIR] [--quick] [--json]

Quality, on real data: members are split by a hash of their id into training (3/5), validation
(1/5) and test (1/5). Ridge, neighbours and ALS's size are chosen on validation members; test
members are looked at once. Content (freecodecamp-2016, 23 items): half of what a test member
holds is asked for by the other half. Jobs (stackoverflow-2018, 20 roles): a test member's roles
are asked for by their skills. Recall at n counts at most n hidden items. Intervals are of the
paired difference to the best rival, by bootstrap over test members. ALS is `implicit`'s, where
it is installed. The primary n is 5: of 23 and 20 names, 20 and 10 are nearly all.

Unlearning, on generated data of 6,000 members and 3,700 items: forgetting 1 to 1,000 members
against a fit of what is left, in the same run; the bytes must be equal. The solve, which both
need once a batch, is a line of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before NumPy is loaded: one thread, so that times can be compared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.trainers.content import ContentTrainer
from byleave.trainers.content_model import ContentModel
from byleave.trainers.grid import ease_on_grid
from byleave.trainers.holdings import Holdings
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.jobs_model import JobsModel

Matrix = Any
Scorer = Callable[[Matrix], Matrix]
DRAWS = 2_000


def share(member: str) -> int:
    return int.from_bytes(hashlib.sha256(member.encode()).digest()[:8], "big") % 5


class Task:
    """Members by features, and what is hidden of them; both 0 and 1."""

    def __init__(self, name: str, rows: pa.Table, target: str | None) -> None:
        self.name, self.rows, self.target = name, rows, target
        self.names: list[str] = sorted(pc.unique(rows["item"]).to_pylist())
        members = sorted(pc.unique(rows["member"]).to_pylist())
        self.x = np.zeros((len(members), len(self.names)), np.float64)
        at = np.asarray(pc.index_in(rows["member"], value_set=pa.array(members)), np.int64)
        of = np.asarray(pc.index_in(rows["item"], value_set=pa.array(self.names)), np.int64)
        self.x[at, of] = 1
        self.fold = np.array([share(m) for m in members])
        self.members = np.array(members)
        self.wanted = np.array([target is None or n.startswith(target) for n in self.names])

    def train_rows(self) -> pa.Table:
        train = pa.array(self.members[self.fold < 3].tolist())
        return self.rows.filter(pc.is_in(self.rows["member"], value_set=train))

    def ask(self, fold: int) -> tuple[Matrix, Matrix]:
        """Return what is seen and what is hidden of the members of a fold who have both."""
        x = self.x[self.fold == fold]
        if self.target is None:
            order = np.random.default_rng(7).random(x.shape)
            rank = np.argsort(np.argsort(np.where(x > 0, order, 2), axis=1), axis=1)
            hidden = (x > 0) & (rank < (x.sum(axis=1) // 2)[:, None])
        else:
            hidden = (x > 0) & self.wanted
        seen = np.where(hidden, 0, x)
        keep = (hidden.sum(axis=1) > 0) & (seen.sum(axis=1) > 0)
        return seen[keep], hidden[keep]


def recalls(task: Task, score: Scorer, fold: int, n: int) -> Matrix:
    seen, hidden = task.ask(fold)
    scores = np.where((seen > 0) | ~task.wanted, -np.inf, score(seen))
    top = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    found = np.take_along_axis(hidden, top, axis=1).sum(axis=1)
    return found / np.minimum(n, hidden.sum(axis=1))


def rivals(task: Task) -> Iterator[tuple[str, list[Scorer]]]:
    """Yield each method with its candidates; the one best on validation is tested."""
    x = task.x[task.fold < 3]
    held, gram = x.sum(axis=0), x.T @ x
    yield "popularity", [lambda seen: np.broadcast_to(held, seen.shape)]
    cosine = gram / np.sqrt(np.maximum(np.outer(held, held), 1))
    np.fill_diagonal(cosine, 0)

    def neighbours(k: int) -> Scorer:
        cut = np.sort(cosine, axis=0)[-min(k, len(cosine))]
        near = np.where(cosine >= cut, cosine, 0)
        return lambda seen: seen @ near

    yield "item-knn", [neighbours(k) for k in (5, 10, 20, 50, 100)]
    rarity = np.log1p(len(x) / np.maximum(held, 1))
    profile = (gram / np.maximum(held, 1)) * rarity[:, None]
    profile /= np.maximum(np.linalg.norm(profile, axis=0), 1e-12)
    yield "tf-idf", [lambda seen: (seen * rarity) @ profile]
    try:
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
    except ImportError as error:
        print(f"ALS is not measured: {error}; pip install implicit", file=sys.stderr)
        return

    def als(factors: int, weight: float) -> Scorer:
        model = AlternatingLeastSquares(
            factors=factors, regularization=weight, iterations=15, random_state=1, num_threads=1
        )
        model.fit(csr_matrix(x.astype(np.float32)), show_progress=False)

        def score(seen: Matrix) -> Matrix:
            sparse = csr_matrix(seen.astype(np.float32))
            users = model.recalculate_user(np.arange(len(seen)), sparse)
            return np.asarray(users) @ np.asarray(model.item_factors).T

        return score

    yield "als", [als(f, w) for f in (8, 16, 32) for w in (0.1, 10.0, 100.0)]


def ours(task: Task) -> list[Scorer]:
    rows = task.train_rows()
    scorers = []
    for ridge in (50, 200, 1_000, 5_000):
        if task.target is None:
            trainer = ContentTrainer()
            recipe = {**trainer.default_recipe(), "ridge": ridge}
            model = ContentModel(trainer.encode(trainer.fit(rows.to_batches(), recipe)))
            names = columns = list(model.items)
            score_of = model.scores
        else:
            jobs = JobsTrainer()
            recipe = {**jobs.default_recipe(), "ridge": ridge}
            released = JobsModel(jobs.encode(jobs.fit(split(rows).to_batches(), recipe)))
            names, columns = list(released.features), list(released.jobs)
            score_of = released.scores
        place = {name: at for at, name in enumerate(task.names)}
        to, of = [place[n] for n in names], [place[n] for n in columns]

        def score(seen: Matrix, to: Any = to, of: Any = of, ask: Any = score_of) -> Matrix:
            result = np.full(seen.shape, -1e18)
            for row, line in enumerate(seen[:, to]):
                result[row, of] = ask(np.flatnonzero(line).tolist())
            return result

        scorers.append(score)
    return scorers


def split(rows: pa.Table) -> pa.Table:
    """Take `skill:python` apart again, for a trainer that puts it together."""
    parts = pc.split_pattern(rows["item"], ":", max_splits=1)
    kind, item = (pc.list_element(parts, at) for at in (0, 1))
    return rows.set_column(2, "item", item).append_column("kind", kind)


def quality(task: Task, most: int) -> Iterator[dict[str, Any]]:
    n = 5
    found: dict[str, Scorer] = {}
    for name, candidates in (*rivals(task), ("ours", ours(task))):
        found[name] = max(candidates, key=lambda s: recalls(task, s, 3, n).mean())
    test = {name: recalls(task, score, 4, n) for name, score in found.items()}
    size = f"{len(test['ours']):,} test members"
    best = max((name for name in test if name != "ours"), key=lambda name: test[name].mean())
    for name, values in test.items():
        wide = recalls(task, found[name], 4, most).mean()
        yield line(f"{task.name}: recall at {n}, {name}", size, values.mean(), "share", None, None)
        yield line(f"{task.name}: recall at {most}, {name}", size, wide, "share", None, None)
    apart = test["ours"] - test[best]
    draw = np.random.default_rng(5).integers(0, len(apart), (DRAWS, len(apart)))
    low, high = np.quantile(apart[draw].mean(axis=1), [0.025, 0.975])
    ratio = test["ours"].mean() / test[best].mean()
    told = line(f"{task.name}: ours / best rival ({best})", size, ratio, "ratio", 0.98, None)
    yield told | {"difference": [round(float(v), 4) for v in (low, apart.mean(), high)]}


def content_task(data: Path) -> Task:
    table = pq.read_table(data / "freecodecamp-2016" / "member_items.parquet")
    item = joined(table["kind"], table["item"])
    return Task("content", numbered(table["member_id"], item), None)


def jobs_task(data: Path, *, quick: bool) -> Task:
    folder = data / "stackoverflow-2018"
    skills = pq.read_table(folder / "member_skills.parquet")
    skills = skills.filter(pc.equal(skills["relation"].cast(pa.string()), "worked_with"))
    roles = pq.read_table(folder / "member_roles.parquet")
    member = pa.chunked_array(
        [*text(skills["member_id"]).chunks, *text(roles["member_id"]).chunks], pa.large_string()
    )
    item = pa.chunked_array(
        [*joined("skill", skills["skill"]).chunks, *joined("job", roles["role"]).chunks]
    )
    rows = numbered(member, item)
    if quick:
        some = [m for m in pc.unique(rows["member"]).to_pylist() if m.endswith(("1", "7"))]
        rows = rows.filter(pc.is_in(rows["member"], value_set=pa.array(some, pa.large_string())))
    return Task("jobs", rows, "job:")


def text(column: Any) -> pa.ChunkedArray:
    return column.cast(pa.large_string())


def joined(kind: Any, item: pa.ChunkedArray) -> pa.ChunkedArray:
    first = pa.scalar(kind, pa.large_string()) if isinstance(kind, str) else text(kind)
    return pc.binary_join_element_wise(first, text(item), pa.scalar(":", pa.large_string()))


def numbered(member: Any, item: Any) -> pa.Table:
    ids = pa.array(np.arange(len(item))).cast(pa.string())
    return pa.table({"record_id": ids, "member": text(member), "item": text(item)})


def unlearning(*, quick: bool) -> Iterator[dict[str, Any]]:
    members, items = (1_500, 900) if quick else (6_000, 3_700)
    draw = np.random.default_rng(11)
    taste = draw.pareto(1.2, items) + 0.02
    chance = np.minimum(0.6, 2 * taste / taste.max() + 0.02)
    held = draw.random((members, items)) < chance
    row, column = np.nonzero(held)
    rows = pa.table(
        {
            "record_id": pa.array(np.arange(len(row))).cast(pa.string()),
            "member": pa.array([f"m{n}" for n in range(members)]).take(pa.array(row)),
            "item": pa.array([f"i{n}" for n in range(items)]).take(pa.array(column)),
        }
    )
    trainer = ContentTrainer()
    recipe = trainer.default_recipe()
    state = trainer.fit(rows.to_batches(max_chunksize=1 << 16), recipe)
    size = f"{members:,} members x {items:,} items, {len(row):,} rows, generated"
    for count in (1, 10, 100, 1_000):
        gone = np.isin(row, draw.permutation(members)[:count])
        leaving = rows.filter(pa.array(gone)).to_batches()
        staying = rows.filter(pa.array(~gone)).to_batches(max_chunksize=1 << 16)
        forget = min(timed(lambda b=leaving: trainer.forget(state, b))[1] for _ in range(3))
        left, _ = timed(lambda b=leaving: trainer.forget(state, b))
        again, fit = timed(lambda b=staying: trainer.fit(b, recipe))
        if trainer.dump(left) != trainer.dump(again) or (named(left) != named(again)).any():
            sys.exit("unlearning and fitting without gave different states")
        name = f"unlearning {count:,} members: fit / forget, until the new state"
        yield line(name, size, fit / forget, "ratio", 20.0, None) | {
            "seconds": [round(forget, 4), round(fit, 4)]
        }
        rows_read = (~gone).sum() / gone.sum()
        name = f"unlearning {count:,} members: rows read by a fit / by forgetting"
        yield line(name, size, rows_read, "ratio", 20.0, None)
    gram = state.both(np.arange(items))
    gram[gram < recipe["k"]] = 0
    _, solve = timed(lambda: ease_on_grid(gram, recipe["ridge"]))
    yield line("the solve, once a batch for both", size, solve, "s", None, None)
    model = ContentModel(trainer.encode(state))
    times = []
    for member in draw.permutation(members)[:300]:
        history = [f"i{i}" for i in np.flatnonzero(held[member])]
        times.append(timed(lambda h=history: model.suggest(h, 10))[1])
    p99 = 1_000 * float(np.quantile(times, 0.99))
    yield line("content: one suggestion, p99", size, p99, "ms", 10.0, None, less=True)


def named(state: Holdings) -> Matrix:
    """Return the counts of a state in the order of the items' names."""
    used = np.flatnonzero(state.holders())
    order = np.asarray(pc.sort_indices(state.items.take(pa.array(used))), np.int64)
    return state.both(used[order])


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def line(
    measure: str, size: str, value: float, unit: str, goal: float | None, floor: float | None,
    *, less: bool = False,
) -> dict[str, Any]:  # fmt: skip
    met = None if goal is None else bool(value <= goal if less else value >= goal)
    return {
        "measure": measure,
        "size": size,
        "value": round(float(value), 4),
        "unit": unit,
        "goal": goal,
        "met": met,
        "floor": floor,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--quick", action="store_true", help="fewer members; at most 50 s")
    parser.add_argument("--json", action="store_true", help="no difference: lines are JSON")
    args = parser.parse_args()
    if (args.data / "freecodecamp-2016").is_dir():
        for found in quality(content_task(args.data), 20):
            print(json.dumps(found), flush=True)
        for found in quality(jobs_task(args.data, quick=args.quick), 10):
            print(json.dumps(found), flush=True)
    else:
        print(f"no data sets in {args.data}: quality is not measured", file=sys.stderr)
    for found in unlearning(quick=args.quick):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
