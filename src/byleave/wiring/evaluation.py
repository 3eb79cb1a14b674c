"""Measure a trainer on data it may see: threads of the sealed snapshot, held out.

Nothing outside the snapshot is read: evaluating on people's messages is a use of them too. A fit
on four fifths of the threads answers questions from the fifth; the released model is fitted on
all of them, and is not what is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from byleave.snapshot.sealed import SealedSnapshot
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_model import evaluate

__all__ = ["held_out_quality"]

FOLDS: Final = 5


def held_out_quality(
    snapshot: SealedSnapshot, columns: Mapping[str, str], recipe: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the quality of `replies` on a fifth of the snapshot's threads.

    A thread is held out if SHA-256 of its id, as a number, is divisible by five: the same threads
    whoever else is in the snapshot.

    Args:
        snapshot: What passed the gate.
        columns: Trainer's column → column of the data.
        recipe: The recipe of the run.
    """
    trainer = RepliesTrainer()
    rows = pa.Table.from_batches(snapshot.batches(columns)) if len(snapshot.alive) else None
    if rows is None:
        return {}
    threads = rows["thread"].unique().to_pylist()
    held = {t for t in threads if _number(str(t)) % FOLDS == 0}
    mask = np.array([t in held for t in rows["thread"].to_pylist()], np.bool_)
    state = trainer.fit(rows.filter(pa.array(~mask)).to_batches(), recipe)
    quality = evaluate(trainer.encode(state), rows.filter(pa.array(mask)).to_batches())
    return quality.to_dict()


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
