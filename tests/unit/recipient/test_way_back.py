"""A package goes out, rows are called back, and the answer holds: both sides, in folders."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from byleave.disclosure.row_map import ROW_LABEL, RowMap
from byleave.errors import RefusedError
from byleave.verify import verify
from tests.recipients import HOST, Site
from tests.unit.service.small import PROVIDER


def _state(site: Site, **later: float) -> str:
    with site.open(read_only=True, **later) as ws:
        return str(ws.disclosure.status()[0]["state"])


def test_a_package_goes_the_whole_way(offered_site: Site) -> None:
    """From offered → delivered → recalled → acknowledged; each by an entry of the log, fsck sound."""
    site = offered_site
    assert _state(site) == "offered"
    site.delivered()
    assert _state(site, hours=4) == "delivered"
    assert site.withdraw(*site.agreed[:2], days=1) == [site.package]
    assert _state(site, days=1, hours=1) == "recalled"
    assert site.answered() == [None]
    assert _state(site, days=5) == "acknowledged"
    with site.open(days=6) as ws:
        kinds = [json.loads(e)["kind"] for e in ws.ledger.read(0, ws.ledger.size())]
        assert ws.fsck() == []
    for kind in (
        "recipient-key/v1",
        "package/v1",
        "delivery/v1",
        "recall/v1",
        "acknowledgement/v1",
    ):
        assert kind in kinds


def test_what_the_recipient_holds_is_what_its_gate_let_through(delivered: Site) -> None:
    """Rows, and their order, are the package's; ids of people are names of this package alone."""
    table = pq.read_table(delivered.recipient().use(delivered.package))
    with delivered.open(read_only=True) as ws:
        document = ws.disclosure.list()[0]
        sealed = ws.snapshot.open(document["snapshot"])
        texts = [row for batch in sealed.batches({"t": "text"}) for row in batch["t"].to_pylist()]
    assert table["text"].to_pylist() == texts
    assert table.num_rows == document["rows"]
    people = set(table["sender_id"].to_pylist()) | set(table["recipient_id"].to_pylist())
    assert all(name.startswith("p-") and len(name) == 34 for name in people)
    assert len(people) <= len(delivered.agreed)
    assert not people & set(delivered.agreed)
    assert all(name.startswith("p-") for name in table["thread_id"].to_pylist())
    assert "secret" not in document


def test_recalled_rows_are_gone_and_nothing_else(held_site: Site) -> None:
    """After `obey` the copy is the old one less exactly the rows of the members who withdrew."""
    site, (member, *_) = held_site, held_site.agreed
    path = site.root / "host" / "held" / site.package / "data.parquet"
    before = pq.read_table(path)
    site.withdraw(member, days=1)
    with site.open(read_only=True, days=2) as ws:
        recalled = set(ws.disclosure.list()[0]["recalled_rows"])
        openings = ws.openings(ws.disclosure.list()[0]["snapshot"])
        ordinal = ws.member.ordinal(member)
        own = {
            row
            for row, who in zip(
                openings["row"].to_pylist(), openings["ordinal"].to_pylist(), strict=True
            )
            if who == ordinal
        }
    assert recalled == own
    site.answered()
    after = pq.read_table(path)
    gone = sorted(recalled)
    stay = [row for row in range(before.num_rows) if row not in recalled]
    assert after.equals(before.take(stay))
    lost = set(before[ROW_LABEL].take(gone).to_pylist())
    assert not lost & set(after[ROW_LABEL].to_pylist())


def test_an_answer_verifies_anywhere(held_site: Site) -> None:
    """`byleave verify` accepts the proof of each of two answers, one after the other's root."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    assert site.answered() == [None]
    with site.open(days=5) as ws:
        ws.consent.withdraw(site.agreed[7], "train/messages/*")
        assert ws.disclosure.recall() == [site.package]
        assert ws.disclosure.status()[0]["state"] == "recalled"
    out = site.lay_out(days=6)
    mine = site.recipient(days=6)
    assert len(mine.pull(mine.outbox(str(out))).orders) == 1
    mine.obey()
    mine.sign_answers()
    assert [error for _, error in mine.acknowledge(mine.outbox(str(out)))] == [None]
    with site.open(days=7) as ws:
        assert [r for _, _, r in ws.disclosure.receive([out])] == [None]
        trust = ws.places.trust.read_bytes()
        for number in (1, 2):
            name = f"acknowledgement-{site.package}-recall-{number}"
            verdict = verify(ws.proof.bytes(name), trust)
            assert verdict.ok, verdict.checks
            assert verdict.facts["recipient"] == HOST
        assert verdict.facts["deleted"] == verdict.facts["recalled"]
        assert verdict.facts["deleted"] != 0


def test_withdrawal_run_recalls_by_itself(held_site: Site) -> None:
    """Running withdrawals orders the rows back; all members of one night are in one order."""
    site = held_site
    with site.open(days=1) as ws:
        for member in site.agreed[:5]:
            ws.consent.withdraw(member, "train/messages/*")
        ws.withdrawal.run()
        (order,) = ws.disclosure.listing(HOST)["orders"]
        assert order["name"] == f"{site.package}-recall-1.order"
        assert ws.disclosure.recall() == []


def test_no_answer_by_the_deadline_is_overdue(held_site: Site) -> None:
    """At the deadline exactly, an unanswered recall is overdue; a late answer still counts."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    assert _state(site, days=14, seconds=-1) == "recalled"
    assert _state(site, days=14) == "overdue"
    out = site.lay_out(days=20)
    mine = site.recipient(days=20)
    mine.pull(mine.outbox(str(out)))
    mine.obey()
    mine.sign_answers()
    mine.acknowledge(mine.outbox(str(out)))
    with site.open(days=20) as ws:
        assert [r for _, _, r in ws.disclosure.receive([out])] == [None]
        assert ws.disclosure.status()[0]["state"] == "acknowledged"


def test_an_offer_recalled_before_the_pull_cannot_be_pulled(offered_site: Site) -> None:
    """The package is gone from the outbox; the recipient answers that it never held it."""
    site = offered_site
    site.withdraw(site.agreed[0], days=1)
    out = site.lay_out(days=2)
    mine = site.recipient(days=2)
    pulled = mine.pull(mine.outbox(str(out)))
    assert (pulled.packages, len(pulled.orders)) == ((), 1)
    assert mine.obey()[0]["deleted"] == 0
    assert site.answered() == [None]
    assert _state(site, days=5) == "acknowledged"


def test_an_offer_waits_for_a_key(tmp_path: Path, offered_site: Site) -> None:
    """Without a registered key nothing lies there; a recall then is withheld and nobody waits."""
    from byleave.wiring.recipient import make_recipient

    site = offered_site
    with site.open(hours=1) as ws:
        made = ws.disclosure.offer("messages", PROVIDER.replace("host", "logs"))
        trust = ws.places.trust.read_bytes()
        new = make_recipient(tmp_path / "new", "provider.new", trust)
        assert new.recipient == "provider.new"
        listed = [item["name"] for item in ws.disclosure.listing("provider.new")["packages"]]
        assert listed == []
        assert ws.disclosure.status()[-1]["made_up"] is True
        assert made.disclosure == "package-2"
        with pytest.raises(RefusedError) as error:
            ws.disclosure.registration("provider.new")
        assert error.value.code == "disclosure.unregistered"


def test_a_whole_package_can_be_recalled(held_site: Site) -> None:
    """`recall NAME` calls every row back; what is left is an empty copy with a root of its own."""
    site = held_site
    with site.open(days=1) as ws:
        assert ws.disclosure.recall(site.package, days=2) == [site.package]
        assert ws.disclosure.recall(site.package) == []
    assert site.answered() == [None]
    (held,) = site.recipient(days=4).held()
    assert (held.rows, held.waiting) == (0, 0)
    assert pq.read_table(held.path).num_rows == 0


def test_answers_twice_change_nothing(held_site: Site) -> None:
    """The same delivery and the same answer, sent again, are taken as what they are."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    assert site.answered() == [None]
    sent = site.root / "host" / "sent"
    with site.open(days=5) as ws:
        size = ws.ledger.size()
        again = ws.disclosure.receive(sorted(p for p in sent.iterdir()))
        assert [taken["again"] for _, taken, _ in again if taken] == [True, True]
        assert ws.ledger.size() == size


def test_the_copy_s_root_is_the_statement_s(held_site: Site) -> None:
    """The root that the recipient states is the one of the rows that are on its disk."""
    site = held_site
    site.withdraw(site.agreed[0], days=1)
    site.answered()
    (held,) = site.recipient(days=4).held()
    state = json.loads((held.path.parent / "state.json").read_bytes())
    with site.open(read_only=True, days=5) as ws:
        parcel = ws.house.ledger.objects("parcel")[0][3]
        (answer,) = [d for _, _, _, d in ws.house.ledger.objects("acknowledgement")]
    rows = RowMap.of(pq.read_table(held.path), k=parcel["header"]["k"])
    assert rows.root.hex() == state["root"] == answer["after"]
