"""Others write while a gate run, a sealing, an offer or a new source computes; nothing said is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import byleave
from byleave.errors import ByleaveError, ConflictError, RefusedError
from byleave.service.recall import history
from byleave.service.withdrawal import affected_packages
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import COLUMNS, CONTRACT, PLATFORM, PROVIDER, Grown, small_table

GATE = "rows through the gate"
SEAL = "parts of the map built"
TAKE = "records taken in"
DIRECT = "train.generative.replies/messages.direct/platform"


class Pause:
    """Progress of long work that, the first time it counts what is named, has others do something."""

    def __init__(self, grown: Grown, at: str, meanwhile: Callable[[Workspace], object]) -> None:
        self.at = at
        self.done = False
        self._grown = grown
        self._meanwhile = meanwhile

    def __call__(self, what: str, done: int, total: int) -> None:
        del done, total
        if what != self.at or self.done:
            return
        self.done = True
        with opened(self._grown) as other:
            self._meanwhile(other)


def opened(grown: Grown, progress: Callable[[str, int, int], None] | None = None) -> Workspace:
    clock = ReplayClock(grown.now + timedelta(hours=1))
    return byleave.open(grown.path, now=clock, progress=progress)


def paused(grown: Grown, at: str, meanwhile: Callable[[Workspace], object]) -> Workspace:
    """Open the workspace for work that is interrupted by another writer."""
    return opened(grown, Pause(grown, at, meanwhile))


def withdraw(who: str) -> Callable[[Workspace], int]:
    return lambda other: other.consent.withdraw(who, "train/messages/*")


def ran(ws: Workspace) -> Pause:
    pause = ws.house.progress
    assert isinstance(pause, Pause)
    assert pause.done
    return pause


def left(ws: Workspace) -> list[str]:
    """Return what stands in the folder of unfinished work."""
    return sorted(p.name for p in (ws.path / "work").glob("*"))


def rows_of(ws: Workspace, snapshot: str, member: str) -> int:
    openings = ws.openings(snapshot)
    return int((openings["ordinal"].to_numpy() == ws.member.ordinal(member)).sum())


def reached(ws: Workspace) -> set[str]:
    """Return all that the plan of withdrawals names."""
    return {item["name"] for item in ws.withdrawal.forecast().document()["snapshots"]} | {
        item["name"] for item in ws.withdrawal.forecast().document()["affected"]
    }


def test_a_withdrawal_during_a_gate_run_is_recorded_and_not_heard(copied: Grown) -> None:
    """It stands before the gate in the log, after what the gate says it read, and the plan has it."""
    who, said = copied.agreed[5], list[int]()
    with paused(copied, GATE, lambda other: said.append(withdraw(who)(other))) as ws:
        gate, gated = ws.gate.run("messages", PLATFORM)
        ran(ws)
        shown = ws.gate.show(gate)
        assert shown["ledger"] < said[0] < shown["index"]
        assert ws.member.ordinal(who) in gated.grounds.member
        assert ws.gate.replay(gate) == gated.record
        snapshot = ws.snapshot.seal(gate, gated=gated)
        assert rows_of(ws, snapshot, who)
        assert snapshot in reached(ws)
        newer, again = ws.gate.run("messages", PLATFORM)
        assert ws.gate.show(newer)["ledger"] > said[0]
        assert ws.member.ordinal(who) not in again.grounds.member
        assert left(ws) == []
        assert ws.fsck() == []


@pytest.mark.parametrize("gated", [True, False])
def test_a_withdrawal_during_a_sealing_is_shown_by_the_plan(copied: Grown, *, gated: bool) -> None:
    """The snapshot holds what its gate let through; plan, renewal and release see the withdrawal."""
    who, said = copied.agreed[6], list[int]()
    with opened(copied) as ws:
        gate, table = ws.gate.run("messages", PLATFORM)
    with paused(copied, SEAL, lambda other: said.append(withdraw(who)(other))) as ws:
        snapshot = ws.snapshot.seal(gate, gated=table if gated else None)
        ran(ws)
        assert said[0] < next(d for d in ws.snapshot.list() if d["snapshot"] == snapshot)["index"]
        assert snapshot in reached(ws)
        run = ws.model.train("replies", snapshot, columns=COLUMNS)
        with pytest.raises(RefusedError) as error:
            ws.release.publish(run)
        assert error.value.code == "release.stale-run"
        delta, gone = ws.snapshot.renew(snapshot)
        assert gone
        assert rows_of(ws, delta, who) == 0
        assert (left(ws), ws.fsck()) == ([], [])


@pytest.mark.parametrize("at", [GATE, SEAL])
def test_a_row_withdrawn_during_an_offer_is_not_offered(copied: Grown, at: str) -> None:
    """Whoever says no before the package stands in the log has no row in it, and none is recalled."""
    who = copied.agreed[7]
    with paused(copied, at, withdraw(who)) as ws:
        made = ws.disclosure.offer("messages", PROVIDER)
        ran(ws)
        assert rows_of(ws, made.snapshot, who) == 0
        held = next(d for d in ws.snapshot.list() if d["snapshot"] == made.snapshot)
        assert made.rows == held["records"] == held["records"] > 0
        assert made.disclosure not in {item.name for item in affected_packages(ws.house)}
        assert history(ws.house, made.disclosure).recalls == ()
        assert (left(ws), ws.fsck()) == ([], [])


def test_an_offer_of_which_nothing_is_left_is_refused(copied: Grown) -> None:
    """Where everybody said no while it was sealed, no package is logged."""

    def everybody(other: Workspace) -> None:
        for member in copied.agreed[:16]:
            withdraw(member)(other)

    with paused(copied, SEAL, everybody) as ws:
        before = len(ws.ledger.objects("disclosure"))
        with pytest.raises(RefusedError) as error:
            ws.disclosure.offer("messages", PROVIDER)
        assert error.value.code == "disclosure.nothing-allowed"
        assert len(ws.ledger.objects("disclosure")) == before
        assert ws.fsck() == []


def test_a_batch_takes_no_gate_that_read_the_ledger_before_it(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that began before a batch and ended after it serves others, not the batch."""

    class StopError(Exception):
        """The process that carries out the batch dies."""

    def begin(other: Workspace) -> None:
        withdraw(copied.agreed[8])(other)
        with monkeypatch.context() as patched:

            def stop(*_: Any, **__: Any) -> Any:
                raise StopError

            patched.setattr("byleave.service.unlearning.gate_again", stop)
            with pytest.raises(StopError):
                other.withdrawal.run()

    with paused(copied, GATE, begin) as ws:
        gate, _ = ws.gate.run("messages", PLATFORM)
        ran(ws)
        batch = ws.ledger.objects("withdrawal")[-1][0]
        shown = ws.gate.show(gate)
        assert shown["ledger"] < batch < shown["index"]
        ((done,), _) = ws.withdrawal.run()
        assert rows_of(ws, done.new.document["snapshot"], copied.agreed[8]) == 0
        assert ws.withdrawal.plan() == []
        assert ws.fsck() == []


def test_two_runs_of_one_question_do_not_share_a_folder(copied: Grown) -> None:
    """One that begins and ends within another leaves it its files; both are logged and replay."""
    inner: list[str] = []
    with paused(
        copied, GATE, lambda other: inner.append(other.gate.run("messages", PLATFORM)[0])
    ) as ws:
        outer, gated = ws.gate.run("messages", PLATFORM)
        ran(ws)
        assert outer != inner[0]
        one, two = (ws.gate.show(name) for name in (inner[0], outer))
        assert one["kept"] == two["kept"] == gated.record.kept
        assert {n: d for n, d in one["files"].items() if n != "record.json"} == {
            n: d for n, d in two["files"].items() if n != "record.json"
        }
        for name in (inner[0], outer):
            ws.gate.replay(name)
        assert (left(ws), ws.fsck()) == ([], [])


def test_two_sealings_at_once_have_two_names(copied: Grown) -> None:
    """Each keeps the name that it claimed, whoever ends first."""
    inner: list[str] = []
    with opened(copied) as ws:
        gate, _ = ws.gate.run("messages", PLATFORM)
    with paused(copied, SEAL, lambda other: inner.append(other.snapshot.seal(gate))) as ws:
        outer = ws.snapshot.seal(gate)
        ran(ws)
        assert outer != inner[0]
        for name in (outer, inner[0]):
            ws.snapshot.fsck(name)
        assert (left(ws), ws.fsck()) == ([], [])


def test_whoever_opens_meanwhile_sweeps_nothing_of_a_sealing(copied: Grown) -> None:
    """Opening removes what crashes left, and nothing of what somebody is at."""
    with opened(copied) as ws:
        gate, _ = ws.gate.run("messages", PLATFORM)

    def look(other: Workspace) -> None:
        assert other.house.artefacts.drafts("snapshot")

    with paused(copied, SEAL, look) as ws:
        snapshot = ws.snapshot.seal(gate)
        ran(ws)
        assert ws.snapshot.fsck(snapshot).members
        assert ws.house.artefacts.drafts("snapshot") == []


def test_an_erasure_waits_for_a_sealing(copied: Grown) -> None:
    """Nobody is erased while rows of theirs may stand in a snapshot that is being sealed."""
    refused: list[str] = []

    def erase(other: Workspace) -> None:
        withdraw(copied.agreed[9])(other)
        other.withdrawal.run()
        with pytest.raises(ByleaveError) as error:
            other.member.erase([copied.agreed[9]])
        refused.append(error.value.code)

    with opened(copied) as ws:
        gate, _ = ws.gate.run("messages", PLATFORM)
    with paused(copied, SEAL, erase) as ws:
        snapshot = ws.snapshot.seal(gate)
        ran(ws)
        assert refused == ["erasure.standing"]
        assert snapshot in reached(ws)
        assert ws.fsck() == []


def test_an_erasure_during_a_gate_run_ends_the_run(copied: Grown) -> None:
    """Nothing of the run is kept: neither a gate nor a plan in which an erased id stands."""
    who = copied.silent[0]
    with paused(copied, GATE, lambda other: other.member.erase([who])) as ws:
        gates = len(ws.gate.list())
        with pytest.raises(ConflictError) as error:
            ws.gate.run("messages", PLATFORM)
        assert error.value.code in {"workspace.moved", "data.changed"}
        assert len(ws.gate.list()) == gates
        assert left(ws) == []
        held = [p for p in ws.path.rglob("*") if p.is_file() and p.name != "ledger.sqlite-wal"]
        assert not [p for p in held if p.suffix == ".plan" and who.encode() in p.read_bytes()]
        gate, gated = ws.gate.run("messages", PLATFORM)
        assert ws.gate.replay(gate) == gated.record
        assert ws.fsck() == []


def test_a_choice_gets_through_while_a_source_is_added(copied: Grown) -> None:
    """A withdrawal is recorded in the middle; the same name a second time is refused."""
    said: list[int] = []
    codes: list[str] = []

    def meanwhile(other: Workspace) -> None:
        said.append(withdraw(copied.agreed[10])(other))
        with pytest.raises(ConflictError) as error:
            other.source.add("more", small_table(), CONTRACT)
        codes.append(error.value.code)
        other.member.enrol(["somebody-new"])

    with paused(copied, TAKE, meanwhile) as ws:
        records, enrolled = ws.source.add("more", small_table(members=50), CONTRACT)
        ran(ws)
        assert (codes, records) == (["workspace.exists"], 600)
        assert enrolled
        added = next(d for d in ws.source.list() if d["source"] == "more")
        assert said[0] < added["index"]
        _, gated = ws.gate.run("more", PLATFORM)
        assert ws.member.ordinal(copied.agreed[10]) not in gated.grounds.member
        assert (left(ws), ws.fsck()) == ([], [])


KILLED = """
import os, signal, sys
from datetime import datetime
import byleave
from byleave.wiring.world import ReplayClock

path, gate, at, word = sys.argv[1:]

def progress(what, done, total):
    if what == word:
        os.kill(os.getpid(), signal.SIGKILL)

clock = ReplayClock(datetime.fromisoformat(at))
with byleave.open(path, now=clock, progress=progress) as ws:
    ws.snapshot.seal(gate)
"""


def test_a_killed_sealing_leaves_nothing_once_somebody_writes(copied: Grown) -> None:
    """Its folder is nobody's any more: the next writer removes it, and its name is free again."""
    with opened(copied) as ws:
        gate, _ = ws.gate.run("messages", PLATFORM)
    now = (copied.now + timedelta(hours=1)).isoformat()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(copied.path), gate, now, SEAL],
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folders = [p.name for p in (copied.path / "work").iterdir()]
    assert len(folders) == 1
    with opened(copied) as ws:
        assert left(ws) == []
        assert ws.snapshot.seal(gate) == folders[0].removeprefix("new-snapshot-")
        assert ws.fsck() == []
