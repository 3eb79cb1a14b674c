"""A batch of withdrawals: stopped at every durable write it goes on, and ends in the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from byleave.evidence.entry import (
    CertificateEntry,
    UnlearningEntry,
    WithdrawalEndEntry,
    WithdrawalEntry,
    parse_entry,
)
from byleave.ids import format_instant
from byleave.stores.artefacts import ArtefactFolder, Staged
from byleave.stores.sqlite import SqliteLedger
from byleave.wiring import Workspace
from byleave.wiring.log import WorkspaceLog
from tests.unit.service.small import PLATFORM, PROVIDER, Grown, grant

KINDS = (
    "gate", "snapshot", "run", "release", "unlearning", "certificate", "recall", "disclosure",
    "withdrawal", "withdrawal-end",
)  # fmt: skip
FOLDERS = ("gates", "snapshots", "runs", "releases", "packages")


class StoppedError(BaseException):
    """Raised where a test stops the world; no handler of errors takes it for one."""


class Stops:
    """Counts moments before and after each durable write, and stops at one of them."""

    def __init__(self, at: int | None = None, *, kill: bool = False) -> None:
        self.seen: list[str] = []
        self._at = at
        self._kill = kill

    def tick(self, what: str) -> None:
        """Pass one moment."""
        self.seen.append(what)
        if self._at is not None and len(self.seen) == self._at:
            if self._kill:
                os.kill(os.getpid(), signal.SIGKILL)  # nothing is cleaned up, nobody is told
            raise StoppedError(what)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Put a moment before and after each transaction, folder, removal and publication."""
        for owner, name in (
            (ArtefactFolder, "put"),
            (ArtefactFolder, "remove"),
            (ArtefactFolder, "replace"),
            (Staged, "settle"),
            (WorkspaceLog, "publish"),
        ):
            patch.setattr(owner, name, self._around(getattr(owner, name), name))
        for place, name in ((SqliteLedger, "writing"), (ArtefactFolder, "staged")):
            patch.setattr(place, name, self._within(getattr(place, name), name))

    def _around(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.tick(f"before {name}")
            result = inner(*args, **more)
            self.tick(f"after {name}")
            return result

        return call

    def _within(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        @contextmanager
        def call(*args: Any, **more: Any) -> Iterator[Any]:
            self.tick(f"before {name}")
            with inner(*args, **more) as made:
                yield made
                self.tick(f"at the end of {name}")
            self.tick(f"after {name}")

        return call


def picture(ws: Workspace) -> dict[str, Any]:
    """Return everything that a batch leaves: entries, documents, files, the checkpoint."""
    size = ws.ledger.size()
    files = {
        str(path.relative_to(ws.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in sorted((ws.path / folder).rglob("*"))
        if path.is_file()
    }
    return {
        "entries": ws.ledger.read(0, size),
        "objects": {kind: ws.house.ledger.objects(kind) for kind in KINDS},
        "files": files,
        "checkpoint": ws.house.log.checkpoint(),
    }


@pytest.fixture(scope="module")
def still(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    """The grown workspace, where nothing takes any time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("byleave.wiring.workspace.microseconds", int)
        yield grown


@contextmanager
def fresh(grown: Grown, folder: Path) -> Iterator[Grown]:
    """A copy, removed at the end."""
    shutil.copytree(grown.path, folder / "workspace")
    try:
        yield replace(grown, path=folder / "workspace")
    finally:
        shutil.rmtree(folder / "workspace")


def test_a_batch_stopped_at_any_durable_write_ends_in_the_same_bytes(
    still: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before, at or after each transaction, folder and publication, the next run ends it.

    Entries, documents, files and the checkpoint are then those of a run that nothing stopped; in
    between the old release or the new one is current, and `fsck` finds nothing wrong.
    """
    stops = Stops()
    with fresh(still, tmp_path) as copy:
        with copy.open() as ws, monkeypatch.context() as patch:
            stops.watch(patch)
            ws.withdrawal.run()
        with copy.open() as ws:
            whole = picture(ws)
    assert len(stops.seen) > 30
    unfinished = [m for m, what in enumerate(stops.seen, 1) if what.startswith("at the end")]
    finished = [m for m, what in enumerate(stops.seen, 1) if what.startswith("after")]
    assert len(finished) > 15
    different = [1, *finished, *unfinished[::4]]  # before a write is after the one before it
    for moment in different:
        name = f"{moment}: {stops.seen[moment - 1]}"
        with fresh(still, tmp_path) as copy:
            with copy.open() as ws, monkeypatch.context() as patch:
                Stops(moment).watch(patch)
                with pytest.raises(StoppedError):
                    ws.withdrawal.run()
            with copy.open() as ws:
                if moment % 8 == 0:  # the dearest check, at some of the moments
                    assert ws.fsck() == [], name
                current = [r for r in ws.release.list() if r["superseded_by"] is None]
                assert len(current) == 1, name
                ws.withdrawal.run()
                assert picture(ws) == whole, name
                assert ws.withdrawal.run() == ([], []), name


KILLED = """
import sys
import pytest
from byleave.ids import parse_instant
from byleave.wiring.world import ReplayClock
from tests.unit.service.test_withdrawal_batch import Stops
import byleave

path, now, moment = sys.argv[1:]
with pytest.MonkeyPatch.context() as patch:
    patch.setattr("byleave.wiring.workspace.microseconds", int)
    with byleave.open(path, now=ReplayClock(parse_instant(now))) as ws:
        Stops(int(moment), kill=True).watch(patch)
        ws.withdrawal.run()
"""


@pytest.mark.parametrize("moment", [33])
def test_a_batch_whose_process_was_killed_ends_in_the_same_bytes(
    still: Grown, tmp_path: Path, root: Path, moment: int
) -> None:
    """After SIGKILL in the middle another process ends the batch with the bytes of one never killed."""
    with fresh(still, tmp_path) as copy, copy.open() as ws:
        ws.withdrawal.run()
        whole = picture(ws)
    with fresh(still, tmp_path) as copy:
        now = format_instant(copy.now + timedelta(hours=1))
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(copy.path), now, str(moment)],
            check=False,
            cwd=root,
            timeout=300,
        )
        assert done.returncode == -signal.SIGKILL
        with copy.open() as ws:
            ws.withdrawal.run()
            assert picture(ws) == whole
            assert ws.fsck() == []


def test_a_batch_stands_in_the_log_before_and_after(copied: Grown) -> None:
    """The log says what is to be reached before anything is undone, and that all of it was."""
    with copied.open() as ws:
        before = ws.ledger.size()
        (batch,) = ws.withdrawal.carry_out()
        kinds = [_kind(ws, index) for index in range(before, ws.ledger.size())]
        assert kinds == [
            "withdrawal", "gate", "snapshot", "recipe", "release", "unlearning", "certificate",
            "recall", "withdrawal-end",
        ]  # fmt: skip
        assert parse_entry(ws.log.entry(before), WithdrawalEntry).withdrawal == batch.withdrawal
        end = parse_entry(ws.log.entry(ws.ledger.size() - 1), WithdrawalEndEntry)
        assert end.withdrawal == before
        certificate = parse_entry(ws.log.entry(before + 6), CertificateEntry)
        assert certificate.unlearning == before + 5
        assert parse_entry(ws.log.entry(before + 5), UnlearningEntry).to == before + 4
        assert {name.rpartition("/")[0] for name in batch.purged} == {f"runs/{copied.run}"}
        assert ws.fsck() == []


def test_who_leaves_while_a_batch_is_stopped_is_reached_by_the_next(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal that comes after a stopped batch's gate is served by a batch of its own."""
    with copied.open() as ws, monkeypatch.context() as patch:
        patch.setattr("byleave.service.unlearning.seal_without", _stop)
        with pytest.raises(StoppedError):
            ws.withdrawal.run()
    with copied.open() as ws:
        ws.consent.withdraw(copied.agreed[3], "train/messages/*")
        first, second = ws.withdrawal.carry_out()
        assert (first.resumed, second.resumed) == (True, False)
        (one,), (two,) = first.unlearned, second.unlearned
        assert (one.old, one.new.release, two.old) == ("replies-1", "replies-2", "replies-2")
        assert ws.withdrawal.plan() == []
        openings = ws.openings(two.new.document["snapshot"])["ordinal"].to_pylist()
        assert ws.member.ordinal(copied.agreed[3]) not in openings
        assert ws.fsck() == []


def test_who_comes_back_before_a_stopped_batch_goes_on_is_left_in(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where everybody agreed again before the gate ran, the batch ends and unlearns nothing."""
    with copied.open() as ws, monkeypatch.context() as patch:
        patch.setattr("byleave.service.unlearning.gate_again", _stop)
        with pytest.raises(StoppedError):
            ws.withdrawal.run()
    with copied.open() as ws:
        for use in (PLATFORM, PROVIDER):
            ws.consent.record([grant(m, use, ws) for m in copied.withdrew])
        (batch,) = ws.withdrawal.carry_out()
        assert (batch.unlearned, batch.recalled) == ((), ())
        assert [r["release"] for r in ws.release.list()] == [copied.release]
        assert ws.fsck() == []


def _stop(*args: Any, **more: Any) -> None:
    raise StoppedError


def _kind(ws: Workspace, index: int) -> str:
    return str(json.loads(ws.log.entry(index))["kind"]).partition("/")[0]
