"""Sealing, fitting and measuring stop where `House.progress` raises, and leave nothing half done."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import byleave
from byleave.service.steps import built_in_steps, fit_in_steps, read_in_steps
from byleave.snapshot.partition import Ports
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.trainers.test_sharded import table_of
from tests.trainers.test_sharded import trainer as sharded_trainer
from tests.unit.service.small import COLUMNS, Grown

ACTS: dict[str, Callable[[Workspace, Grown], object]] = {
    "sealing": lambda ws, grown: ws.snapshot.seal(grown.gate),
    "training": lambda ws, grown: ws.model.train("replies", grown.snapshot, columns=COLUMNS),
    "evaluation": lambda ws, grown: ws.model.evaluate(grown.run),
}


class StoppedError(Exception):
    """Nobody wants it any more."""


class Stop:
    """A progress that raises at its n-th call; 0: never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.said: list[str] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        self.said.append(what)
        if len(self.said) == self.at:
            raise StoppedError


def opened(grown: Grown, progress: Stop) -> Workspace:
    clock = ReplayClock(grown.now + timedelta(hours=1))
    return byleave.open(grown.path, now=clock, progress=progress)


def kept(path: Path) -> dict[str, str]:
    """Return the digest of each file of snapshots and runs, and whatever stands beside them."""
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for room in ("snapshots", "runs")
        for file in sorted((path / room).rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("act", ACTS)
def test_it_stops_at_every_step_and_leaves_nothing(act: str, copied: Grown) -> None:
    """At its first step, in the middle and at its last: no file more, and the workspace is sound."""
    before = kept(copied.path)
    with copied.open(read_only=True) as ws:
        snapshots, models = ws.snapshot.list(), [d["run"] for d in ws.model.list() if d["model"]]
    for at in (1, 3, steps_of(act, copied)):
        with opened(copied, Stop(at)) as ws, pytest.raises(StoppedError):
            ACTS[act](ws, copied)
        assert kept(copied.path) == before
    with copied.open() as ws:
        assert ws.snapshot.list() == snapshots
        assert [d["run"] for d in ws.model.list() if d["model"]] == models
        assert ws.fsck() == []


def steps_of(act: str, grown: Grown) -> int:
    """Return how often the whole act says how far it is; done on a copy of its own."""
    again = replace(grown, path=grown.path.with_name("again"))
    shutil.copytree(grown.path, again.path)
    count = Stop()
    with opened(again, count) as ws:
        ACTS[act](ws, again)
    return len(count.said)


def test_a_fit_of_shards_stops_after_a_slice() -> None:
    """It says after each slice how many are done, stops there, and told or not gives one state."""
    trainer, rows = sharded_trainer(), table_of([0, 1, 2, 3, 4, 4]).to_batches()
    said: list[tuple[str, int, int]] = []
    told = fit_in_steps(
        trainer,
        rows,
        trainer.default_recipe(),
        lambda *found: said.append(found),
        rows=sum(batch.num_rows for batch in rows),
    )
    shards, slices = trainer.shape
    steps = [done for what, done, _ in said if what == "steps of the fit"]
    assert steps == list(range(1, shards * slices + 1))
    assert trainer.encode(told) == trainer.encode(trainer.fit(rows, trainer.default_recipe()))
    with pytest.raises(StoppedError):
        fit_in_steps(trainer, rows, trainer.default_recipe(), Stop(2), rows=6)


def test_reading_says_how_far_it_is() -> None:
    """Before each batch and after the last, in rows; what is read is what there was."""
    batches = [pa.record_batch({"n": list(range(size))}) for size in (3, 0, 4)]
    said: list[tuple[str, int, int]] = []
    found = list(read_in_steps(batches, lambda *told: said.append(told), "rows", 7))
    assert found == batches
    assert said == [("rows", 0, 7), ("rows", 3, 7), ("rows", 3, 7), ("rows", 7, 7)]


def test_a_build_that_stops_ends_what_runs_beside() -> None:
    """The parts of a map that are at work are waited for before the error comes through."""
    ended: list[bool] = []

    def each(work: Callable[[int], int], parts: list[int]) -> Iterator[int]:
        try:
            for part in parts:
                yield work(part)
        finally:
            ended.append(True)

    ports = built_in_steps(Ports(each=each), Stop(2))  # type: ignore[arg-type]  # narrower than it
    found: list[int] = []
    with pytest.raises(StoppedError):
        found.extend(ports.each(lambda part: part * 10, range(5)))
    assert ended == [True]
