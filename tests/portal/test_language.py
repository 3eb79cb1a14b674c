"""A page in the reader's language: chosen by a link, else as the browser asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.pages import catalogue
from byleave.pages.catalogue import ENGLISH_ONLY
from byleave.pages.words import speech
from tests.portal.api_site import NOTICE, SITE, Site, site_at
from tests.portal.reading import english_in, language_of_page, text_of

OURS = {"origin": SITE}
NAMES = ("this platform",)


def german(client: TestClient, address: str) -> str:
    """A page as a browser gets it that asks for German."""
    return client.get(address, headers={"accept-language": "de-AT,de;q=0.9,en;q=0.5"}).text


def left_in_english(page: str) -> list[str]:
    """Sentences of the English catalogue that a page still shows."""
    text, words = text_of(page), speech("de").words.say
    found = []
    for key, sentence in catalogue.SAY.items():
        if key in ENGLISH_ONLY or words[key] == sentence or len(sentence.split()) < 2:
            continue
        if max(re.split(r"\{\w+\}", sentence), key=len).strip() not in text:
            continue
        pattern = re.escape(re.sub(r"\{\w+\}", "\0", sentence)).replace("\0", ".+?")
        if re.search(rf"\b{pattern}", text):
            found.append(key)
    return found


@pytest.mark.parametrize("kind", ["public", "policy", "release", "member", "receipt"])
def test_a_german_page_has_no_english_left(
    client: TestClient, addresses: dict[str, str], kind: str
) -> None:
    """Every sentence of ours on a page that was asked for in German is German."""
    page = german(client, addresses[kind])
    assert language_of_page(page) == "de"
    assert left_in_english(page) == []


@pytest.mark.parametrize("address", ["/nowhere", "/m/none", "/releases/none"])
def test_what_does_not_open_says_so_in_german(client: TestClient, address: str) -> None:
    """A page that is not there is told in the reader's language, with nothing in English."""
    page = german(client, address)
    assert language_of_page(page) == "de"
    assert english_in(page) == []


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "en"),
        ("de", "de"),
        ("de-CH", "de"),
        ("fr, de;q=0.5, en;q=0.9", "en"),
        ("fr, de;q=0.9, en;q=0.5", "de"),
        ("en;q=0, de;q=0.1", "de"),
        ("*", "en"),
        ("de;q=x", "en"),
        ("xx" * 50, "en"),
        (";;;,,", "en"),
    ],
)
def test_the_browsers_wish_is_read(client: TestClient, asked: str | None, language: str) -> None:
    """The language liked best among those there are is taken; English where there is none."""
    headers = {} if asked is None else {"accept-language": asked}
    answer = client.get("/", headers=headers)
    assert language_of_page(answer.text) == language
    assert answer.headers["content-language"] == language
    assert answer.headers["vary"] == "Accept-Language, Cookie"


def test_the_switch_works_without_a_script_and_is_kept(client: TestClient) -> None:
    """A link on the page changes the language of this page and of those after it, and back."""
    page = client.get("/", headers={"accept-language": "en"}).text
    assert 'href="?lang=de"' in page
    assert client.get("/?lang=de").cookies["byleave-language"] == "de"
    after = client.get("/releases/replies-2", headers={"accept-language": "en"}).text
    assert language_of_page(after) == "de"
    assert 'href="?lang=en"' in after
    client.get("/?lang=en")
    assert language_of_page(german(client, "/")) == "en"


def test_an_unknown_language_changes_nothing(client: TestClient) -> None:
    """A language there is not is not kept, and the page comes as it would have."""
    answer = client.get("/?lang=tlh", headers={"accept-language": "de"})
    assert language_of_page(answer.text) == "de"
    assert "set-cookie" not in answer.headers


def test_twins_are_the_same_in_every_language(
    client: TestClient, addresses: dict[str, str]
) -> None:
    """The JSON of a page says the same whatever language was asked for."""
    twin = "/index.json"
    wanted = client.get(twin, headers={"accept-language": "de"})
    assert wanted.json() == client.get(twin, headers={"accept-language": "en"}).json()
    assert "content-language" not in wanted.headers


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


@pytest.mark.parametrize("address", ["/me", "/me/settings", "/me/receipt"])
def test_a_members_own_pages_are_german(site: Site, address: str) -> None:
    """A signed-in member's pages hold no English but for a text that exists in English only."""
    page = german(site.signed_in("member", "m-1"), address)
    assert language_of_page(page) == "de"
    assert english_in(page, names=NAMES) == []


def test_a_text_in_another_language_is_said_to_be_so(site: Site) -> None:
    """M12: a notice without a German text is shown in English, marked so, and recorded as such."""
    browser = site.signed_in("member", "m-1")
    page = german(browser, "/me/settings")
    assert "Diesen Text haben wir nur in dieser Sprache: Englisch." in page
    assert f'<pre class="notice" lang="en">{NOTICE.strip().splitlines()[0]}' in page
    assert "We have this text only" not in browser.get("/me/settings?lang=en").text


def test_a_question_that_has_a_german_text_is_asked_and_recorded_in_german(site: Site) -> None:
    """M12: of an operator's variants the reader's is shown, and it is the one that is answered."""
    scope = "train.ranking.jobs/profile.skills/platform"
    with byleave.open(site.path) as ws:
        for language, text in (("en", "May we use your skills?"), ("de", "Dürfen wir sie nutzen?")):
            ws.policy.publish_notice(
                text, notice=f"jobs-{language}", asks=[scope], language=language, family="jobs"
            )
    browser = site.signed_in("member", "m-1")
    page = german(browser, "/me/settings")
    assert "Dürfen wir sie nutzen?" in page
    assert "May we use your skills?" not in page
    form = page.split('action="/me/settings/jobs-de"')[1].split("</form>")[0]
    fields = dict(re.findall(r'name="(form|token)" value="([^"]*)"', form))
    sent = {**fields, "row-1": "yes", "past": "now"}
    assert browser.post("/me/settings/jobs-de", data=sent, headers=OURS).status_code == 303
    with byleave.open(site.path, read_only=True) as ws:
        [event] = ws.consent.history("m-1")
        assert (event.notice, event.grade.name) == ("jobs-de", "BYTES")


def test_a_choice_made_in_german_is_recorded_in_german(site: Site) -> None:
    """The record of a choice, and the page of a stop, speak the language of the form."""
    browser = site.signed_in("member", "m-1")
    page = german(browser, "/me/settings")
    fields = dict(re.findall(r'name="(form|token)" value="([^"]*)"', page))
    sent = {**fields, "row-1": "yes", "past": "now"}
    saved = browser.post("/me/settings/ask-1", data=sent, headers=OURS)
    assert saved.status_code == 303, saved.text
    record = german(browser, saved.headers["location"])
    assert "Ihre Entscheidung ist gespeichert" in record
    assert english_in(record, names=NAMES) == []


def test_signing_in_by_a_link_speaks_german(site: Site) -> None:
    """The page of a one-time link, and that of a used one, are German; the target is kept."""
    link = site.link("member", "m-1")
    page = german(site.http, f"{link}?to=settings")
    assert english_in(page) == []
    assert 'href="?lang=en&amp;to=settings"' in page
    assert site.http.post(link, headers=OURS, follow_redirects=False).status_code == 303
    used = german(site.http, link)
    assert "Dieser Link wurde schon benutzt" in used
    assert english_in(used) == []


def test_the_operators_pages_stay_english(site: Site) -> None:
    """A face that exists in English only says it is English, whatever the browser asks for."""
    page = german(site.signed_in("operator", "alex"), "/house")
    assert language_of_page(page) == "en"
