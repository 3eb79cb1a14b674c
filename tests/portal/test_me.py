"""The signed-in member's pages: asking, saving, stopping, and the record of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.consent.event import EventKind
from byleave.pages.link import link_token
from byleave.verify import verify
from tests.portal.api_site import NOTICE, SITE, USE, Site, site_at

OURS = {"origin": SITE}


def found(pattern: str, text: str, flags: re.RegexFlag = re.NOFLAG) -> str:
    """The first group of the one match there is."""
    match = re.search(pattern, text, flags)
    assert match is not None, pattern
    return match[1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    form = page.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def save(browser: TestClient, **answers: str) -> str:
    """Open the settings, answer, and return where the save leads."""
    page = browser.get("/me/settings").text
    sent = {**fields(page, "/me/settings/ask-1"), **answers}
    answer = browser.post("/me/settings/ask-1", data=sent, headers=OURS)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_nothing_is_chosen_before_a_member_chooses(site: Site) -> None:
    """M4: on a first visit no answer is chosen, and the state is said in words."""
    page = site.signed_in("member", "m-1").get("/me/settings").text
    assert " checked" not in page
    assert "You have not decided. Until you say yes, we do not use this." in page


def test_the_text_on_the_page_is_the_text_that_is_recorded(site: Site) -> None:
    """M3, M12: the bytes shown are those whose digest the notice was published with."""
    browser = site.signed_in("member", "m-1")
    page = browser.get("/me/settings").text
    shown = unescape(found(r'<pre class="notice"[^>]*>(.*?)</pre>', page, re.DOTALL))
    assert shown == NOTICE
    save(browser, **{"row-1": "yes"})
    with byleave.open(site.path, read_only=True) as ws:
        [event] = ws.consent.history("m-1")
        assert event.notice == "ask-1"
        assert event.grade.name == "BYTES"


def test_a_yes_is_for_what_comes_unless_older_data_is_chosen(site: Site) -> None:
    """A yes with no choice about older data covers only what comes after it."""
    browser = site.signed_in("member", "m-1")
    save(browser, **{"row-1": "yes"})
    save(browser, **{"row-1": "yes", "past": "before"})
    with byleave.open(site.path, read_only=True) as ws:
        assert [e.includes_past for e in ws.consent.history("m-1")] == [False, True]


def test_agreeing_and_withdrawing_take_as_many_steps(site: Site) -> None:
    """M15: a yes and a withdrawal each take one page, one answer and one button."""
    browser = site.signed_in("member", "m-1")
    yes = save(browser, **{"row-1": "yes"})
    no = save(browser, **{"row-1": "no"})
    for place, words in [(yes, "You said yes."), (no, "You stopped this.")]:
        page = browser.get(place)
        assert page.status_code == 200
        assert words in page.text
    with byleave.open(site.path, read_only=True) as ws:
        kinds = [e.kind for e in ws.consent.history("m-1")]
        assert kinds == [EventKind.GRANT, EventKind.WITHDRAWAL]


def test_a_first_no_is_a_refusal_and_saving_it_again_changes_nothing(site: Site) -> None:
    """A no where nothing was decided is a refusal; the same answer again records nothing."""
    browser = site.signed_in("member", "m-1")
    save(browser, **{"row-1": "no"})
    assert save(browser, **{"row-1": "no"}) == "/me/settings"
    assert save(browser) == "/me/settings"
    with byleave.open(site.path, read_only=True) as ws:
        assert [e.kind for e in ws.consent.history("m-1")] == [EventKind.REFUSAL]


def test_saying_no_to_everything_stops_each_yes(site: Site) -> None:
    """One button withdraws each yes and refuses what was not decided; the gate then refuses."""
    browser = site.signed_in("member", "m-1")
    save(browser, **{"row-1": "yes"})
    page = browser.get("/me/settings").text
    sent = fields(page, "/me/stop")
    assert browser.post("/me/stop", data=sent, headers=OURS).status_code == 303
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.consent.choices("m-1", USE).reason.word == "withdrawn"
    assert "You said no on" in browser.get("/me/settings").text


def test_the_record_has_a_proof_that_checks(site: Site) -> None:
    """The proof behind a saved choice verifies against the trust file, offline."""
    browser = site.signed_in("member", "m-1")
    place = save(browser, **{"row-1": "yes"})
    link = found(r'href="(/me/proofs/[^"]+)"', browser.get(place).text)
    proof, trust = browser.get(link).content, (site.path / "trust.policy").read_bytes()
    assert verify(proof, trust).ok
    assert not verify(proof[:-1] + bytes([proof[-1] ^ 1]), trust).ok


def test_a_record_is_its_members_alone(site: Site) -> None:
    """Another member cannot open a choice's record, its twin or its proof."""
    mine, other = site.signed_in("member", "m-1"), site.signed_in("member", "m-2")
    place = save(mine, **{"row-1": "yes"})
    index = place.rpartition("/")[2]
    for path in (place, f"{place}.json", f"/me/proofs/event-{index}.proof"):
        assert mine.get(path).status_code == 200
        assert other.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "answers",
    [{"row-2": "yes"}, {"row-0": "yes"}, {"row-1": "maybe"}, {"past": "always"}, {"form": ""}],
)
def test_a_form_that_was_tampered_with_changes_nothing(site: Site, answers: dict[str, str]) -> None:
    """A form with an unknown line, an unknown answer or another session's secret is refused."""
    browser = site.signed_in("member", "m-1")
    sent = {**fields(browser.get("/me/settings").text, "/me/settings/ask-1"), **answers}
    assert browser.post("/me/settings/ask-1", data=sent, headers=OURS).status_code in {400, 403}
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.consent.history("m-1") == []


def test_one_page_view_answers_once(site: Site) -> None:
    """A form sent twice records once: its token is used up."""
    browser = site.signed_in("member", "m-1")
    sent = fields(browser.get("/me/settings").text, "/me/settings/ask-1")
    first = browser.post("/me/settings/ask-1", data={**sent, "row-1": "yes"}, headers=OURS)
    again = browser.post("/me/settings/ask-1", data={**sent, "row-1": "no"}, headers=OURS)
    assert (first.status_code, again.status_code) == (303, 403)


def test_twins_tell_what_their_pages_tell(site: Site) -> None:
    """O2: settings and records have a JSON twin with the same facts, and without form secrets."""
    browser = site.signed_in("member", "m-1")
    place = save(browser, **{"row-1": "yes", "past": "before"})
    twin = browser.get("/me/settings.json").json()
    [question] = twin["settings"]["questions"]
    assert question["token"] is None
    assert question["rows"][0]["state"] == "yes"
    assert question["rows"][0]["includes_past"]
    assert browser.get(f"{place}.json").json()["choice"]["scope"] == USE
    for page in ("/me", "/me.json", "/me/receipt", "/me/receipt.json", "/me/receipt.jsonld"):
        assert browser.get(page).status_code == 200, page


def test_a_member_checks_a_proof_with_the_receipt_they_saved(site: Site) -> None:
    """The private receipt is theirs to save; with it the proof of their own choice verifies as theirs,
    and with another member's it does not. A read-only link gives no secret away.
    """
    browser = site.signed_in("member", "m-1")
    place = save(browser, **{"row-1": "yes"})
    assert 'href="/me/my.receipt" download' in browser.get("/me/receipt").text
    saved = browser.get("/me/my.receipt")
    assert saved.headers["content-disposition"] == 'attachment; filename="my.receipt"'
    assert saved.headers["cache-control"] == "no-store"
    proof = browser.get(f"/me/proofs/event-{place.rpartition('/')[2]}.proof").content
    trust = browser.get("/trust.policy").content
    others = site.signed_in("member", "m-2").get("/me/my.receipt").content
    assert verify(proof, trust, saved.content).ok
    assert not verify(proof, trust, others).ok
    with byleave.open(site.path, read_only=True) as ws:
        link = link_token(ws.portal_key(), 0, ws.now() + timedelta(hours=1))
    assert "my.receipt" not in site.http.get(f"/m/{link}/receipt").text
    assert site.http.get(f"/m/{link}/my.receipt").status_code == 404


def test_members_pages_are_never_stored(site: Site) -> None:
    """Nothing may store a page of a signed-in member."""
    browser = site.signed_in("member", "m-1")
    for page in ("/me", "/me/settings", "/me/my.receipt", "/api/v1/choices"):
        assert browser.get(page).headers["cache-control"] == "no-store", page


def test_each_question_says_who_gets_it_and_what_it_is_not_about(site: Site) -> None:
    """M2: beside each answer stand its recipient, what it leaves out, and what a no does."""
    browser = site.signed_in("member", "m-1")
    row = browser.get("/me/settings.json").json()["settings"]["questions"][0]["rows"][0]
    assert row["who"] == "This service itself, and nobody else."
    assert "profile" in row["leaves_out"]
    assert "messages" not in row["leaves_out"]
    page = browser.get("/me/settings").text
    assert "This service itself, and nobody else." in page
    assert "your profile" in page
    assert "Your other answers stay as they are." in page
    german = browser.get("/me/settings", headers={"accept-language": "de"}).text
    assert "Dieser Dienst selbst" in german
    assert "Ihr Profil" in german
