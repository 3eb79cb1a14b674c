"""Asking in context (M6): once, "not now" is no answer, changed uses ask again, a no never does."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.client import Client
from byleave.errors import InputError
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.wiring.admission import SCOPES, Admission
from byleave.wiring.config import Places, read_config
from tests.portal.api_site import NOTICE, SITE, USE, Site
from tests.portal.test_client import ThroughTestClient

OTHERS = "train.ranking.jobs/profile.skills/platform"
GERMAN = "Dürfen wir Ihre Nachrichten nutzen, um Antworten vorzuschlagen?\n( ) Ja  ( ) Nein\n"


TAXONOMY = """\
taxonomy: v1
version: small-1
recipients:
  third-party.shop:
    sentence: A shop of a test, for its own ends.
    phrase: a shop, for its own ends
    since: small-1
"""


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Timed(Site):
    """A site whose clock a test moves."""

    clock: Clock

    def token(self, *scopes: str, **more: Any) -> dict[str, str]:
        """Headers of a new API token, made by this clock."""
        with (
            byleave.open(self.path, read_only=True, now=self.clock) as ws,
            Admission(ws) as admission,
        ):
            name, why = f"t{next(self.keys)}", "shows members their own data"
            secret = admission.make_token(name, frozenset(scopes or SCOPES), reason=why)
        return {"authorization": f"Bearer {secret}"}

    def link(self, role: str, who: str) -> str:
        """Path of a new one-time link, made by this clock."""
        with (
            byleave.open(self.path, read_only=True, now=self.clock) as ws,
            Admission(ws) as admission,
        ):
            return f"/in/{admission.make_link(role, who)}"

    def ask(self, tokens: dict[str, str], member: str = "m-1", **more: Any) -> dict[str, Any]:
        """Ask at the moment of use; a token of long ago is made anew."""
        body = {"member": member, "notice": "ask-1", **more}
        answer = self.post("/api/v1/asks", body, tokens)
        if answer.status_code == 401:
            tokens.update(self.token())
            answer = self.post("/api/v1/asks", body, tokens)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def later(self, **time: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(**time)

    def events(self, member: str = "m-1") -> int:
        """How many choices of a member the ledger holds."""
        with byleave.open(self.path, read_only=True) as ws:
            return len(ws.consent.history(member))


@contextmanager
def timed(path: Path, *, settings: str = "") -> Iterator[Timed]:
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    with byleave.create(path, now=clock, taxonomy=TAXONOMY) as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE], family="replies")
        ws.policy.publish_notice(
            GERMAN, notice="ask-de", asks=[USE], family="replies", language="de"
        )
    config = path / "byleave.toml"
    config.write_text(config.read_text("utf-8") + settings, "utf-8")
    with byleave.open(path, read_only=True, now=clock) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            yield Timed(path=path, http=http, keys=itertools.count(), clock=clock)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Timed]:
    with timed(tmp_path / "ws") as made:
        yield made


@pytest.fixture
def tokens(site: Timed) -> dict[str, str]:
    return site.token()


def test_a_question_is_asked_once(site: Timed, tokens: dict[str, str]) -> None:
    """Whatever comes of it, a question that was shown is not shown again for 180 days, then once."""
    first = site.ask(tokens)
    assert (first["ask"], first["because"], first["text"]) == (True, "undecided", NOTICE)
    assert first["uses"] == [USE]
    again = site.ask(tokens)
    assert (again["ask"], again["because"], again["token"]) == (False, "put-off", None)
    site.later(days=180, seconds=-1)
    assert not site.ask(tokens)["ask"]
    site.later(seconds=1)
    assert site.ask(tokens)["ask"]
    assert not site.ask(tokens)["ask"]
    assert site.ask(tokens, "m-2")["ask"], "somebody else was not asked"


def test_looking_whether_one_may_ask_asks_nothing(site: Timed, tokens: dict[str, str]) -> None:
    """`GET` tells as often as it is asked, by notice, family or use, and remembers nothing."""
    for about in ({"notice": "ask-1"}, {"notice": "replies"}, {"use": USE}):
        asked = {"member": "m-1", **about}
        found = site.http.get("/api/v1/asks", params=asked, headers=tokens).json()
        assert (found["ask"], found["question"], found["notice"]) == (True, "replies", "ask-1")


def test_not_now_is_no_answer(site: Timed, tokens: dict[str, str]) -> None:
    """A "not now" leaves no event and no log entry, nothing is allowed, and the date is told."""
    site.ask(tokens)
    with byleave.open(site.path, read_only=True) as ws:
        size = ws.ledger.size()
    site.later(days=3)
    body = {"member": "m-1", "notice": "ask-1"}
    put_off = site.post("/api/v1/asks/not-now", body, tokens).json()
    until = datetime.fromisoformat(put_off["again"])
    assert (put_off["ask"], put_off["because"]) == (False, "put-off")
    assert until == site.clock.now + timedelta(days=180)
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.ledger.size() == size
        assert ws.consent.history("m-1") == []
    ask = {"member": "m-1", "use": USE}
    decided = site.http.get("/api/v1/decision", params=ask, headers=tokens).json()
    assert (decided["allowed"], decided["because"]) == (False, "no-grant")


def test_changed_uses_ask_again(site: Timed, tokens: dict[str, str]) -> None:
    """A use added to the question asks again at once; the same, or fewer, do not."""
    with byleave.open(site.path, now=site.clock) as ws:
        both = "May we use messages and skills?\n( ) Yes ( ) No\n( ) Yes ( ) No\n"
        ws.policy.publish_notice(both, notice="ask-2", asks=[USE, OTHERS], family="more")
    assert site.ask(tokens, notice="more")["ask"]
    with byleave.open(site.path, now=site.clock) as ws:
        text = "May we use your messages?\n( ) Yes ( ) No\n"
        ws.policy.publish_notice(text, notice="ask-3", asks=[USE], family="more")
    assert not site.ask(tokens, notice="more")["ask"], "fewer uses are no new question"
    site.ask(tokens, notice="replies")
    with byleave.open(site.path, now=site.clock) as ws:
        ws.policy.publish_notice(both, notice="ask-4", asks=[USE, OTHERS], family="replies")
    found = site.ask(tokens, notice="replies")
    assert (found["ask"], found["because"]) == (True, "uses-changed")
    assert not site.ask(tokens, notice="replies")["ask"]


@pytest.mark.parametrize("kind", ["refuse", "withdraw", "object"])
def test_a_no_is_never_asked_again(site: Timed, tokens: dict[str, str], kind: str) -> None:
    """A refusal, a withdrawal and an objection are not asked about again, however late it is."""
    if kind == "withdraw":
        site.post("/api/v1/choices", site.grant("m-1"), tokens)
    choice = {"member": "m-1", "kind": kind, "scope": USE}
    site.post("/api/v1/choices", {"choices": [choice]}, tokens)
    for days in (0, 181, 2_000):
        site.later(days=days)
        found = site.ask(tokens)
        assert (found["ask"], found["because"], found["again"]) == (False, "refused", None)


def test_a_browsers_signal_is_such_a_no(site: Timed, tokens: dict[str, str]) -> None:
    """What `Sec-GPC` refused is not asked about in context."""
    third = "train.generative.replies/messages.direct/third-party.shop"
    with byleave.open(site.path, now=site.clock) as ws:
        ws.policy.publish_notice("May others?\n( ) Yes ( ) No\n", notice="o-1", asks=[third])
    assert site.ask(tokens, notice="o-1")["ask"]
    site.signed_in("member", "m-1").get("/me", headers={"sec-gpc": "1"})
    site.later(days=400)
    assert site.ask(tokens, notice="o-1")["because"] == "refused"


def test_only_what_is_open_is_asked(site: Timed, tokens: dict[str, str]) -> None:
    """Of a question with a line refused the others are asked, and the page offers these alone."""
    with byleave.open(site.path, now=site.clock) as ws:
        both = "May we use messages and skills?\n( ) Yes ( ) No\n( ) Yes ( ) No\n"
        ws.policy.publish_notice(both, notice="both-1", asks=[USE, OTHERS])
    choice = {"member": "m-1", "kind": "refuse", "scope": USE}
    site.post("/api/v1/choices", {"choices": [choice]}, tokens)
    assert site.ask(tokens, notice="both-1")["uses"] == [OTHERS]
    page = site.signed_in("member", "m-1").get("/me/ask/both-1").text
    assert 'name="row-2"' in page
    assert 'name="row-1"' not in page
    assert "You said no on" in page


def test_a_yes_is_not_asked_again_until_it_lapses(site: Timed, tokens: dict[str, str]) -> None:
    """Whoever agreed is not asked; once the yes has run out, they may be."""
    end = (site.clock.now + timedelta(days=30)).isoformat()
    site.post("/api/v1/choices", site.grant("m-1", expires=end), tokens)
    assert site.ask(tokens)["because"] == "answered"
    site.later(days=31)
    assert site.ask(tokens)["ask"]


def test_the_setting_is_the_operators(tmp_path: Path) -> None:
    """`ask_again_days` says how long; what is no number of days stops the workspace from opening."""
    path = tmp_path / "ws"
    with timed(path, settings="[portal]\nask_again_days = 10\n") as site:
        tokens = site.token()
        site.ask(tokens)
        site.later(days=10, seconds=-1)
        assert not site.ask(tokens)["ask"]
        site.later(seconds=1)
        assert site.ask(tokens)["ask"]
        assert "for 10 days" in site.signed_in("member", "m-2").get("/me/ask/replies").text
    places = Places(path)
    config = read_config(places)
    config.write(places)
    assert read_config(places) == config
    text = places.config.read_text("utf-8")
    for wrong in ("0", "-1", "3651", "true", '"180"', "1.5"):
        places.config.write_text(
            text.replace("ask_again_days = 10", f"ask_again_days = {wrong}"), "utf-8"
        )
        with pytest.raises(InputError, match="ask_again_days"):
            read_config(places)


def form_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(form|token)" value="([^"]*)"', page))


def test_the_page_asks_and_takes_not_now(site: Timed, tokens: dict[str, str]) -> None:
    """By a link the page shows the exact text; "not now" ends it, and says until when."""
    url = site.ask(tokens, link=True)["url"].removeprefix(SITE)
    browser = TestClient(site.http.app, follow_redirects=False)
    offered = browser.get(url).text
    action = re.search(r'action="([^"]+)"', offered)
    assert action is not None
    entered = browser.post(action[1].replace("&amp;", "&"), headers={"origin": SITE})
    assert entered.headers["location"] == "/me/ask/replies"
    page = browser.get("/me/ask/replies").text
    assert NOTICE.strip().splitlines()[0] in page
    assert "checked" not in page
    sent = {"form": form_of(page)["form"]}
    done = browser.post("/me/ask/replies/not-now", data=sent, headers={"origin": SITE})
    assert (done.status_code, done.headers["location"]) == (303, "/me/ask/replies")
    after = browser.get("/me/ask/replies").text
    assert "You said “not now” on" in after
    assert "radio" not in after
    assert site.events() == 0
    assert site.ask(tokens)["because"] == "put-off"


def test_the_page_takes_an_answer(site: Timed) -> None:
    """Yes or no on the page is a choice like one in the settings; afterwards it asks nothing."""
    browser = site.signed_in("member", "m-1")
    fields = form_of(browser.get("/me/ask/replies").text)
    done = browser.post(
        "/me/settings/ask-1", data={**fields, "row-1": "no"}, headers={"origin": SITE}
    )
    assert done.headers["location"].startswith("/me/choices/")
    assert "You said no. We do not ask again." in browser.get("/me/ask/replies").text
    found = browser.get("/me/ask/replies.json").json()["ask"]
    assert (found["shown"], found["because"], found["question"]["token"]) == (
        False,
        "refused",
        None,
    )


def test_the_page_in_german(site: Timed) -> None:
    """In German the page shows the German text, and no other language."""
    browser = site.signed_in("member", "m-1")
    page = browser.get("/me/ask/replies", headers={"accept-language": "de"}).text
    assert "Jetzt nicht" in page
    assert "Dürfen wir Ihre Nachrichten nutzen" in page
    assert "May we use" not in page


def test_a_question_left_open_is_not_shown_again_the_day_after(
    site: Timed, tokens: dict[str, str]
) -> None:
    """A page that was closed without an answer asks for a day, and then not until the time is over."""
    site.ask(tokens)
    browser = site.signed_in("member", "m-1")
    assert "radio" in browser.get("/me/ask/replies").text
    site.later(hours=11)
    assert "radio" in browser.get("/me/ask/replies").text
    site.later(days=2)
    closed = site.signed_in("member", "m-1").get("/me/ask/replies").text
    assert "radio" not in closed
    assert "gave no answer" in closed


def test_unknown_and_preset_questions_are_none(site: Timed, tokens: dict[str, str]) -> None:
    """A question nobody published, or whose control was on already, is no question (404)."""
    with byleave.open(site.path, now=site.clock) as ws:
        ws.policy.publish_notice("On: [x]\n", notice="on-1", asks=[OTHERS], control="on")
    for about in ({"notice": "none"}, {"notice": "on-1"}, {"use": OTHERS}):
        answer = site.http.get("/api/v1/asks", params={"member": "m-1", **about}, headers=tokens)
        assert (answer.status_code, answer.json()["code"]) == (404, "consent.notice-unknown")
    for wrong in ({}, {"notice": "ask-1", "use": USE}):
        answer = site.http.get("/api/v1/asks", params={"member": "m-1", **wrong}, headers=tokens)
        assert answer.status_code == 400
    assert site.signed_in("member", "m-1").get("/me/ask/none").status_code == 404


def test_a_link_needs_the_right_to_make_links(site: Timed) -> None:
    """A token that may ask but not make links gets text and token, and no way in."""
    only = site.token("notice.write")
    refused = site.post("/api/v1/asks", {"member": "m-1", "notice": "ask-1", "link": True}, only)
    assert (refused.status_code, refused.json()["code"]) == (403, "api.scope")
    assert site.ask(only)["ask"], "what was refused is not remembered"


@pytest.mark.parametrize("name", ["../me", "//evil", "a%2Fb", "a:b", "", "x" * 200])
def test_a_link_leads_nowhere_else(site: Timed, name: str) -> None:
    """Of a link's address nothing but the name of a question leads anywhere."""
    link = site.link("member", "m-1")
    browser = TestClient(site.http.app, follow_redirects=False)
    entered = browser.post(link, params={"to": "ask", "notice": name}, headers={"origin": SITE})
    assert entered.headers["location"] == "/me"


def test_it_is_kept_by_ordinal_and_forgotten_with_the_member(
    site: Timed, tokens: dict[str, str]
) -> None:
    """No member's id is in the file; the export shows it; an erasure takes it away."""
    site.ask(tokens)
    assert b"m-1" not in (site.path / "desk.sqlite").read_bytes()
    own = site.signed_in("member", "m-1").get("/me/export.zip").content
    [asked] = json.loads(zipfile.ZipFile(BytesIO(own)).read("asked.json"))
    assert (asked["question"], asked["uses"], asked["not_now"]) == ("replies", [USE], False)
    with byleave.open(site.path, now=site.clock) as ws:
        ws.member.erase(["m-1"])
    file = sqlite3.connect(site.path / "desk.sqlite")
    assert file.execute("SELECT count(*) FROM asked").fetchone() == (0,)
    file.close()


def test_the_client_asks(site: Timed) -> None:
    """The typed client asks, is told no the second time, and says that it was put off."""
    secret = site.token()["authorization"].removeprefix("Bearer ")
    with Client(SITE, token=secret, transport=ThroughTestClient(site)) as api:
        assert api.may_ask("m-1", use=USE).ask
        first = api.ask("m-1", use=USE)
        assert first.text == NOTICE
        assert not api.ask("m-1", use=USE).ask
        assert api.not_now("m-1", notice="replies").again is not None
        assert api.ask("m-2", notice="replies", link=True).url is not None
