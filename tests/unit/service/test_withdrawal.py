"""Withdrawals reach the models: exactly, once, and again after a crash at any step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from byleave.errors import ByleaveError, ConflictError, EvidenceError
from byleave.service import model
from byleave.wiring import Workspace
from tests.unit.service.small import COLUMNS, PLATFORM, PROVIDER, Grown, grant


class CrashError(Exception):
    """Raised where a test stops the world."""


def current(ws: Workspace) -> list[str]:
    """Return the releases that nothing replaced."""
    return [r["release"] for r in ws.release.list() if r["superseded_by"] is None]


def test_a_plan_names_what_is_affected_and_changes_nothing(grown: Grown) -> None:
    """The plan lists the release and the package with the rows and members concerned."""
    with grown.open(read_only=True) as ws:
        size = ws.ledger.size()
        (release,), (package,) = ws.withdrawal.plan(), ws.withdrawal.packages()
        assert (release.name, package.name) == (grown.release, grown.package)
        before = ws.gate.list()[0]["kept"]
        assert release.rows == before - ws.gate.dry_run("messages", PLATFORM).kept > 0
        assert len(release.positions) == release.rows
        assert release.members >= len(grown.withdrew)
        assert ws.ledger.size() == size


def test_unlearning_gives_the_bytes_of_a_fit_without_the_rows(copied: Grown) -> None:
    """The new release has the digest of a refit, replaces the old one, and holds no withdrawn row."""
    with copied.open() as ws:
        ((done,), recalled) = ws.withdrawal.run()
        assert done.new.model == done.refit
        assert ws.release.refit(done.new.release) == (done.new.model, done.new.model)
        old = ws.release.load(copied.release)
        assert old.document["superseded_by"] == done.new.release
        assert old.model != done.new.model
        fresh_gate, gated = ws.gate.run("messages", PLATFORM)
        fresh = ws.model.train(
            "replies", ws.snapshot.seal(fresh_gate, gated=gated), columns=COLUMNS
        )
        assert ws.release.publish(fresh).model == done.new.model
        rows = ws.snapshot.open(done.new.document["snapshot"]).manifest.records
        assert rows == gated.record.kept
        openings = ws.openings(done.new.document["snapshot"])["ordinal"].to_pylist()
        assert not {ws.member.ordinal(m) for m in copied.withdrew} & set(openings)
        assert recalled == [copied.package]
        assert ws.fsck() == []


def test_what_is_done_is_not_done_again(copied: Grown) -> None:
    """A second run with no new withdrawal unlearns nothing, recalls nothing and logs nothing."""
    with copied.open() as ws:
        ws.withdrawal.run()
        size = ws.ledger.size()
        assert ws.withdrawal.run() == ([], [])
        assert ws.withdrawal.plan() == []
        assert ws.ledger.size() == size


def test_a_recall_is_ordered_once_for_each_row(copied: Grown) -> None:
    """A recall names each row once: later ones only the rows that came since."""
    with copied.open() as ws:
        ws.withdrawal.run()
        (first,) = (ws.ledger.object_at(i) for i in ws.disclosure.list()[0]["recalls"])
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        assert ws.withdrawal.run()[1] == [copied.package]
        orders = [ws.ledger.object_at(i) for i in ws.disclosure.list()[0]["recalls"]]
        assert orders[0] == first
        rows = [order[3]["rows"] for order in orders if order is not None]
        assert rows[0]
        assert rows[1]
        assert not set(rows[0]) & set(rows[1])
        assert ws.disclosure.list()[0]["recalled_rows"] == sorted(rows[0] + rows[1])


def test_the_old_state_is_purged(copied: Grown) -> None:
    """After unlearning the old training state is gone, and cannot be published again."""
    with copied.open() as ws:
        run = ws.path / "runs" / copied.run
        assert any(run.iterdir())
        ws.withdrawal.run()
        assert not run.exists()
        with pytest.raises(ConflictError) as error:
            ws.release.publish(copied.run)
        assert error.value.code == "training.no-state"


def test_two_releases_of_one_run_are_both_unlearned(copied: Grown) -> None:
    """A run that was published twice is unlearned twice, and its state purged after the last."""
    with copied.open() as ws:
        model.publish_release(ws.house, copied.run)  # `ws.release.publish` refuses it by now
        done, _ = ws.withdrawal.run()
        assert len(done) == 2
        assert len({u.new.model for u in done}) == 1
        assert not (ws.path / "runs" / copied.run).exists()
        assert ws.fsck() == []


def test_withdrawals_in_any_order_give_the_same_model(copied: Grown) -> None:
    """Withdrawing in two rounds ends in the bytes of withdrawing all at once."""
    more = copied.agreed[4:8]
    with copied.open() as ws:
        ws.withdrawal.run()
        for member in more:
            ws.consent.withdraw(member, "train/messages/*")
        (done,), _ = ws.withdrawal.run()
        gate, gated = ws.gate.run("messages", PLATFORM)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        assert ws.release.publish(run).model == done.new.model


def test_when_everybody_left_the_model_is_that_of_nobody(copied: Grown) -> None:
    """After everyone withdrew the release holds no record, and is a fit on none."""
    with copied.open() as ws:
        for member in copied.agreed:
            ws.consent.withdraw(member, "train/messages/*")
        ((done,), _) = ws.withdrawal.run()
        assert done.new.model == done.refit
        manifest = ws.snapshot.open(done.new.document["snapshot"]).manifest
        assert (manifest.records, manifest.members) == (0, 0)
        kind, path = ws.proof.make(copied.agreed[0], done.new.release)
        assert kind == "absence"
        assert path.is_file()
        assert ws.release.suggest(done.new.release, "Hello!") == []
        assert ws.fsck() == []


def test_a_crash_before_the_purge_is_healed_at_the_next_opening(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that a crash kept from being purged is gone once the workspace is opened again."""
    run = copied.path / "runs" / copied.run
    with copied.open() as ws:

        def crash(kind: str, artefact: str, name: str | None = None) -> None:
            raise CrashError

        monkeypatch.setattr(ws._artefacts, "remove", crash)
        with pytest.raises(CrashError):
            ws.withdrawal.run()
        assert run.exists()
    with copied.open() as ws:
        assert not run.exists()
        ((done,), recalled) = ws.withdrawal.run()
        assert (done.old, recalled) == (copied.release, [copied.package])
        assert ws.withdrawal.run() == ([], [])
        assert ws.fsck() == []


def test_a_trainer_that_forgets_wrongly_releases_nothing(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where forgetting and refitting differ nothing is released: `training.not-exact`."""
    with copied.open() as ws:
        trainer = ws.house.trainers["replies"]
        monkeypatch.setattr(type(trainer), "forget", lambda self, state, removed: state)
        with pytest.raises(EvidenceError) as error:
            ws.withdrawal.run()
        assert error.value.code == "training.not-exact"
        assert current(ws) == [copied.release]
        monkeypatch.undo()
        assert len(ws.withdrawal.run()[0]) == 1


def test_a_state_that_changed_is_not_unlearned_from(copied: Grown) -> None:
    """A training state that changed on disk stops the run: `workspace.damaged`."""
    path = copied.path / "runs" / copied.run / "state.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    with copied.open() as ws, pytest.raises(EvidenceError) as error:
        ws.withdrawal.run()
    assert error.value.code == "workspace.damaged"


def test_a_new_yes_is_not_learned_behind_ones_back(copied: Grown) -> None:
    """Grants after a release do not make it affected: only a row taken away does."""
    with copied.open() as ws:
        ws.withdrawal.run()
        ws.consent.record([grant(m, PLATFORM, ws) for m in copied.silent])
        ws.consent.record([grant(m, PROVIDER, ws) for m in copied.silent])
        assert ws.withdrawal.plan() == []


REFUSALS: dict[str, tuple[Callable[[Workspace, Grown], object], str]] = {
    "trainer": (lambda ws, g: ws.model.train("oracle", g.snapshot), "training.unknown-trainer"),
    "columns": (lambda ws, g: ws.model.train("replies", g.snapshot), "training.columns"),
    "snapshot": (lambda ws, g: ws.model.train("replies", "set-9"), "workspace.unknown-object"),
    "setting": (
        lambda ws, g: ws.model.train("replies", g.snapshot, columns=COLUMNS, recipe={"ridges": 2}),
        "trainer.recipe",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_run_that_is_refused_logs_nothing(copied: Grown, case: str) -> None:
    """An unknown trainer, column, snapshot or setting of a recipe leaves no run and no entry."""
    act, code = REFUSALS[case]
    with copied.open() as ws:
        size = ws.ledger.size()
        with pytest.raises(ByleaveError) as error:
            act(ws, copied)
        assert error.value.code == code
        assert ws.ledger.size() == size
        assert [run["run"] for run in ws.model.list()] == [copied.run]


def test_a_fit_that_was_stopped_cannot_be_released(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose fit was stopped keeps its logged recipe, and is `training.no-state`."""

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    with copied.open() as ws:
        monkeypatch.setattr(type(ws.house.trainers["replies"]), "fit", crash)
        with pytest.raises(KeyboardInterrupt):
            ws.model.train("replies", copied.snapshot, columns=COLUMNS)
        (stopped,) = (run["run"] for run in ws.model.list() if run["model"] is None)
        with pytest.raises(ConflictError) as error:
            ws.release.publish(stopped)
        assert error.value.code == "training.no-state"
        assert ws.fsck() == []
