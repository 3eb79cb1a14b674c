"""A second offer to the same recipient: what it holds already is counted, and left out if asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

import byleave
from byleave.errors import RefusedError
from byleave.service import disclose
from byleave.service.snapshot import source_rows_of
from byleave.service.snapshot_check import check_snapshot
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import PROVIDER, Grown, grant


@pytest.fixture
def again(copied: Grown) -> Workspace:
    """The grown workspace, open; the provider's first package is recalled where somebody left."""
    ws = copied.open()
    ws.disclosure.recall()
    return ws


def held(ws: Workspace, package: str) -> set[int]:
    """Return the source rows of a package, those called back left out."""
    document = next(d for d in ws.disclosure.list() if d["disclosure"] == package)
    sealed = ws.snapshot.open(document["snapshot"])
    rows = source_rows_of(ws.house, sealed)
    return {int(rows[at]) for at in sealed.alive.tolist() if at not in document["recalled_rows"]}


def test_what_is_held_is_said_before(again: Workspace) -> None:
    """The preview stores nothing and says that all is held; an offer says the same and repeats it."""
    with again as ws:
        size = ws.ledger.size()
        found = ws.disclosure.preview("messages", PROVIDER)
        assert ws.ledger.size() == size
        first = held(ws, "package-1")
        assert (found.new, found.repeated) == (0, len(first))
        assert found.record.kept == len(first) > 0
        made = ws.disclosure.offer("messages", PROVIDER)
        assert (made.new, made.repeated, made.rows) == (0, len(first), len(first))
        assert held(ws, made.disclosure) == first


def test_nothing_new_is_refused(again: Workspace) -> None:
    """Asked for new rows alone where there are none: `disclosure.nothing-new`, exit 4, no package."""
    with again as ws:
        packages, gates = len(ws.disclosure.list()), len(ws.gate.list())
        with pytest.raises(RefusedError) as error:
            ws.disclosure.offer("messages", PROVIDER, only_new=True)
        assert (error.value.code, error.value.exit_code) == ("disclosure.nothing-new", 4)
        assert len(ws.disclosure.list()) == packages
        assert len(ws.gate.list()) == gates + 1
        assert ws.log.checkpoint()["size"] == ws.ledger.size()
        assert ws.disclosure.offer("messages", PROVIDER).disclosure == "package-2"
        assert ws.fsck() == []


def test_an_offer_killed_half_way_is_made_again(
    again: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after its snapshot was sealed, an offer leaves no package; made again, it is one."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with again as ws:
        monkeypatch.setattr(disclose, "_pass_on", killed)
        with pytest.raises(KeyboardInterrupt):
            ws.disclosure.offer("messages", PROVIDER)
        monkeypatch.undo()
        assert len(ws.disclosure.list()) == 1
        made = ws.disclosure.offer("messages", PROVIDER)
        assert (made.disclosure, made.snapshot) == ("package-2", "package-2-set-1")
        assert ws.fsck() == []


def test_new_rows_alone(again: Workspace, copied: Grown) -> None:
    """With new consents, the package of new rows and the one before share none and miss none."""
    with again as ws:
        first = held(ws, "package-1")
        ws.consent.record([grant(m, PROVIDER, ws) for m in copied.agreed[16:28]])
        before = ws.disclosure.preview("messages", PROVIDER)
        made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
        assert (before.new, before.repeated) == (made.new, made.repeated)
        assert made.rows == made.new > 0
        second = held(ws, made.disclosure)
        assert len(second) == made.rows
        assert not second & first
        assert len(second | first) == made.record.kept
        assert ws.snapshot.open(made.snapshot).manifest.records == made.rows
        assert set(ws.openings(made.snapshot)["row"].to_pylist()) == set(
            ws.snapshot.open(made.snapshot).alive.tolist()
        )
        assert check_snapshot(ws.house, made.snapshot).readable
        assert ws.fsck() == []
        with pytest.raises(RefusedError):
            ws.disclosure.offer("messages", PROVIDER, only_new=True)


def test_what_was_called_back_is_new(again: Workspace, copied: Grown) -> None:
    """Rows recalled are held no more: with a yes again they are offered, and nothing else is."""
    with again as ws:
        document = next(iter(ws.disclosure.list()))
        back = len(document["recalled_rows"])
        assert back > 0
        ws.consent.record([grant(m, PROVIDER, ws) for m in copied.withdrew])
        made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
        assert made.new == made.rows == back
        assert not held(ws, made.disclosure) & held(ws, "package-1")


def test_what_ran_out_is_new(again: Workspace, copied: Grown) -> None:
    """A package whose terms ran out holds nothing that may be used: its rows are new again."""
    with again as ws:
        ws.consent.record([grant(m, PROVIDER, ws) for m in copied.agreed[16:28]])
        made = ws.disclosure.offer(
            "messages", PROVIDER, only_new=True, expires=copied.now + timedelta(days=2)
        )
        assert ws.disclosure.preview("messages", PROVIDER).new == 0
    late = ReplayClock(copied.now + timedelta(days=2))
    with byleave.open(copied.path, now=late, read_only=True) as ws:
        assert ws.disclosure.preview("messages", PROVIDER).new == made.rows


def test_a_withdrawal_reaches_the_package_of_new_rows(again: Workspace, copied: Grown) -> None:
    """Whoever withdraws is called back from each package that holds a row of theirs, once."""
    with again as ws:
        ws.consent.record([grant(m, PROVIDER, ws) for m in copied.agreed[16:28]])
        made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
        rows = held(ws, made.disclosure) | held(ws, "package-1")
        for member in copied.agreed[2:28]:
            ws.consent.withdraw(member, "train/messages/*")
        assert set(ws.disclosure.recall()) == {"package-1", made.disclosure}
        assert rows
        assert not held(ws, made.disclosure) | held(ws, "package-1")
        assert ws.disclosure.recall() == []
