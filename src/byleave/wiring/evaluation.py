"""Measure a trainer on data it may see: a fifth of the sealed snapshot, held out.

Nothing outside the snapshot is read: evaluating on people's data is a use of it too. A fit on four
fifths of the threads (of the members, for content and jobs) answers questions from the fifth; the released
model is fitted on all of them, and is not what is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.service.steps import Progress, fit_in_steps
from byleave.snapshot.sealed import SealedSnapshot
from byleave.trainers.content_model import evaluate as evaluate_content
from byleave.trainers.jobs_model import evaluate as evaluate_jobs
from byleave.trainers.replies_model import evaluate
from byleave.training.judged import Classification, Task, judge
from byleave.training.trainer import Trainer

__all__ = ["held_out_quality"]

FOLDS: Final = 5
_UNIT: Final = {"content": "member", "jobs": "member", "replies": "thread"}
"""What is held out whole: nobody is asked about half of whom the model was fitted on."""
_OURS: Final[Mapping[str, Callable[..., Any]]] = {
    "content": evaluate_content,
    "jobs": evaluate_jobs,
    "replies": evaluate,
}


def held_out_quality(
    snapshot: SealedSnapshot,
    trainer: Trainer[Any],
    columns: Mapping[str, str],
    recipe: Mapping[str, Any],
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Return the quality of a trainer on a fifth of the snapshot; empty where nothing can be said.

    A thread, or a member, is held out if SHA-256 of its id, as a number, is divisible by five:
    the same ones whoever else is in the snapshot.

    Args:
        snapshot: What passed the gate.
        trainer: `content`, `jobs`, `replies`, or one of your own with a `task`.
        columns: Trainer's column → column of the data.
        recipe: The recipe of the run.
        progress: Told how many rows were learned from; may raise, as nothing is written.

    Raises:
        InputError: `training.task`, its task names a column that the run has not, or its answers
            have not the task's form.
    """
    task: Task | None = getattr(trainer, "task", None)
    unit = _UNIT.get(trainer.name) or (None if task is None else task.held_out)
    if unit is None or not len(snapshot.alive):
        return {}
    rows = pa.Table.from_batches(snapshot.batches(columns))
    truth = [] if task is None else [task.truth if isinstance(task, Classification) else task.item]
    if missing := [name for name in (unit, *truth) if name not in rows.column_names]:
        raise InputError(
            f"the task of {trainer.name} names columns that the run has not: {', '.join(missing)}",
            code="training.task",
        )
    names = rows[unit]
    held = {t for t in names.unique().to_pylist() if _number(str(t)) % FOLDS == 0}
    mask = pc.is_in(names, value_set=pa.array(sorted(held), names.type))
    learned, asked = rows.filter(pc.invert(mask)), rows.filter(mask)
    if task is not None and not (learned.num_rows and asked.num_rows):
        return {}
    batches = learned.to_batches()
    state = fit_in_steps(trainer, batches, recipe, progress, rows=learned.num_rows)
    files = trainer.encode(state)
    if task is not None:
        return dict(judge(task, files, learned, asked))
    found: dict[str, Any] = _OURS[trainer.name](files, asked.to_batches()).to_dict()
    return found


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
