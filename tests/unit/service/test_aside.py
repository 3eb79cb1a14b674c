"""While a fit or an unlearning computes, others write; what it computed from is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

import byleave
from byleave.errors import ConflictError, RefusedError
from byleave.trainers.replies import RepliesTrainer
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import COLUMNS, PLATFORM, Grown, grant

DIRECT = "train.generative.replies/messages.direct/platform"


class Interrupted(RepliesTrainer):
    """The trainer of replies, which does something else in the middle of its work."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None
        self.done = False

    def _once(self) -> None:
        if not self.done:
            self.done = True
            self.meanwhile()

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Any) -> Any:
        """Fit, with an interruption."""
        self._once()
        return super().fit(batches, recipe)

    def forget(self, state: Any, removed: Iterable[pa.RecordBatch]) -> Any:
        """Forget, with an interruption."""
        self._once()
        return super().forget(state, removed)


def interrupted(grown: Grown, ws: Workspace, meanwhile: Callable[[Workspace], object]) -> None:
    """Have another writer do this in the middle of the next fit or unlearning."""
    trainer = Interrupted()

    def other() -> None:
        with grown.open() as writer:
            meanwhile(writer)

    trainer.meanwhile = other
    known = {**ws.house.trainers, "replies": trainer}
    object.__setattr__(ws.house, "trainers", known)


def test_a_choice_gets_through_while_a_training_computes(copied: Grown) -> None:
    """A withdrawal by another writer is recorded during a fit, and stands before its end."""
    with copied.open() as ws:
        snapshot = ws.model.list()[0]["snapshot"]
        seen: list[int] = []
        interrupted(
            copied,
            ws,
            lambda other: seen.append(other.consent.withdraw(copied.agreed[5], "train/messages/*")),
        )
        run = ws.model.train("replies", snapshot, columns=COLUMNS)
        document = next(d for d in ws.model.list() if d["run"] == run)
        assert seen[0] > document["index"]  # after the recipe, in one log
        assert document["model"] is not None
        assert ws.consent.choices(copied.agreed[5], DIRECT).reason.word != "kept"
        assert ws.fsck() == []


def test_a_choice_gets_through_while_an_unlearning_computes(copied: Grown) -> None:
    """It is recorded, the batch ends as it would have, and the choice is for the next batch."""
    with copied.open() as ws:
        interrupted(
            copied, ws, lambda other: other.consent.withdraw(copied.agreed[5], "train/messages/*")
        )
        ((done,), _) = ws.withdrawal.run()
        assert done.new.model == done.refit
        assert [item.name for item in ws.withdrawal.plan()] == [done.new.release]
        ((again,), _) = ws.withdrawal.run()
        assert again.new.model == again.refit
        assert ws.fsck() == []


def test_a_no_said_while_an_unlearning_computes_taints_in_time(copied: Grown) -> None:
    """The release that it made never heard the no: a month later it must not be loaded."""
    who, said = copied.agreed[11], list[int]()
    with copied.open() as ws:
        interrupted(
            copied, ws, lambda other: said.append(other.consent.withdraw(who, "train/messages/*"))
        )
        ((done,), _) = ws.withdrawal.run()
        name = done.new.release
        assert said[0] < done.new.index
        assert [item.name for item in ws.withdrawal.plan()] == [name]
        assert ws.release.tainted() == ()
    now = ReplayClock(copied.now + timedelta(days=40))
    with byleave.open(copied.path, now=now, read_only=True) as ws:
        assert [taint.release for taint in ws.release.tainted()] == [name]
        with pytest.raises(RefusedError) as error:
            ws.release.load(name)
        assert error.value.code == "release.tainted"


def test_two_who_carry_out_one_batch_write_it_once(copied: Grown) -> None:
    """Whoever computed while another ended the batch adds nothing to it."""
    with copied.open() as ws:
        interrupted(copied, ws, lambda other: other.withdrawal.run())
        ws.withdrawal.run()
        assert len(ws.ledger.objects("unlearning")) == 1
        assert len(ws.ledger.objects("certificate")) == 1
        assert len(ws.ledger.objects("withdrawal-end")) == 1
        assert ws.withdrawal.plan() == []
        assert ws.fsck() == []


def test_a_fit_that_a_batch_overtook_is_not_kept(copied: Grown) -> None:
    """Rows of members whose withdrawal was carried out meanwhile come back by no other door."""
    with copied.open() as ws:
        snapshot = ws.model.list()[0]["snapshot"]
        interrupted(copied, ws, lambda other: other.withdrawal.run())
        with pytest.raises(ConflictError) as error:
            ws.model.train("replies", snapshot, columns=COLUMNS)
        assert error.value.code == "training.overtaken"
        left = [d for d in ws.model.list() if d["model"] is None]
        assert len(left) == 1
        assert left[0]["files"] == {}
        assert not (ws.path / "runs" / left[0]["run"]).exists()
        assert ws.fsck() == []


def test_a_release_that_was_changed_meanwhile_is_not_replaced(copied: Grown) -> None:
    """A rollback during an unlearning stops it; run again, it goes on with what is in service."""
    with copied.open() as ws:
        for member in copied.withdrew:
            ws.consent.record([grant(member, PLATFORM, ws)])
        older = ws.release.publish(ws.model.train("replies", _snapshot(ws), columns=COLUMNS))
        ws.consent.withdraw(copied.agreed[5], "train/messages/*")

        def roll(other: Workspace) -> None:
            document = other.ledger.object("release", copied.release)
            assert document is not None
            with other.ledger.writing() as writer:
                changed = {**document[2], "superseded_by": older.release}
                writer.replace_object("release", copied.release, changed)

        interrupted(copied, ws, roll)
        with pytest.raises(ConflictError) as error:
            ws.withdrawal.run()
        assert error.value.code == "workspace.moved"
        ws.withdrawal.run()
        assert ws.withdrawal.plan() == []
        current = [r["release"] for r in ws.release.list() if r["superseded_by"] is None]
        assert copied.release not in current


def test_without_the_lock_nothing_is_let_go(copied: Grown) -> None:
    """A workspace opened to read, and one outside its turn, computes as it is."""
    with copied.open(read_only=True) as ws, ws.house.aside():
        assert not ws.may_write


def _snapshot(ws: Workspace) -> str:
    gate, gated = ws.gate.run("messages", PLATFORM)
    return ws.snapshot.seal(gate, gated=gated)
