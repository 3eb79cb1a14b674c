"""Published tables of recommenders, run again by whoever has the files.

    benchmarks/published.py --movielens ml-20m   [--json]
    benchmarks/published.py --citeulike citeulike-a
    benchmarks/published.py --receraser ml-1m

The files are named, never fetched. MovieLens and citeulike-a by strong generalisation (Liang et
al., WWW 2018): users who held five things or more; a share of them (10,000 of MovieLens-20M) is
never trained on, and each of those is asked for a fifth of what they hold by the rest. RecEraser's
files (Chen et al., WWW 2022) as they are split: of each user what `test.txt` says by what
`train.txt` says. Recall at n counts at most n hidden things; NDCG is with equal gains.

Popularity and EASE as `byleave` trains it (k = 1: these tables know no threshold), the ridge chosen
on other users than those asked last. With `--receraser` there is no third file: the ridge is 800.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from report import Report

from byleave.connectors.ratings import read_citeulike, read_movielens, read_receraser
from byleave.trainers.content import ContentTrainer
from byleave.trainers.content_model import ContentModel

Matrix = Any
AT = (10, 20, 50, 100)
RIDGES = (20, 100, 200, 500, 1_000)


def matrix(rows: pa.Table, members: list[str], items: list[str]) -> Matrix:
    """Return who holds what, 0 and 1; int8."""
    x = np.zeros((len(members), len(items)), np.int8)
    at = pc.index_in(rows["member"], value_set=pa.array(members))
    of = pc.index_in(rows["item"], value_set=pa.array(items))
    known = pc.and_(pc.is_valid(at), pc.is_valid(of))
    x[np.asarray(at.filter(known)), np.asarray(of.filter(known))] = 1
    return x


def measure(score: Callable[[Matrix], Matrix], seen: Matrix, hidden: Matrix) -> dict[str, float]:
    """Return recall and NDCG at each length, over users with something hidden."""
    keep = hidden.any(axis=1) & seen.any(axis=1)
    totals: dict[str, list[float]] = {}
    for start in range(0, int(keep.sum()), 256):
        rows = np.flatnonzero(keep)[start : start + 256]
        scores = np.where(seen[rows] > 0, -np.inf, score(seen[rows]))
        top = np.argsort(-scores, axis=1, kind="stable")[:, : max(AT)]
        hits = np.take_along_axis(hidden[rows], top, axis=1) > 0
        many = hidden[rows].sum(axis=1)
        gain = 1 / np.log2(np.arange(2, max(AT) + 2))
        ideal = np.concatenate([[0], np.cumsum(gain)])
        for n in AT:
            best = np.minimum(n, many)
            found = totals.setdefault(f"recall at {n}", [])
            found += (hits[:, :n].sum(axis=1) / best).tolist()
            ranked = totals.setdefault(f"NDCG at {n}", [])
            width = hits[:, :n].shape[1]
            ranked += ((hits[:, :n] * gain[:width]).sum(axis=1) / ideal[best]).tolist()
    return {name: float(np.mean(values)) for name, values in totals.items()}


def fitted(rows: pa.Table, items: list[str], ridge: int) -> Callable[[Matrix], Matrix]:
    """Return the scores of a model of these rows, over all items."""
    trainer = ContentTrainer()
    recipe = {**trainer.default_recipe(), "k": 1, "ridge": ridge}
    model = ContentModel(trainer.encode(trainer.fit(rows.to_batches(), recipe)))
    place = {name: at for at, name in enumerate(items)}
    of = np.array([place[name] for name in model.items])
    weights = np.zeros((len(items), len(items)), np.float32)
    weights[np.ix_(of, of)] = model.weights
    return lambda seen: seen.astype(np.float32) @ weights


def strong(rows: pa.Table, held_out: int | None) -> tuple[pa.Table, list[Matrix], list[str]]:
    """Return training rows, (seen, hidden) of validation and of test users, and the items."""
    counts = rows.group_by("member").aggregate([("item", "count")])
    kept = counts.filter(pc.greater_equal(counts["item_count"], 5))["member"]
    members = sorted(kept.to_pylist())
    draw = np.random.default_rng(98765)
    mixed = [members[at] for at in draw.permutation(len(members))]
    many = min(held_out or len(members) // 5, len(members) // 4)
    asked = [mixed[:many], mixed[many : 2 * many]]
    left = pa.array(mixed[2 * many :])
    train = rows.filter(pc.is_in(rows["member"], value_set=left))
    items = sorted(pc.unique(train["item"]).to_pylist())
    parts: list[Matrix] = []
    for some in asked:
        x = matrix(rows.filter(pc.is_in(rows["member"], value_set=pa.array(some))), some, items)
        rank = np.argsort(np.argsort(np.where(x > 0, draw.random(x.shape, np.float32), 2)))
        hidden = (x > 0) & (rank < (x.sum(axis=1) // 5)[:, None])
        parts.append((np.where(hidden, 0, x), hidden))
    return train, parts, items


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--movielens", type=Path, help="u.data, ratings.dat, ratings.csv or folder")
    parser.add_argument("--citeulike", type=Path, help="users.dat or its folder")
    parser.add_argument("--receraser", type=Path, help="folder of train.txt and test.txt")
    parser.add_argument("--least", type=float, default=4.0, help="MovieLens: least rating held")
    parser.add_argument("--held-out", type=int, help="users asked; default: 10,000, or a fifth")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args()
    report = Report(as_json=asked.json)
    if asked.receraser is not None:
        train, test = read_receraser(asked.receraser)
        items = sorted(pc.unique(train["item"]).to_pylist())
        members = sorted(pc.unique(train["member"]).to_pylist())
        seen, hidden = matrix(train, members, items), matrix(test, members, items)
        ridge = 800
        score = fitted(train, items, ridge)
    elif asked.movielens is not None or asked.citeulike is not None:
        if asked.movielens is not None:
            rows = read_movielens(asked.movielens, least=asked.least)
        else:
            rows = read_citeulike(asked.citeulike)
        train, ((seen_too, hidden_too), (seen, hidden)), items = strong(
            rows, asked.held_out or (10_000 if asked.movielens is not None else None)
        )
        members = sorted(pc.unique(train["member"]).to_pylist())
        scores = {ridge: fitted(train, items, ridge) for ridge in RIDGES}
        chosen = {r: measure(s, seen_too, hidden_too)["NDCG at 100"] for r, s in scores.items()}
        ridge = max(chosen, key=lambda r: chosen[r])
        score = scores[ridge]
    else:
        parser.error("name --movielens, --citeulike or --receraser")
    popular = matrix(train, members, items).sum(axis=0, dtype=np.int64)
    for name, method in (
        ("popularity", lambda seen: np.broadcast_to(popular, seen.shape)),
        (f"EASE, ridge {ridge}", score),
    ):
        for what, value in measure(method, seen, hidden).items():
            report.add(f"{name}: {what}", len(seen), value, "share")
    return 0


if __name__ == "__main__":
    sys.exit(main())
