"""A further offer to the same recipient: what it holds already is counted, and left out if asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from byleave.errors import RefusedError
from byleave.service import disclose
from byleave.service.snapshot import source_rows_of
from byleave.service.snapshot_check import check_snapshot
from byleave.stores.outbox import FolderOutbox
from byleave.wiring import Workspace
from tests.recipients import HOST, LOGS_USE, Site
from tests.unit.service.small import PROVIDER, grant, people, small_table

LATER = tuple(people(small_table())[16:28])
"""Members who have said nothing yet."""


@pytest.fixture
def ws(held_site: Site) -> Iterator[Workspace]:
    """The platform after its package was delivered."""
    with held_site.open(hours=5) as opened:
        yield opened


def agree(ws: Workspace, *members: str) -> None:
    """Let members say yes to the recipient, and to the one it may pass rows on to."""
    ws.consent.record([grant(member, PROVIDER, ws) for member in members])
    ws.consent.record([replace(grant(m, LOGS_USE, ws), notice="q-2") for m in members])


def leave(ws: Workspace, *members: str) -> list[str]:
    """Let members withdraw, and recall."""
    for member in members:
        ws.consent.withdraw(member, "train/messages/*")
    return ws.disclosure.recall()


def held(ws: Workspace, package: str) -> set[int]:
    """Return the source rows of a package, those called back left out."""
    document = next(d for d in ws.disclosure.list() if d["disclosure"] == package)
    sealed = ws.snapshot.open(document["snapshot"])
    rows = source_rows_of(ws.house, sealed)
    return {int(rows[at]) for at in sealed.alive.tolist() if at not in document["recalled_rows"]}


def test_what_is_held_is_said_before(ws: Workspace) -> None:
    """The preview stores nothing and says that all is held; an offer says the same and repeats it."""
    size = ws.ledger.size()
    found = ws.disclosure.preview("messages", PROVIDER)
    assert ws.ledger.size() == size
    first = held(ws, "package-1")
    assert (found.new, found.repeated) == (0, len(first))
    assert found.record.kept == len(first) > 0
    made = ws.disclosure.offer("messages", PROVIDER)
    assert (made.new, made.repeated, made.rows) == (0, len(first), len(first))
    assert held(ws, made.disclosure) == first


def test_nothing_new_is_refused(ws: Workspace) -> None:
    """Asked for new rows alone where there are none: `disclosure.nothing-new`, exit 4, no package."""
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
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after its snapshot was sealed, an offer leaves no package; made again, it is one."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(disclose, "_pass_on", killed)
    with pytest.raises(KeyboardInterrupt):
        ws.disclosure.offer("messages", PROVIDER)
    monkeypatch.undo()
    assert len(ws.disclosure.list()) == 1
    made = ws.disclosure.offer("messages", PROVIDER)
    assert (made.disclosure, made.snapshot) == ("package-2", "package-2-set-1")
    assert ws.fsck() == []


def test_new_rows_alone(ws: Workspace) -> None:
    """With new consents, the package of new rows and the one before share none and miss none."""
    first = held(ws, "package-1")
    agree(ws, *LATER)
    before = ws.disclosure.preview("messages", PROVIDER)
    made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
    assert (before.new, before.repeated) == (made.new, made.repeated)
    assert made.rows == made.new > 0
    second = held(ws, made.disclosure)
    assert len(second) == made.rows
    assert not second & first
    assert len(second | first) == made.record.kept
    sealed = ws.snapshot.open(made.snapshot)
    assert sealed.manifest.records == made.rows
    assert set(ws.openings(made.snapshot)["row"].to_pylist()) == set(sealed.alive.tolist())
    assert check_snapshot(ws.house, made.snapshot).readable
    assert ws.fsck() == []
    with pytest.raises(RefusedError):
        ws.disclosure.offer("messages", PROVIDER, only_new=True)


def test_what_was_called_back_is_new(ws: Workspace, held_site: Site) -> None:
    """Rows recalled are held no more: with a yes again they are offered, and nothing else is."""
    assert leave(ws, held_site.agreed[0]) == ["package-1"]
    back = len(ws.disclosure.list()[0]["recalled_rows"])
    agree(ws, held_site.agreed[0])
    made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
    assert made.new == made.rows == back > 0
    assert not held(ws, made.disclosure) & held(ws, "package-1")


def test_what_ran_out_is_new(held_site: Site) -> None:
    """A package whose terms ran out holds nothing that may be used: its rows are new again."""
    with held_site.open(hours=5) as ws:
        agree(ws, *LATER)
        made = ws.disclosure.offer(
            "messages", PROVIDER, only_new=True, expires=held_site.now + timedelta(days=2)
        )
    for day, new in ((1, 0), (2, made.rows)):
        with held_site.open(days=day, read_only=True) as ws:
            assert ws.disclosure.preview("messages", PROVIDER).new == new


def test_what_never_arrived_is_new(offered_site: Site) -> None:
    """A package recalled in part before it was delivered lies there no more: its rows are new."""
    with offered_site.open(hours=5) as ws:
        assert ws.disclosure.preview("messages", PROVIDER).new == 0
        leave(ws, offered_site.agreed[0])
        assert ws.disclosure.listing(HOST)["packages"] == []
        made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
        assert made.repeated == 0
        assert held(ws, made.disclosure) == held(ws, "package-1")


def test_another_recipient_holds_nothing_of_it(ws: Workspace) -> None:
    """What one recipient holds is no matter of another's offer."""
    found = ws.disclosure.preview("messages", LOGS_USE)
    assert found.repeated == 0
    assert found.new == found.record.kept > 0


def test_new_rows_go_the_whole_way(held_site: Site) -> None:
    """A package of new rows is pulled, recalled, obeyed and answered for like any other."""
    site = replace(held_site, now=held_site.at(hours=5))
    with site.open(hours=1) as ws:
        agree(ws, *LATER)
        made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
    mine = site.recipient(hours=2)
    out = FolderOutbox(site.lay_out(hours=2))
    assert mine.pull(out).packages == (made.disclosure,)
    assert {h.name: h.rows for h in mine.held()}[made.disclosure] == made.rows
    mine.acknowledge(out)
    with site.open(hours=3) as ws:
        assert [error for _, _, error in ws.disclosure.receive([site.root / "out"])] == [None]
    recalled = site.withdraw(*LATER, days=1)
    assert made.disclosure in recalled
    assert set(site.answered()) == {None}
    with site.open(read_only=True, days=5) as ws:
        found = {d["disclosure"]: d for d in ws.disclosure.status()}[made.disclosure]
        assert (found["state"], found["recalled_rows"]) == ("acknowledged", made.rows)


def test_a_withdrawal_reaches_every_package_once(ws: Workspace, held_site: Site) -> None:
    """Whoever withdraws is called back from each package that holds a row of theirs, once."""
    agree(ws, *LATER)
    made = ws.disclosure.offer("messages", PROVIDER, only_new=True)
    assert set(leave(ws, *held_site.agreed, *LATER)) == {"package-1", made.disclosure}
    assert not held(ws, made.disclosure) | held(ws, "package-1")
    assert ws.disclosure.recall() == []
