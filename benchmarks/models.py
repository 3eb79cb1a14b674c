"""Content and jobs: quality beside popularity, item-kNN, TF-IDF and ALS; what unlearning costs.

    benchmarks/models.py [--data DIR] [--only content,jobs,…,unlearning,latency] [--quick]
        [--encoder] [--keep DIR]

Quality, on real data: members are split by a hash of their id into training (3/5), validation
(1/5) and test (1/5). Rivals' neighbours and ALS's size are chosen on validation members; `ours` has
the default recipe, `chosen` a ridge and method chosen as the rivals' are; test members are looked
at once. Content (freecodecamp-2016, 23 items): half of what a test member
holds is asked for by the other half. Jobs (stackoverflow-2018, 20 roles): a test member's roles
are asked for by their skills. Interest (freecodecamp-2016, 9 roles): the role somebody wants, by
what they learn with and how they want to work. Recall at n counts at most n hidden items.
Intervals are of the paired difference to the best rival, by bootstrap over test members. ALS is
`implicit`'s, where it is installed. Beside 20 and 10, a smaller n: of 23 and 20 names, 20 and 10
are nearly all. ESCO: a start without any member, roles of the survey by what ESCO's occupations
ask for; which occupation a role is, was written down by hand here. Replies: as in
benchmarks/replies_rivals.py, whose --encoder and --keep are handed on.

Unlearning, on generated data of 6,000 members and 3,700 items: forgetting 1 to 1,000 members (285
is the most whose rows are a twentieth of the others')
against a fit of what is left, in the same run; the states must be equal. Seconds are CPU seconds.
The solve, which both need once a batch, is a line of its own. Latency: one suggestion of 20,000
items, weights drawn (5 GB of memory).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before NumPy is loaded: one thread, so that times can be compared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from replies_rivals import compare
from report import Report
from safetensors.numpy import save

from byleave.canonical import encode as canonical
from byleave.connectors.esco import read_catalogue
from byleave.trainers.catalogue import Catalogue
from byleave.trainers.content import ContentTrainer
from byleave.trainers.content_model import ContentModel
from byleave.trainers.grid import ease_on_grid
from byleave.trainers.holdings import Holdings
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.jobs_choice import UNFITTED
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
        self.ranked: dict[tuple[Scorer, int], Matrix] = {}
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
    if (score, fold) not in task.ranked:
        scores = np.where((seen > 0) | ~task.wanted, -np.inf, score(seen))
        task.ranked[score, fold] = np.argsort(-scores, axis=1, kind="stable")
    top = task.ranked[score, fold][:, :n]
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


def ours(task: Task) -> Iterator[tuple[str, list[Scorer]]]:
    """Yield our trainer with its default recipe, and with settings chosen as the rivals' are."""
    ridges = [{"ridge": ridge} for ridge in (50, 200, 1_000, 5_000)]
    if task.target is None:
        trainer, rows = ContentTrainer(), task.train_rows().to_batches()

        def content(change: dict[str, Any]) -> Scorer:
            recipe = {**trainer.default_recipe(), **change}
            model = ContentModel(trainer.encode(trainer.fit(rows, recipe)))
            return scorer(task, model.items, model.items, model.scores)

        yield "ours", [content({})]
        yield "chosen", [content(change) for change in ridges]
        return
    jobs, parts = JobsTrainer(), split(task.train_rows()).to_batches()

    def job(change: dict[str, Any]) -> Scorer:
        recipe = {**jobs.default_recipe(), **change}
        model = JobsModel(jobs.encode(jobs.fit(parts, recipe)))
        return scorer(task, model.features, model.jobs, model.scores)

    walks = [{"collaborative": "rp3beta", "beta": beta} for beta in (1, 2, 3)]
    yield "ours", [job({})]
    yield "chosen", [job(change) for change in (*ridges, *walks)]


def scorer(task: Task, names: Any, columns: Any, ask: Callable[[list[int]], Matrix]) -> Scorer:
    """Return the scores of a model over the names of a task."""
    place = {name: at for at, name in enumerate(task.names)}
    to, of = [place[n] for n in names], [place[n] for n in columns]

    def score(seen: Matrix) -> Matrix:
        result = np.full(seen.shape, -1e18)
        for row, line in enumerate(seen[:, to]):
            result[row, of] = ask(np.flatnonzero(line).tolist())
        return result

    return score


def split(rows: pa.Table) -> pa.Table:
    """Take `skill:python` apart again, for a trainer that puts it together."""
    parts = pc.split_pattern(rows["item"], ":", max_splits=1)
    kind, item = (pc.list_element(parts, at) for at in (0, 1))
    return rows.set_column(2, "item", item).append_column("kind", kind)


def quality(task: Task, primary: int, second: int) -> Iterator[dict[str, Any]]:
    methods = [*rivals(task), *ours(task)]
    for n in (primary, second):
        found = {
            name: max(some, key=lambda s: recalls(task, s, 3, n).mean()) for name, some in methods
        }
        test = {name: recalls(task, score, 4, n) for name, score in found.items()}
        size = f"{len(test['ours']):,} test members"
        for name, values in test.items():
            told = f"{task.name}: recall at {n}, {name}"
            yield line(told, size, values.mean(), "share", None, None)
        others = [name for name in test if name not in {"ours", "chosen"}]
        best = max(others, key=lambda name: test[name].mean())
        for mine, goal in (("ours", 0.98), ("chosen", None)):
            apart = test[mine] - test[best]
            draw = np.random.default_rng(5).integers(0, len(apart), (DRAWS, len(apart)))
            low, high = np.quantile(apart[draw].mean(axis=1), [0.025, 0.975])
            ratio = test[mine].mean() / test[best].mean()
            told = f"{task.name}: recall at {n}, {mine} / best rival ({best})"
            yield line(told, size, ratio, "ratio", goal, None) | {
                "difference": [round(float(v), 4) for v in (low, apart.mean(), high)]
            }


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


def interest_task(data: Path) -> Task:
    folder = data / "freecodecamp-2016"
    members = pq.read_table(folder / "members.parquet")
    items = pq.read_table(folder / "member_items.parquet")
    who = [text(items["member_id"])]
    has = [joined(items["kind"], items["item"])]
    for kind in ("employer_preference", "apply_when", "work_place", "relocate", "bootcamp"):
        there = members.filter(pc.is_valid(members[kind]))
        who.append(text(there["member_id"]))
        has.append(joined(kind, text(there[kind])))
    wanted = members.filter(pc.is_valid(members["role_interest"]))
    who.append(text(wanted["member_id"]))
    has.append(joined("job", wanted["role_interest"]))
    chunks = [[c for column in side for c in column.chunks] for side in (who, has)]
    rows = numbered(*(pa.chunked_array(side, pa.large_string()) for side in chunks))
    some = pc.unique(text(wanted["member_id"]))
    return Task("interest", rows.filter(pc.is_in(rows["member"], value_set=some)), "job:")


OCCUPATIONS = {
    "Data scientist or machine learning specialist": "data scientist",
    "Database administrator": "database administrator",
    "Designer": "user interface designer",
    "Embedded applications or devices developer": "embedded systems software developer",
    "Front-end developer": "user interface developer",
    "Game or graphics developer": "digital games developer",
    "Mobile developer": "mobile application developer",
    "QA or test developer": "software tester",
    "System administrator": "ICT system administrator",
}
"""Roles of the survey and the occupation of ESCO that each is taken for."""


def esco(data: Path) -> Iterator[dict[str, Any]]:
    """A start without any member: roles by what ESCO's occupations ask for."""
    entries = [e for e in read_catalogue(data / "esco-1.1.1") if e["job"] in OCCUPATIONS.values()]
    catalogue = Catalogue(entries)
    order = [catalogue.jobs.index(OCCUPATIONS[role]) for role in OCCUPATIONS]
    task = jobs_task(data, quick=False)
    known = [f"job:{role}" for role in OCCUPATIONS]
    of = np.array([task.names.index(name) for name in known])
    skills = {"android": "android (mobile operating systems)"}
    name = {n: skills.get(n[6:].lower(), n[6:].lower()) for n in task.names if n[:6] == "skill:"}
    seen, hidden = task.ask(4)
    hidden = hidden[:, of]
    columns = [at for at, n in enumerate(task.names) if n in name]
    asks = {s for e in entries for s, _ in e["skills"]}
    among = [at for at in columns if name[task.names[at]] in asks]
    keep = hidden.any(axis=1) & (seen[:, among].sum(axis=1) > 0)
    found, plain = [], []
    popular = task.x[task.fold < 3][:, of].sum(axis=0)
    for line_, truth in zip(seen[keep], hidden[keep], strict=True):
        has = [f"skill:{name[task.names[at]]}" for at in among if line_[at]]
        score = catalogue.measure(has)[order] @ UNFITTED[:-1]
        found.append(truth[int(np.argmax(score))])
        plain.append(truth[int(np.argmax(popular))])
    size = f"{len(found):,} test members, {len(of)} roles, {len(among)} skills ESCO knows"
    yield line(
        "esco: recall at 1, what occupations ask for", size, np.mean(found), "share", None, None
    )
    chance = hidden[keep].mean()
    yield line("esco: recall at 1, by chance", size, chance, "share", None, None)
    yield line("esco: recall at 1, most members have it", size, np.mean(plain), "share", None, None)


def text(column: Any) -> pa.ChunkedArray:
    found = column.cast(pa.string()).cast(pa.large_string())
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def joined(kind: Any, item: pa.ChunkedArray) -> pa.ChunkedArray:
    first = pa.scalar(kind, pa.large_string()) if isinstance(kind, str) else text(kind)
    return pc.binary_join_element_wise(first, text(item), pa.scalar(":", pa.large_string()))


def numbered(member: Any, item: Any) -> pa.Table:
    ids = pa.array(np.arange(len(item))).cast(pa.string())
    return pa.table({"record_id": ids, "member": text(member), "item": text(item)})


def replies(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Print the lines of benchmarks/replies_rivals.py; there are none to hand back."""
    report = Report(as_json=True)
    compare(
        args.data,
        report,
        encoder=args.encoder,
        keep=args.keep,
        choosing=False,
        quick=args.quick,
    )
    yield from ()


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
    tracemalloc.start()
    state = trainer.fit(rows.to_batches(max_chunksize=1 << 16), recipe)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    size = f"{members:,} members x {items:,} items, {len(row):,} rows, generated"
    bound = (items**2 + 8 * 2_048 * items + 128 * len(row)) / 2**20
    told = "memory of a fit / half a matrix, one block of members, 128 bytes a row"
    yield line(told, size, peak / bound, "ratio", 1.0, None, less=True) | {"MiB": round(peak)}
    yield from forgetting("content", trainer, state, rows, row, size)
    kinds = pa.array(["skill" if n % 3 else "job" for n in range(items)]).take(pa.array(column))
    jobs, kinded = JobsTrainer(), rows.append_column("kind", kinds)
    held_jobs = jobs.fit(kinded.to_batches(max_chunksize=1 << 16), jobs.default_recipe())
    yield from forgetting("jobs", jobs, held_jobs, kinded, row, size)
    del held_jobs
    gram = state.both(np.arange(items))
    gram[gram < recipe["k"]] = 0
    _, solve = timed(lambda: ease_on_grid(gram, recipe["ridge"]))
    yield line("the solve, once a batch for both", size, solve, "s", None, None)


def forgetting(
    what: str, trainer: Any, state: Holdings, rows: pa.Table, row: Matrix, size: str
) -> Iterator[dict[str, Any]]:
    """Forget some members and fit what is left, in turn; the states must be equal."""
    draw = np.random.default_rng(12)
    for count in (1, 10, 100, 285, 1_000):
        gone = np.isin(row, draw.permutation(int(row.max()) + 1)[:count])
        leaving = rows.filter(pa.array(gone)).to_batches()
        staying = rows.filter(pa.array(~gone)).to_batches(max_chunksize=1 << 16)
        forget = min(timed(lambda b=leaving: trainer.forget(state, b))[1] for _ in range(3))
        left, _ = timed(lambda b=leaving: trainer.forget(state, b))
        again, fit = min(
            (timed(lambda b=staying: trainer.fit(b, trainer.default_recipe())) for _ in range(2)),
            key=lambda found: found[1],
        )
        if trainer.dump(left) != trainer.dump(again) or (named(left) != named(again)).any():
            sys.exit("unlearning and fitting without gave different states")
        name = f"unlearning {count:,} members, {what}: fit / forget, until the new state"
        yield line(name, size, fit / forget, "ratio", 20.0, None) | {
            "seconds": [round(forget, 4), round(fit, 4)]
        }
        rows_read = (~gone).sum() / gone.sum()
        name = f"unlearning {count:,} members, {what}: rows read by a fit / by forgetting"
        yield line(name, size, rows_read, "ratio", 20.0, None)


def latency(items: int) -> Iterator[dict[str, Any]]:
    """The slowest of a hundred suggestions over a catalogue so large; the weights are drawn."""
    draw = np.random.default_rng(3)
    names = [f"i{n:05d}" for n in range(items)]
    recipe = ContentTrainer().default_recipe()
    head = {"format": recipe["algorithm"], "recipe": recipe, "items": names, "coverage": {}}
    tensors = {
        "popularity": draw.permutation(items).astype(np.int32),
        "trend": draw.permutation(items)[: items // 40].astype(np.int32),
        "weights": draw.integers(-(2**14), 2**14, (items, items), dtype=np.int32),
    }
    model = ContentModel({"model.json": canonical(head), "weights.safetensors": save(tensors)})
    del tensors
    waited, worked = [], []
    for _ in range(300):
        history = [names[at] for at in draw.integers(0, items, 120)]
        start, before = time.perf_counter(), time.process_time()
        model.suggest(history, 10)
        worked.append(time.process_time() - before)
        waited.append(time.perf_counter() - start)
    size = f"{items:,} items, a history of 120, weights drawn"
    for name, times in (("", waited), (", CPU time", worked)):
        p99 = 1_000 * float(np.quantile(times, 0.99))
        told = f"content: one suggestion, p99{name}"
        yield line(told, size, p99, "ms", 10.0, None, less=True)


def named(state: Holdings) -> Matrix:
    """Return the counts of a state in the order of the items' names."""
    used = np.flatnonzero(state.holders())
    order = np.asarray(pc.sort_indices(state.items.take(pa.array(used))), np.int64)
    return state.both(used[order])


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


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
    names = "replies,content,jobs,interest,esco,unlearning,latency"
    parser.add_argument("--only", help=f"some of {names}")
    parser.add_argument("--encoder", action="store_true", help="replies also on a frozen encoder")
    parser.add_argument("--keep", type=Path, help="folder that holds features between runs")
    args = parser.parse_args()
    there = (args.data / "freecodecamp-2016").is_dir()
    parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "replies": lambda: replies(args),
        "content": lambda: quality(content_task(args.data), 20, 5),
        "jobs": lambda: quality(jobs_task(args.data, quick=args.quick), 10, 5),
        "interest": lambda: quality(interest_task(args.data), 3, 1),
        "esco": lambda: esco(args.data),
        "unlearning": lambda: unlearning(quick=args.quick),
        "latency": lambda: latency(900 if args.quick else 20_000),
    }
    chosen = args.only.split(",") if args.only else list(parts)
    if not there:
        print(f"no data sets in {args.data}: quality is not measured", file=sys.stderr)
        chosen = [part for part in chosen if part in {"unlearning", "latency"}]
    for part in chosen:
        for found in parts[part]():
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
