"""Measure a trainer on data it may see: a fifth of the sealed snapshot, held out.

Nothing outside the snapshot is read: evaluating on people's data is a use of it too. A fit on four
fifths of the threads (of the members, for content and jobs) answers questions from the fifth; the released
model is fitted on all of them, and is not what is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.snapshot.sealed import SealedSnapshot
from byleave.trainers.content import ContentTrainer
from byleave.trainers.content_model import evaluate as evaluate_content
from byleave.trainers.jobs import JobsTrainer
from byleave.trainers.jobs_model import evaluate as evaluate_jobs
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_model import evaluate

__all__ = ["held_out_quality"]

FOLDS: Final = 5
_UNIT: Final = {"content": "member", "jobs": "member", "replies": "thread"}
"""What is held out whole: nobody is asked about half of whom the model was fitted on."""


def held_out_quality(
    snapshot: SealedSnapshot, trainer: str, columns: Mapping[str, str], recipe: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the quality of a trainer on a fifth of the snapshot.

    A thread, or a member, is held out if SHA-256 of its id, as a number, is divisible by five:
    the same ones whoever else is in the snapshot.

    Args:
        snapshot: What passed the gate.
        trainer: `content`, `jobs` or `replies`; of any other nothing is measured.
        columns: Trainer's column → column of the data.
        recipe: The recipe of the run.
    """
    rows = pa.Table.from_batches(snapshot.batches(columns)) if len(snapshot.alive) else None
    if rows is None:
        return {}
    if trainer not in _UNIT:
        return {}
    names = rows[_UNIT[trainer]]
    held = {t for t in names.unique().to_pylist() if _number(str(t)) % FOLDS == 0}
    mask = pc.is_in(names, value_set=pa.array(sorted(held), names.type))
    left, asked = rows.filter(pc.invert(mask)).to_batches(), rows.filter(mask).to_batches()
    if trainer == "content":
        content = ContentTrainer()
        return evaluate_content(content.encode(content.fit(left, recipe)), asked).to_dict()
    if trainer == "jobs":
        jobs = JobsTrainer()
        return evaluate_jobs(jobs.encode(jobs.fit(left, recipe)), asked).to_dict()
    replies = RepliesTrainer()
    return evaluate(replies.encode(replies.fit(left, recipe)), asked).to_dict()


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
