"""`byleave model evaluate` of a trainer of one's own: by its task, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import byleave
from byleave.errors import InputError
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import START
from tests.unit.service.test_sharded import COLUMNS, written

FILE = """\
import numpy as np
from byleave.trainers.sharded import mean_of_shards
from byleave.training.judged import Classification
from tests.trainers.test_sharded import Perceptron


def sides(files, rows):
    points = np.stack([rows["x"].to_numpy(), rows["y"].to_numpy(), np.ones(rows.num_rows)])
    one = mean_of_shards(files, lambda state: np.frombuffer(state) @ points)
    return np.stack([-one, one], axis=1)


class Kept(Perceptron):
    name = "kept"
    task = Classification(held_out="member", truth="TRUTH", classes=("0.0", "1.0"), scores=sides)


def trainer(workspace):
    return workspace.sharded(Kept(), shards=2, slices=2)
"""


def kept(tmp_path: Path, truth: str) -> str:
    """Make a workspace with a run of the kept trainer; return the run."""
    (tmp_path / "kept.py").write_text(FILE.replace("TRUTH", truth), "utf-8")
    with written(tmp_path / "ws", ReplayClock(START)) as ws:
        ws.keep_trainer(tmp_path / "kept.py")
        return ws.model.train("kept", "set-1", columns=COLUMNS)


def test_a_kept_trainer_is_measured_by_its_task(tmp_path: Path, say: Any) -> None:
    """Command and Python print the same numbers: accuracy on members held out, and the baseline."""
    run = kept(tmp_path, "label")
    said = say("model", "evaluate", run, "--workspace", str(tmp_path / "ws"), "--json")
    quality = said.json["quality"]
    assert said.code == 0
    assert (quality["task"], quality["classes"], quality["top3"]) == ("classification", 2, None)
    assert 0 < quality["rows"] < 60
    assert 0 <= quality["accuracy"] <= 1
    with byleave.open(tmp_path / "ws", read_only=True) as ws:
        assert ws.model.evaluate(run) == quality
    shown = say("model", "evaluate", run, "--workspace", str(tmp_path / "ws"))
    assert "baseline_accuracy" in shown.out


def test_a_task_that_names_no_column_is_refused(tmp_path: Path) -> None:
    """A task over a column that the run has not is `training.task`, and says which."""
    run = kept(tmp_path, "answer")
    with (
        byleave.open(tmp_path / "ws", read_only=True) as ws,
        pytest.raises(InputError) as error,
    ):
        ws.model.evaluate(run)
    assert error.value.code == "training.task"
    assert "answer" in str(error.value)
