"""`Sec-GPC` of a signed-in member: a no once, a later yes stands, and the page says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.consent.event import ConsentEvent, EventKind
from byleave.pages.link import link_token
from byleave.portal.access import Access, Role
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.service.browser_signal import signal_facts
from tests.portal.api_site import SITE, Site, site_at

OTHERS = "train.generative.replies/messages.direct/third-party.shop"
OWN = "train.generative.replies/messages.direct/platform"
GPC = {"sec-gpc": "1"}


TAXONOMY = """\
taxonomy: v1
version: small-1
recipients:
  third-party.shop:
    sentence: A shop of a test, for its own ends.
    phrase: a shop, for its own ends
    since: small-1
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws", taxonomy=TAXONOMY) as made:
        yield made


def others(site: Site) -> str:
    """A use by others, and a notice that asks for it."""
    with byleave.open(site.path) as ws:
        text = "May others train?\n( ) Yes ( ) No\n"
        ws.policy.publish_notice(text, notice="ask-2", asks=[OTHERS])
    return OTHERS


def events(site: Site, member: str = "m-1") -> list[ConsentEvent]:
    with byleave.open(site.path, read_only=True) as ws:
        return ws.consent.history(member)


def allowed(site: Site, use: str) -> bool:
    tokens = site.token("decision.read")
    ask = {"member": "m-1", "use": use}
    return bool(site.http.get("/api/v1/decision", params=ask, headers=tokens).json()["allowed"])


def say(site: Site, kind: str, use: str, notice: str = "ask-2", **more: object) -> None:
    choice = {"member": "m-1", "kind": kind, "scope": use, **more}
    choice |= {"notice": notice} if kind == "grant" else {}
    made = site.post("/api/v1/choices", {"choices": [choice]}, site.token("consent.write"))
    assert made.status_code == 201, made.text


def test_a_browsers_signal_is_recorded_once_and_shown(site: Site) -> None:
    """However many pages a browser asks for, its signal is one refusal, logged, dated on the page."""
    browser = site.signed_in("member", "m-1")
    assert "Your browser" not in browser.get("/me/settings").text
    for path in ("/me/settings", "/me", "/me/settings.json", "/api/v1/choices"):
        assert browser.get(path, headers=GPC).status_code == 200
    [event] = events(site)
    assert (event.kind, str(event.scope), event.channel) == (
        EventKind.REFUSAL,
        "*/*/third-party",
        "signal:gpc",
    )
    page = browser.get("/me/settings").text
    assert "your browser told us not to sell or share your data" in page
    assert f'href="/me/choices/{event.index}"' in page
    assert browser.get(f"/me/choices/{event.index}").status_code == 200
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.fsck() == []


def test_the_page_that_brings_the_signal_shows_it(site: Site) -> None:
    """The signal is recorded before the page is made, not after."""
    page = site.signed_in("member", "m-1").get("/me/settings", headers=GPC).text
    assert "Your browser said no for you" in page


def test_it_is_shown_in_the_readers_language(site: Site) -> None:
    """In German the page says it in German."""
    browser = site.signed_in("member", "m-1")
    page = browser.get("/me/settings", headers={**GPC, "accept-language": "de"}).text
    assert "Ihr Browser hat für Sie Nein gesagt" in page


def test_the_api_takes_the_signal_too(site: Site) -> None:
    """A session's request to the API that carries the signal records it before it is answered."""
    found = site.signed_in("member", "m-1").get("/api/v1/choices", headers=GPC).json()["items"]
    assert [event["channel"] for event in found] == ["signal:gpc"]


def test_a_yes_given_before_is_undone(site: Site) -> None:
    """A yes to others, given before a browser first sent its signal, counts no more (§ 7025(c)(3))."""
    use = others(site)
    say(site, "grant", use)
    assert allowed(site, use)
    site.signed_in("member", "m-1").get("/me", headers=GPC)
    assert not allowed(site, use)


def test_a_yes_given_after_it_stands(site: Site) -> None:
    """A yes said after the signal stands, though the browser sends it with every request."""
    use = others(site)
    browser = site.signed_in("member", "m-1")
    browser.get("/me", headers=GPC)
    say(site, "grant", use)
    again = site.signed_in("member", "m-1")
    page = again.get("/me/settings", headers=GPC).text
    assert allowed(site, use)
    assert len(events(site)) == 2
    assert "Your yes counts for that use." in page


def test_it_says_nothing_of_the_platforms_own_use(site: Site) -> None:
    """A yes for the platform itself is not touched by the signal."""
    say(site, "grant", OWN, notice="ask-1")
    site.signed_in("member", "m-1").get("/me", headers=GPC)
    assert allowed(site, OWN)


@pytest.mark.parametrize("value", ["0", "", "true", "1, 1", "yes"])
def test_only_one_is_a_signal(site: Site, value: str) -> None:
    """Any value but 1 is as if it were not there."""
    site.signed_in("member", "m-1").get("/me", headers={"sec-gpc": value})
    assert events(site) == []


def private_link(site: Site, member: str, *, days: int = 1) -> str:
    """Address of a member's read-only page."""
    with byleave.open(site.path, read_only=True) as ws:
        ordinal = ws.member.ordinal(member)
        end = datetime.now(UTC) + timedelta(days=days)
        return f"/m/{link_token(ws.portal_key(), ordinal, end)}"


@pytest.mark.parametrize("page", ["", ".json", "/receipt", "/receipt.json", "/receipt.jsonld"])
def test_a_read_only_link_takes_the_signal(site: Site, page: str) -> None:
    """Whatever a member reads by their link, the signal of their browser is recorded, once."""
    link = private_link(site, "m-1")
    site.http.get(link + page, headers=GPC)
    site.http.get(link, headers=GPC)
    assert [e.channel for e in events(site, "m-1")] == ["signal:gpc"]
    assert events(site, "m-2") == []


def test_a_question_by_a_link_takes_the_signal(site: Site) -> None:
    """A question for suggestions that comes by a member's link records the signal too."""
    link = private_link(site, "m-1")
    site.http.post(f"{link}/releases/none/suggest", json={}, headers=GPC)
    assert len(events(site)) == 1


def test_the_page_behind_a_link_shows_the_signal(site: Site) -> None:
    """The signal is recorded before the page behind a link is made, not after."""
    made = site.http.get(private_link(site, "m-1") + ".json", headers=GPC).json()["member"]
    assert [choice["channel"] for choice in made["choices"]] == ["signal:gpc"]


def test_a_link_that_is_over_or_changed_speaks_for_nobody(site: Site) -> None:
    """A link that has run out, or was changed, records nothing."""
    over, good = private_link(site, "m-1", days=-1), private_link(site, "m-1")
    changed = good[:-1] + ("A" if good[-1] != "A" else "B")
    assert site.http.get(over, headers=GPC).status_code == 410
    assert site.http.get(changed, headers=GPC).status_code == 404
    assert events(site) == []


def test_the_request_that_signs_in_takes_the_signal(site: Site) -> None:
    """The signal of the request that uses a one-time link up is recorded; of one that looks, not."""
    link = site.link("member", "m-1")
    site.http.get(link, headers=GPC)
    assert events(site) == []
    browser = TestClient(site.http.app, follow_redirects=False)
    assert browser.post(link, headers={"origin": SITE, **GPC}).status_code == 303
    assert [e.channel for e in events(site)] == ["signal:gpc"]


def test_every_way_in_of_a_member_takes_the_signal(site: Site) -> None:
    """Each route that a member may read, by a session or by a link, is one that records it."""
    table = site.http.app.state.routes.table  # type: ignore[attr-defined]
    own = [(m, p) for (m, p), access in table.items() if access.link or _is_members(access)]
    ways = {p for m, p in own if m == "GET" and "{" not in p.replace("{token}", "")}
    assert {"/me", "/m/{token}", "/me/settings", "/api/v1/choices"} <= ways
    with byleave.open(site.path) as ws:
        ws.member.enrol([f"w-{i}" for i in range(len(ways))])
    for number, way in enumerate(sorted(ways)):
        who = f"w-{number}"
        token = private_link(site, who).removeprefix("/m/")
        browser = site.http if "{token}" in way else site.signed_in("member", who)
        browser.get(way.replace("{token}", token), headers=GPC)
        assert [e.channel for e in events(site, who)] == ["signal:gpc"], way


def _is_members(access: Access) -> bool:
    return Role.MEMBER in access.roles


def test_nobody_else_speaks_for_a_member(site: Site) -> None:
    """An operator's browser, a program, a refused request and a stranger record nothing."""
    site.signed_in("operator", "alex").get("/house", headers=GPC)
    site.signed_in("member", "m-2").get("/house", headers=GPC)
    site.http.get("/", headers=GPC)
    tokens = site.token("consent.read")
    site.http.get("/api/v1/choices", params={"member": "m-1"}, headers={**tokens, **GPC})
    assert events(site) == []


def test_a_signal_that_cannot_be_recorded_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the ledger is busy the page comes all the same, and the next one records the signal."""
    from byleave.errors import ConflictError
    from byleave.portal.writer import Writer

    async def busy(*_: object) -> None:
        raise ConflictError("busy", code="workspace.busy")

    browser = site.signed_in("member", "m-1")
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "act", busy)
        assert browser.get("/me", headers=GPC).status_code == 200
    assert events(site) == []
    browser.get("/me", headers=GPC)
    assert len(events(site)) == 1


def test_the_ledger_is_asked_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member's ledger is read for the signal once a day, whatever their browser asks for."""
    import itertools

    from byleave.wiring.consent_nouns import Consents

    clock = {"now": datetime.now(UTC)}
    asked: list[str] = []
    known = Consents.browser_signal_due

    def counted(self: Consents, member: str) -> bool:
        asked.append(member)
        return known(self, member)

    monkeypatch.setattr(Consents, "browser_signal_due", counted)
    path = tmp_path / "ws"
    with byleave.create(path) as ws:
        ws.member.enrol(["m-1"])
    with byleave.open(path, read_only=True, now=lambda: clock["now"]) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            site = Site(path, http, itertools.count())
            for _ in range(3):
                browser = TestClient(app, follow_redirects=False)
                link = f"/in/{desk.admission.make_link('member', 'm-1')}"
                assert browser.post(link, headers={"origin": SITE}).status_code == 303
                browser.get("/me", headers=GPC)
                browser.get("/me", headers=GPC)
                clock["now"] += timedelta(days=1)
    assert len(asked) == 3
    assert len(events(site)) == 1


def test_the_site_says_that_it_abides(site: Site) -> None:
    """`/.well-known/gpc.json` says so, in the form of the draft."""
    answer = site.http.get("/.well-known/gpc.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"gpc": True, "lastUpdate": "2026-11-22"}


def _event(index: int, kind: EventKind, scope: str, hour: int, **more: object) -> ConsentEvent:
    from byleave.policy.scope import Scope

    at = datetime(2026, 1, 1, hour, tzinfo=UTC)
    fields = {"effective": at, "recorded": at, "channel": "portal", **more}
    return ConsentEvent(
        member="m-1",  # type: ignore[arg-type]
        index=index,  # type: ignore[arg-type]
        kind=kind,
        scope=Scope.parse(scope),
        **fields,  # type: ignore[arg-type]
    )


def test_only_a_yes_to_others_after_the_signal_sets_it_aside() -> None:
    """A yes to the platform, a yes before, and one said before and imported after leave it whole."""
    early = datetime(2025, 1, 1, tzinfo=UTC)
    signal = _event(5, EventKind.REFUSAL, "*/*/third-party", 12, channel="signal:gpc")
    for other, aside in [
        (_event(6, EventKind.GRANT, "train/posts/third-party", 13), True),
        (_event(6, EventKind.GRANT, "train/*/*", 13), True),
        (_event(6, EventKind.GRANT, "train/posts/platform", 13), False),
        (_event(6, EventKind.WITHDRAWAL, "train/posts/third-party", 13), False),
        (_event(4, EventKind.GRANT, "train/posts/third-party", 11), False),
        (_event(6, EventKind.GRANT, "train/posts/third-party", 13, original=early), False),
    ]:
        history = sorted([signal, other], key=lambda event: event.index)
        facts = signal_facts(history)
        assert facts is not None
        assert facts["yes_since"] is aside
    assert signal_facts([other]) is None
