"""What a trainer of one's own is judged by, on rows held out: its task says which numbers.

A trainer, or the learner of a sharded one, may have an attribute `task`: one of these. It says what
is held out whole, where the truth stands, and how a model's files answer; the numbers are ours, so
that two trainers of one task can be compared:

* `Classification`: accuracy, accuracy of the first three, mean over the classes; beside always
  saying what is most frequent in the rows learned from.
* `Ranking`: Recall@n of the half that is hidden of what each held-out member holds, by the other
  half; beside what most of those learned from hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.errors import InputError
from byleave.training.trainer import ModelFiles

__all__ = ["Classification", "Ranking", "Task", "judge"]

_TOP: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """One right answer a row.

    Attributes:
        held_out: Column whose values are held out whole: a member, a thread.
        truth: Column of the right answer.
        classes: The possible answers, as text; the columns of the scores.
        scores: A model's files and rows, without the truth's column → score of each class for each
            row, higher is likelier; shape (rows, classes).
    """

    held_out: str
    truth: str
    classes: Sequence[str]
    scores: Callable[[ModelFiles, pa.Table], npt.NDArray[Any]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Several right answers for a member: the items that they hold.

    Attributes:
        held_out: Column of the member.
        item: Column of the item.
        best: A model's files, the items seen of a member, and n → the n best others, best first.
        n: How many answers count.
    """

    held_out: str
    item: str
    best: Callable[[ModelFiles, Sequence[str], int], Sequence[str]] = field(repr=False)
    n: int = 10


Task = Classification | Ranking


def judge(
    task: Task, files: ModelFiles, learned: pa.Table, asked: pa.Table
) -> Mapping[str, float | int | str | None]:
    """Return the numbers of a model on rows that it was not fitted on.

    Args:
        task: What it is judged by.
        files: The model, fitted on `learned`.
        learned: For what is beside it: the most frequent answer, the items that most hold.
        asked: Rows held out.

    Raises:
        InputError: `training.task`, the answers have not the form that the task says.
    """
    if isinstance(task, Classification):
        return _classified(task, files, learned, asked)
    return _ranked(task, files, learned, asked)


def _classified(
    task: Classification, files: ModelFiles, learned: pa.Table, asked: pa.Table
) -> dict[str, float | int | str | None]:
    place = {name: at for at, name in enumerate(task.classes)}
    known = [str(value) for value in asked[task.truth].to_pylist()]
    truth = np.array([place.get(name, -1) for name in known], np.int64)
    scores = np.asarray(task.scores(files, asked.drop([task.truth])), np.float64)
    if scores.shape != (len(truth), len(place)) or not np.isfinite(scores).all():
        raise InputError(
            f"scores of shape {scores.shape}; wanted: finite ones for {len(truth)} rows and "
            f"{len(place)} classes",
            code="training.task",
        )
    rows = np.arange(len(truth))
    own = np.where(truth >= 0, scores[rows, truth], -np.inf)  # an answer nobody knows is missed
    better = (scores > own[:, None]).sum(axis=1)
    before = (scores == own[:, None]) & (np.arange(len(place)) < truth[:, None])
    rank = np.where(truth >= 0, better + before.sum(axis=1), len(place))
    counts = Counter(str(value) for value in learned[task.truth].to_pylist())
    usual = min(counts, key=lambda name: (-counts[name], name)) if counts else None
    each = [float((rank[truth == at] == 0).mean()) for at in np.unique(truth[truth >= 0])]
    return {
        "task": "classification",
        "rows": len(truth),
        "classes": len(place),
        "accuracy": float((rank == 0).mean()),
        f"top{_TOP}": float((rank < _TOP).mean()) if len(place) > _TOP else None,
        "mean_of_classes": float(np.mean(each)) if each else None,
        "baseline_accuracy": float(np.mean([name == usual for name in known])),
    }


def _ranked(
    task: Ranking, files: ModelFiles, learned: pa.Table, asked: pa.Table
) -> dict[str, float | int | str | None]:
    holders = Counter(item for items in _held(task, learned).values() for item in items)
    popular = sorted(holders, key=lambda item: (-holders[item], item))
    draw = np.random.default_rng(0)
    found, plain, left_out = [], [], 0
    for _, items in sorted(_held(task, asked).items()):
        mixed = [sorted(items)[at] for at in draw.permutation(len(items))]
        hidden, seen = set(mixed[: len(mixed) // 2]), mixed[len(mixed) // 2 :]
        if not hidden:
            left_out += 1
            continue
        answers = list(task.best(files, seen, task.n))
        if len(answers) > task.n or len(set(answers)) < len(answers) or set(answers) & set(seen):
            raise InputError(
                "best items come more often than asked, twice, or were seen", code="training.task"
            )
        most = [item for item in popular if item not in set(seen)][: task.n]
        worth = min(task.n, len(hidden))
        found.append(len(hidden & set(answers)) / worth)
        plain.append(len(hidden & set(most)) / worth)
    return {
        "task": "ranking",
        "members": len(found),
        "left_out": left_out,
        "n": task.n,
        "recall": float(np.mean(found)) if found else None,
        "popularity": float(np.mean(plain)) if plain else None,
    }


def _held(task: Ranking, rows: pa.Table) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {}
    pairs = (rows[name].to_pylist() for name in (task.held_out, task.item))
    for member, item in zip(*pairs, strict=True):
        held.setdefault(str(member), set()).add(str(item))
    return held
