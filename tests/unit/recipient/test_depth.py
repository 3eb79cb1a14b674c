"""What a member's page says of what left the platform."""

from __future__ import annotations

from tests.recipients import HOST, Site
from tests.unit.service.small import PROVIDER


def _depth(site: Site, member: str, **later: float) -> dict[str, object]:
    with site.open(read_only=True, **later) as ws:
        depths = ws.member.answer(member)["withdrawals"][0]["depths"]
    (row,) = [d for d in depths if d["depth"] == "recalled"]
    return dict(row)


def test_recalled_is_waiting_then_done(held_site: Site) -> None:
    """Recalled reads waiting with its deadline, then done with the instant of the answer."""
    site, member = held_site, held_site.agreed[0]
    site.withdraw(member, days=1)
    waiting = _depth(site, member, days=2)
    assert (waiting["state"], waiting["done"], waiting["total"]) == ("waiting", 0, 1)
    assert waiting["due"] == "2024-07-16T00:00:00Z"
    assert _depth(site, member, days=14)["state"] == "overdue"
    assert site.answered() == [None]
    done = _depth(site, member, days=14)
    assert (done["state"], done["done"], done["objects"]) == ("done", 1, [HOST])
    assert done["at"] == "2024-07-06T00:00:00Z"


def test_a_withdrawal_of_another_use_recalls_nothing(held_site: Site) -> None:
    """A withdrawal for the platform alone concerns no package: not needed."""
    site, member = held_site, held_site.agreed[0]
    with site.open(days=1) as ws:
        ws.consent.withdraw(member, "train.generative.replies/messages/platform")
        ws.withdrawal.run()
    assert _depth(site, member, days=2) == {"depth": "recalled", "state": "not-needed"}


def test_every_package_has_to_be_answered_for(held_site: Site) -> None:
    """With a second package that holds their rows, one answer of two is none of the depth."""
    site, member = held_site, held_site.agreed[0]
    with site.open(hours=5) as ws:
        ws.disclosure.offer("messages", PROVIDER)
    site.withdraw(member, days=1)
    row = _depth(site, member, days=2)
    assert (row["state"], row["done"], row["total"]) == ("waiting", 0, 2)


def test_an_offer_is_no_delivery(site: Site, delivered: Site) -> None:
    """The timeline says delivered once the recipient signed for it, and not when it was offered."""
    for place, wanted in ((site, []), (delivered, [HOST])):
        with place.open(read_only=True, hours=4) as ws:
            timeline = ws.member.answer(place.agreed[0])["timeline"]
        assert [item["who"] for item in timeline if item["kind"] == "delivered"] == wanted
