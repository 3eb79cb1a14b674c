"""A recipient's own recipients: terms go down, recalls go down, answers come up."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from byleave.errors import ByleaveError, RefusedError
from byleave.stores.outbox import FolderOutbox
from tests.recipients import LOGS, Site


@pytest.fixture
def passed_on(held_site: Site) -> tuple[Site, Path]:
    """The package was passed on to `provider.logs`, which holds it; and where it lies for it."""
    out = held_site.recipient(hours=4).pass_on(
        held_site.package, (held_site.root / "logs.registration").read_bytes()
    )
    logs = held_site.recipient("logs", hours=5)
    assert logs.pull(FolderOutbox(out)).refused == ()
    assert len(logs.held()) == 1
    logs.acknowledge(FolderOutbox(out))
    assert [error for _, error in held_site.recipient(hours=6).collect()] == [None]
    return held_site, out


def test_a_recall_goes_down_and_the_answers_come_up(passed_on: tuple[Site, Path]) -> None:
    """Rows leave both copies; the platform takes one answer with the other's in it."""
    site, out = passed_on
    site.withdraw(site.agreed[0], days=1)
    host = site.recipient(days=2)
    host.pull(FolderOutbox(site.lay_out(days=2)))
    (done,) = host.obey()
    assert host.sign_answers() == ([], [f"{site.package}-recall-1"])  # the other has not answered
    logs = site.recipient("logs", days=2)
    before = logs.held()[0].rows
    assert len(logs.pull(FolderOutbox(out)).orders) == 1
    (below,) = logs.obey()
    assert below["deleted"] == done["deleted"] == before - logs.held()[0].rows
    logs.sign_answers()
    assert [error for _, error in logs.acknowledge(FolderOutbox(out))] == [None]
    assert [error for _, error in host.collect()] == [None]
    assert host.sign_answers() == ([f"{site.package}-recall-1"], [])
    host.acknowledge(FolderOutbox(site.root / "out"))
    with site.open(days=3) as ws:
        ((_, taken, refusal),) = ws.disclosure.receive([site.root / "out"])
        assert refusal is None
        assert taken is not None
        assert taken["onward"] == 1
        assert ws.disclosure.status()[0]["state"] == "acknowledged"
    texts = [set(pq.read_table(r.held()[0].path)["text"].to_pylist()) for r in (host, logs)]
    assert texts[0] == texts[1]


def test_an_answer_without_those_below_is_refused(passed_on: tuple[Site, Path]) -> None:
    """An answer that states further answers and leaves one out: `disclosure.chain`."""
    site, out = passed_on
    site.withdraw(site.agreed[0], days=1)
    host, logs = site.recipient(days=2), site.recipient("logs", days=2)
    host.pull(FolderOutbox(site.lay_out(days=2)))
    host.obey()
    logs.pull(FolderOutbox(out))
    logs.obey()
    logs.sign_answers()
    logs.acknowledge(FolderOutbox(out))
    host.collect()
    host.sign_answers()
    (path,) = (site.root / "host" / "answers").glob("*.answer")
    document = json.loads(path.read_bytes())
    from byleave import canonical

    with site.open(days=3) as ws:
        with pytest.raises(ByleaveError) as error:
            ws.disclosure.take(canonical.encode({**document, "onward": []}))
        assert error.value.code == "disclosure.chain"
        below = document["onward"][0]["answer"]
        with pytest.raises(ByleaveError) as error:
            ws.disclosure.take(canonical.encode(below))
        assert error.value.code == "disclosure.wrong-package"
        assert ws.disclosure.status()[0]["state"] == "recalled"


def test_labels_below_are_others(passed_on: tuple[Site, Path]) -> None:
    """The one below shares no label with the one above; the rows are the same."""
    site, _ = passed_on
    above, below = (pq.read_table(site.recipient(n).held()[0].path) for n in ("host", "logs"))
    assert above["text"].to_pylist() == below["text"].to_pylist()
    assert not set(above["byleave_row"].to_pylist()) & set(below["byleave_row"].to_pylist())


def test_nothing_is_passed_on_to_whom_the_terms_do_not_name(passed_on: tuple[Site, Path]) -> None:
    """From the last hand on nobody: `disclosure.may-not-pass-on`; twice to one: refused."""
    site, _ = passed_on
    host_registration = site.root / "host.registration"
    logs = site.recipient("logs", hours=6)
    with pytest.raises(RefusedError) as error:
        logs.pass_on(logs.held()[0].name, host_registration.read_bytes())
    assert error.value.code == "disclosure.may-not-pass-on"
    host = site.recipient(hours=6)
    for name, code in (("host", "disclosure.may-not-pass-on"), ("logs", "disclosure.folder")):
        with pytest.raises(ByleaveError) as failed:
            host.pass_on(site.package, (site.root / f"{name}.registration").read_bytes())
        assert failed.value.code == code


def test_an_unregistered_recipient_is_passed_nothing(held_site: Site) -> None:
    """A card without the platform's log entry, or with another's: `disclosure.unregistered`."""
    site = held_site
    host = site.recipient(hours=4)
    real = json.loads((site.root / "logs.registration").read_bytes())
    other = json.loads((site.root / "host.registration").read_bytes())
    from byleave import canonical

    for document in ({**real, "entry": other["entry"]}, {"card": real["card"]}):
        with pytest.raises(RefusedError) as error:
            host.pass_on(site.package, canonical.encode(document))
        assert error.value.code == "disclosure.unregistered"
    assert not list((site.root / "host" / "onward").glob("*"))


def test_nothing_expired_or_recalled_is_passed_on(held_site: Site) -> None:
    """After expiry: `disclosure.expired`; with a recall open: `disclosure.recall-open`."""
    site = held_site
    registration = (site.root / "logs.registration").read_bytes()
    with pytest.raises(RefusedError) as error:
        site.recipient(days=199).pass_on(site.package, registration)
    assert error.value.code == "disclosure.expired"
    site.withdraw(site.agreed[0], days=1)
    host = site.recipient(days=2)
    host.pull(FolderOutbox(site.lay_out(days=2)))
    with pytest.raises(RefusedError) as error:
        host.pass_on(site.package, registration)
    assert error.value.code == "disclosure.recall-open"


def test_terms_below_are_never_wider(held_site: Site) -> None:
    """Expiry and deadline of what is passed on end no later; the use stays, for that recipient."""
    site = held_site
    late = site.at(days=3000)
    out = site.recipient(hours=4).pass_on(
        site.package, (site.root / "logs.registration").read_bytes(), expires=late
    )
    state = json.loads((out.parent / "state.json").read_bytes())
    above, below = (link["header"]["terms"] for link in state["chain"]["links"])
    assert below["expires"] == above["expires"]
    assert below["recall_days"] == above["recall_days"] - 2
    assert below["use"] == above["use"].rpartition("/")[0] + f"/{LOGS}"
    assert below["may_pass_on"] is False
