"""What sharding costs: accuracy against the number of shards, and a withdrawal against its forecast.

    benchmarks/sharded.py [--quick] [--json] [--messages FILE] [--learner FILE]

The learner is a worked example (`examples/learners`), by default scikit-learn's logistic regression;
the others need the environment of `scripts/setup torch`. With `--messages` the rows are those of
persuasion-for-good: which side of a conversation wrote a message; threads are held out by the hash of
their people, nobody in a question is in the model. Without, rows are generated. Four slices a shard.

accuracy  of the mean of the shards on the held-out rows, for 1 shard (not sharded) and more; `lost`
          is what 1 shard has and that has not. For adapters, bits a byte instead, and `lost` the excess.
cost      rows learned again when 1, 10 and 100 authors leave at once, counted while `forget` runs, as a
          share of all; against the forecast for the same layout, in the mean of ten draws.

Prints one line for each number: `size` is the number of shards, or of members who leave. Nothing is
asked of them, save that unlearning gives the bytes of a fit without.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from report import Goal, Report

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples" / "learners"))

import story  # noqa: E402 (from the examples' folder)

from byleave.trainers.sharded import ShardedTrainer, mean_of_shards  # noqa: E402
from byleave.trainers.sharded_cost import Layout  # noqa: E402

KEY = bytes(range(32))
SAME = Goal(1, 1, at_least=True)
SLICES = 4


def parted(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return rows to learn from, and rows of people none of whom is among them."""

    def held(person: str) -> bool:
        return hashlib.sha256(person.encode()).digest()[0] < 64

    both = [
        (held(s), held(r))
        for s, r in zip(*(rows[c].to_pylist() for c in ("sender", "recipient")), strict=True)
    ]
    learn = rows.filter(pa.array([not s and not r for s, r in both]))
    return learn, rows.filter(pa.array([s for s, _ in both]))


def trainer_rows(rows: pa.Table) -> pa.Table:
    """Return rows as a trainer takes them."""
    return pa.table(
        {
            "record_id": rows["number"],
            "member": rows["sender"],
            "text": rows["text"],
            "label": rows["side"],
        }
    )


def measured(learner: ModuleType, files: Any, rows: pa.Table) -> tuple[float, str]:
    """Return accuracy in percent; or bits a byte where the scores are of bytes."""
    texts = rows["text"].to_pylist()
    scores = mean_of_shards(files, lambda state: learner.scores(state, texts))
    if scores.shape != (len(texts),):
        return float(-np.log2(scores).mean()), "bits a byte"
    sides = np.array([int(side) for side in rows["side"].to_pylist()])
    return 100 * float(((scores > 0.5) == sides).mean()), "% right"


def to_the_end(rows: pa.Table, asked: pa.Table) -> float:
    """Return the accuracy of logistic regression that forgets nobody, on the same features."""
    from sklearn.linear_model import LogisticRegression

    words = story.opened(ROOT / "examples/learners/linear.py").WORDS
    model = LogisticRegression(C=3, max_iter=1_000)  # C chosen as `ALPHA` was
    model.fit(words.transform(rows["text"].to_pylist()), rows["label"].to_pylist())
    sides = np.array(asked["side"].to_pylist())
    return 100 * float((model.predict(words.transform(asked["text"].to_pylist())) == sides).mean())


class Bare:
    """Stands where a workspace does, and hands the learner back."""

    def sharded(self, learner: Any, **_: Any) -> Any:
        return learner


def counting(made: Any) -> list[int]:
    """Have every row counted that a learner learns."""
    seen: list[int] = []
    learn = made.learn

    def counted(state: bytes, rows: pa.Table, seed: int) -> bytes:
        seen.append(rows.num_rows)
        return bytes(learn(state, rows, seed))

    made.learn = counted
    return seen


def costs(
    report: Report, one: ShardedTrainer, state: Any, rows: pa.Table, seen: list[int], draws: int
) -> None:
    """Measure what authors who leave cost, against the forecast; compare the bytes once."""
    authors = rows["member"].to_numpy()
    everyone, party = np.unique(authors, return_inverse=True)
    layout = Layout.of(
        shape=one.shape, slots=one.slots(authors), row=np.arange(len(authors)), party=party
    )
    draw = np.random.default_rng(5)
    for leaving in (1, 10, 100):
        spent = []
        for turn in range(draws):
            gone = np.isin(authors, draw.choice(everyone, leaving, replace=False))
            seen.clear()
            less = one.forget(state, rows.filter(pa.array(gone)).to_batches())
            spent.append((sum(seen) + gone.sum()) / rows.num_rows)
            if turn == 0 and leaving == 10:
                left = rows.filter(pa.array(~gone)).to_batches()
                same = one.encode(less) == one.encode(one.fit(left, one.default_recipe()))
                report.add(f"same bytes, {one.shape[0]} shards", 10, same, "yes", SAME)
        name = f"{one.shape[0]} shards"
        report.add(f"rows learned again, {name}", leaving, 100 * float(np.mean(spent)), "% of all")
        report.add(f"forecast, {name}", leaving, 100 * layout.expected(leaving), "% of all")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3,000 rows, fewer shards and draws")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--messages", type=Path, help="messages.parquet of persuasion-for-good")
    parser.add_argument("--learner", type=Path, default=ROOT / "examples/learners/linear.py")
    args = parser.parse_args()
    report = Report(as_json=args.json)
    learner = story.opened(args.learner)
    whole = story.generated(1_500, 200) if args.messages is None else story.real(args.messages)
    if args.quick:
        whole = whole.slice(0, 3_000)
    learn, asked = parted(whole)
    asked, rows = asked.slice(0, 2_000), trainer_rows(learn)
    report.add("rows learned from", rows.num_rows, len(set(rows["member"].to_pylist())), "authors")
    if args.learner.stem == "linear":
        report.add(
            "held out, not sharded, fitted to the end", 1, to_the_end(rows, asked), "% right"
        )
    first = None
    for shards in (1, 5, 20) if args.quick else (1, 2, 5, 10, 20, 40):
        made = learner.trainer(Bare(), shards=shards, slices=SLICES)
        seen = counting(made)
        one = ShardedTrainer(made, key=KEY, shards=shards, slices=SLICES)
        began = time.process_time()
        state = one.fit(rows.to_batches(), one.default_recipe())
        report.add("fit", shards, time.process_time() - began, "CPU s")
        found, unit = measured(learner, one.encode(state), asked)
        first = found if first is None else first
        report.add("held out", shards, found, unit)
        worse = first - found if unit == "% right" else found - first
        report.add("lost by sharding", shards, worse, unit)
        if shards in (5, 20):
            costs(report, one, state, rows, seen, draws=2 if args.quick else 10)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
