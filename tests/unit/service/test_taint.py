"""A release that a withdrawal has not reached in time is tainted: not loaded, and said so in public."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from byleave.errors import InputError, RefusedError
from byleave.evidence.entry import ForcedLoadEntry, parse_entry
from byleave.service.overview import public_overview
from byleave.service.taint import UNLEARN_DAYS
from byleave.wiring import Workspace
from byleave.wiring import open as open_workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import Grown

MONTH = timedelta(days=UNLEARN_DAYS)


@pytest.fixture
def late(copied: Grown) -> tuple[Grown, ReplayClock]:
    """A grown workspace in which somebody withdrew, and its clock."""
    clock = ReplayClock(copied.now)
    with open_workspace(copied.path, now=clock) as ws:
        ws.consent.withdraw(copied.agreed[0], "train/messages/*")
    return copied, clock


def tainted_in_public(ws: Workspace) -> list[str]:
    """Return the releases that the public overview calls tainted."""
    facts = public_overview(
        ws.house, operator="x", data_origin="generated", trust="", demo_members=[]
    )
    return [r["release"] for r in facts["releases"] if r["tainted"]]


def test_a_release_is_loaded_until_the_day(late: tuple[Grown, ReplayClock]) -> None:
    """Up to a month after the withdrawal the release loads; a second later it is refused."""
    grown, clock = late
    with open_workspace(grown.path, now=clock, read_only=True) as ws:
        clock.set(grown.now + MONTH)
        assert ws.release.load(grown.release).release == grown.release
        assert tainted_in_public(ws) == []
        clock.set(grown.now + MONTH + timedelta(seconds=1))
        with pytest.raises(RefusedError) as caught:
            ws.release.load(grown.release)
        assert caught.value.code == "release.tainted"
        with pytest.raises(RefusedError):
            ws.release.suggest(grown.release, "hello")
        assert tainted_in_public(ws) == [grown.release]
        (taint,) = ws.release.tainted()
        assert (taint.since, taint.due) == (grown.now, grown.now + MONTH)
        assert taint.rows > 0


def test_unlearning_lifts_it(late: tuple[Grown, ReplayClock]) -> None:
    """After the withdrawal is served nothing is tainted, and what replaced the release loads."""
    grown, clock = late
    clock.set(grown.now + 2 * MONTH)
    with open_workspace(grown.path, now=clock) as ws:
        assert [t.release for t in ws.release.tainted()] == [grown.release]
        (unlearned,), _ = ws.withdrawal.run()
        assert ws.release.tainted() == ()
        assert ws.release.load(unlearned.new.release).release == unlearned.new.release


def test_what_was_replaced_is_not_a_way_around(late: tuple[Grown, ReplayClock]) -> None:
    """The release that a no was unlearned from is refused from its date on, replaced or not."""
    grown, clock = late
    with open_workspace(grown.path, now=clock) as ws:
        ws.withdrawal.run()
        assert ws.release.load(grown.release).release == grown.release
        clock.set(grown.now + 2 * MONTH)
        with pytest.raises(RefusedError) as caught:
            ws.release.load(grown.release)
        assert caught.value.code == "release.tainted"


def test_force_is_logged(late: tuple[Grown, ReplayClock]) -> None:
    """A tainted release loads by force with a reason: an act in the log, then an entry that names it."""
    grown, clock = late
    clock.set(grown.now + 2 * MONTH)
    with open_workspace(grown.path, now=clock) as ws:
        size = ws.ledger.size()
        for because in ("", " ", "x" * 201):
            with pytest.raises(InputError) as caught:
                ws.release.load(grown.release, force=True, because=because)
            assert caught.value.code == "input.malformed"
        assert ws.ledger.size() == size
        release = ws.release.load(grown.release, force=True, because="to compare")
        assert ws.ledger.size() == size + 2
        entry = parse_entry(ws.ledger.read(size + 1, size + 2)[0], ForcedLoadEntry)
        assert entry.release == release.index
        assert ws.house.log.checkpoint().size == size + 2
        forced, act = ws.acts.trail(limit=2)
        assert (forced["kind"], act["kind"]) == ("forced-load", "act")
        assert (act["what"], act["why"]) == ("release.force", "to compare")
        assert act["who"] == "at the machine"
        assert ws.fsck() == []
    with (
        open_workspace(grown.path, now=clock, read_only=True) as ws,
        pytest.raises(InputError) as caught,
    ):
        ws.release.load(grown.release, force=True, because="to compare")
    assert caught.value.code == "release.tainted-read-only"


def test_a_no_of_somebody_else_taints_nothing(copied: Grown) -> None:
    """A withdrawal by a member none of whose rows the release holds leaves it loadable for good."""
    clock = ReplayClock(copied.now)
    with open_workspace(copied.path, now=clock) as ws:
        (unlearned,), _ = ws.withdrawal.run()
        ws.member.enrol(["stranger"])
        ws.consent.refuse("stranger", "train/messages/*")
        clock.set(copied.now + 2 * MONTH)
        assert ws.release.tainted() == ()
        assert ws.release.load(unlearned.new.release).release == unlearned.new.release


def test_force_on_a_clean_release_logs_nothing(copied: Grown) -> None:
    """Forcing what needs no force is loading."""
    with open_workspace(copied.path, now=ReplayClock(copied.now)) as ws:
        size = ws.ledger.size()
        ws.release.load(copied.release, force=True, because="to compare")
        assert ws.ledger.size() == size


def test_the_release_room_is_untouched(late: tuple[Grown, ReplayClock], tmp_path: Path) -> None:
    """Being tainted changes no file of the release."""
    grown, clock = late
    clock.set(grown.now + 2 * MONTH)
    folder = grown.path / "releases" / grown.release
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with open_workspace(grown.path, now=clock) as ws:
        ws.release.tainted()
        ws.release.load(grown.release, force=True, because="to compare")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
