"""The operator's pages."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.errors import RefusedError
from tests.portal.api_site import SITE, Site, serving, site_at

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


def test_an_empty_house_says_so(site: Site) -> None:
    """Each list of the operator's overview that is empty says what that means."""
    page = site.signed_in("operator", "alex").get("/house").text
    for sentence in ("No release is past its date.", "The gate has not run yet", "Nobody looked."):
        assert sentence in page


def test_a_look_is_logged_before_the_page_opens(site: Site) -> None:
    """An operator who looks at a member's data leaves who, whom and why in ledger and log."""
    browser = site.signed_in("operator", "alex")
    form = found(r'name="form" value="([^"]+)"', browser.get("/house").text)
    sent = {"form": form, "member": "m-1", "why": "access request 12"}
    answer = browser.post("/house/look", data=sent, headers=OURS)
    assert answer.status_code == 200
    assert "m-1" in answer.text
    with byleave.open(site.path, read_only=True) as ws:
        [look] = ws.member.looks()
        assert (look["who"], look["why"]) == ("alex", "access request 12")
        assert look["member"] == ws.member.ordinal("m-1")
        assert b'"look/v1"' in ws.ledger.read(look["index"], look["index"] + 1)[0]
        assert b"alex" not in ws.ledger.read(look["index"], look["index"] + 1)[0]
        assert ws.fsck() == []
    assert "access request 12" in browser.get("/house").text


@pytest.mark.parametrize("changed", [{"why": " "}, {"form": "x"}, {"member": "nobody"}])
def test_a_look_without_a_reason_shows_nothing(site: Site, changed: dict[str, str]) -> None:
    """Without a reason, a member or the session's own form nothing is shown and nothing logged."""
    browser = site.signed_in("operator", "alex")
    form = found(r'name="form" value="([^"]+)"', browser.get("/house").text)
    sent = {"form": form, "member": "m-1", "why": "because"} | changed
    answer = browser.post("/house/look", data=sent, headers=OURS)
    assert answer.status_code in {400, 403, 404}
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.member.looks() == []


def test_a_look_that_was_changed_is_found(site: Site) -> None:
    """Fsck finds a look whose reason was changed after it was logged."""
    with byleave.open(site.path) as ws:
        ws.member.look("m-1", who="alex", why="a complaint")
    database = sqlite3.connect(site.path / "ledger.sqlite")
    database.execute(
        "UPDATE objects SET document = CAST(replace(document, 'complaint', 'whim') AS BLOB)"
    )
    database.commit()
    database.close()
    with byleave.open(site.path, read_only=True) as ws:
        assert any("look-" in str(problem) for problem in ws.fsck())


def test_the_twin_has_the_same_facts(site: Site) -> None:
    """The operator's overview has a JSON twin."""
    browser = site.signed_in("operator", "alex")
    assert browser.get("/house.json").json()["house"]["members"] == 2


POLICY = """---
document: terms
version: "1"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2099-01-01
uses:
  - train.generative.replies/messages.direct/platform
---
# Terms

We train models that suggest replies on your messages, if you agree.
"""
RULES = """rulesets: v1
version: "1"
sets:
  - ruleset: ours
    title: Our own
    effective: "2024-01-01"
    regions: [de]
    rules:
      - {scope: "*/*/*", basis: forbidden, cite: "Our own rule"}
    messages: {party_rule: all, cite: "Our own rule"}
    min_age: {years: 18, scope: "train/*/*", cite: "Our own rule"}
    past: {may_be_covered: true, cite: "Our own rule"}
    general_grants: {count: false, cite: "Our own rule"}
"""


def _form(page: str) -> dict[str, str]:
    """The hidden fields of the last form of a page that has them all."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def _published(browser: TestClient, kind: str, text: str, *, why: str = "as agreed") -> Any:
    """Look at what a text would change, and publish it."""
    form = _form(browser.get(f"/house/publish/{kind}").text)
    look = browser.post(f"/house/publish/{kind}", data={**form, "text": text}, headers=OURS)
    assert look.status_code == 200
    fields = {**_form(look.text), "text": text, "why": why}
    return browser.post(f"/house/publish/{kind}/now", data=fields, headers=OURS)


def test_a_text_is_published_after_its_impact_was_seen(site: Site) -> None:
    """A preview publishes nothing; publishing logs who and why, then the text, and says both."""
    browser = site.signed_in("operator", "alex")
    form = _form(browser.get("/house/publish/policy").text)
    with byleave.open(site.path, read_only=True) as ws:
        before = ws.ledger.size()
    look = browser.post(
        "/house/publish/policy", data={**form, "text": POLICY.replace("\n", "\r\n")}, headers=OURS
    ).text
    assert "Choices it changes: 0." in look
    assert "train.generative.replies/messages.direct/platform" in look
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.ledger.size() == before
    sent = {**_form(look), "text": POLICY.replace("\n", "\r\n"), "why": "board of 3 May"}
    answer = browser.post("/house/publish/policy/now", data=sent, headers=OURS)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    with byleave.open(site.path, read_only=True) as ws:
        [document] = ws.policy.list()
        assert ws.policy.text("terms") == POLICY
        assert f"It is log entry {document['index']}." in page
        [act] = ws.acts.trail(kind="act")
        assert (act["who"], act["why"]) == ("alex", "board of 3 May")
        assert (act["what"], act["name"]) == ("policy.publish", "terms 1")
        assert act["index"] < document["index"]
        assert b"alex" not in ws.ledger.read(act["index"], act["index"] + 1)[0]
        assert ws.fsck() == []
    assert "board of 3 May" in browser.get("/house/trail").text


def test_rules_are_put_in_force_after_their_impact_was_seen(site: Site) -> None:
    """A file of rulesets put in force through the console holds, and stands in the list."""
    browser = site.signed_in("operator", "alex")
    assert _published(browser, "rules", RULES).status_code == 303
    assert "Our own rule" in browser.get("/house/rules").text
    with byleave.open(site.path, read_only=True) as ws:
        [act] = ws.acts.trail(kind="act")
        assert act["what"] == "ruleset.publish"
        assert ws.acts.trail(limit=1)[0]["kind"] == "ruleset"


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("policy", "no front matter", "policy.malformed"),
        ("policy", POLICY.replace("messages.direct", "telepathy"), "use.unknown-term"),
        ("rules", "version: [", "input.malformed"),
        ("rules", RULES.replace("forbidden", "maybe"), "ruleset.malformed"),
    ],
)
def test_a_bad_text_is_told_what_is_wrong(site: Site, kind: str, text: str, said: str) -> None:
    """A text that cannot be published is answered with the code, the place and the text itself."""
    browser = site.signed_in("operator", "alex")
    form = _form(browser.get(f"/house/publish/{kind}").text)
    answer = browser.post(f"/house/publish/{kind}", data={**form, "text": text}, headers=OURS)
    assert answer.status_code == 200
    assert said in answer.text
    assert "Log this and publish" not in answer.text
    assert text.splitlines()[-1].split('"')[0] in answer.text


def test_what_was_not_shown_is_not_published(site: Site) -> None:
    """Publishing is refused where its preview is not the one that was seen, and without a reason."""
    browser = site.signed_in("operator", "alex")
    form = _form(browser.get("/house/publish/policy").text)
    look = browser.post("/house/publish/policy", data={**form, "text": POLICY}, headers=OURS).text
    fields = {**_form(look), "text": POLICY, "why": "as agreed"}
    for changed, status in (
        ({"text": POLICY.replace("document: terms", "document: others")}, 409),
        ({"seen": "0" * 64}, 409),
        ({"why": " "}, 400),
        ({"form": "x"}, 403),
    ):
        answer = browser.post("/house/publish/policy/now", data={**fields, **changed}, headers=OURS)
        assert answer.status_code == status, changed
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.policy.list() == []
        assert ws.acts.trail(kind="act") == []


def test_a_request_is_listed_until_it_is_closed(site: Site) -> None:
    """A request stands in the list of what is open, with its date, until someone closes it."""
    with byleave.open(site.path) as ws:
        name = ws.requests.open("m-1", "access", channel="email")
    browser = site.signed_in("operator", "alex")
    page = browser.get("/house/requests").text
    assert "gdpr-12-3" in page
    assert "Everything held" in browser.get("/house").text or "access" in browser.get("/house").text
    assert "gdpr-12-3" not in browser.get("/house/requests?kind=erasure").text
    sent = {**_form(page), "outcome": "done", "why": "sent the export"}
    answer = browser.post(f"/house/requests/{name}", data=sent, headers=OURS)
    assert answer.status_code == 303
    assert "No request is open." in browser.get("/house/requests").text
    assert "sent the export" in browser.get("/house/requests?show=all").text
    [row] = browser.get("/house/requests.json?show=all").json()["requests"]["requests"]
    assert (row["state"], row["who"], row["why"]) == ("done", "alex", "sent the export")
    again = browser.post(f"/house/requests/{name}", data=sent, headers=OURS)
    assert again.status_code == 409


def test_a_request_gets_more_time_on_the_page(site: Site) -> None:
    """The form takes more time once, up to the law's end; the list shows the new day and why."""
    with byleave.open(site.path) as ws:
        name = ws.requests.open("m-1", "access", channel="email")
        [facts] = ws.requests.list()
    browser = site.signed_in("operator", "alex")
    page = browser.get("/house/requests").text
    last = found(r'name="until" required max="([^"]+)"', page)
    assert facts["latest"].startswith(last)
    address = f"/house/requests/{name}/extension"
    sent = {**_form(page), "until": last, "why": "so many came at once"}
    for changed, status in (
        ({"until": "soon"}, 400),
        ({"until": "9999-12-31"}, 403),
        ({"why": " "}, 400),
        ({"form": "x"}, 403),
    ):
        assert browser.post(address, data={**sent, **changed}, headers=OURS).status_code == status
    assert browser.post(address, data=sent, headers=OURS).status_code == 303
    after = browser.get("/house/requests").text
    assert "so many came at once" in after
    assert 'name="until"' not in after
    assert browser.post(address, data=sent, headers=OURS).status_code == 409
    assert "got more time" in browser.get("/house/trail?kind=request-extension").text


def test_the_trail_is_read_in_pages(site: Site) -> None:
    """The trail gives fifty lines a page, newest first, and every line once."""
    with byleave.open(site.path) as ws:
        for number in range(53):
            ws.member.look("m-1", who="alex", why=f"check {number}")
    browser = site.signed_in("operator", "alex")
    first = browser.get("/house/trail.json?kind=look").json()["trail"]
    second = browser.get(f"/house/trail.json?kind=look&before={first['older']}").json()["trail"]
    assert second["older"] is None
    whys = [row["why"] for row in (*first["rows"], *second["rows"])]
    assert whys == [f"check {number}" for number in reversed(range(53))]
    assert f"before={first['older']}" in browser.get("/house/trail?kind=look").text
    assert browser.get("/house/trail?kind=nope").status_code == 400


def test_withdrawals_show_what_they_would_reach(tmp_path: Path) -> None:
    """The list of withdrawals names each release and package that holds rows no longer admitted."""
    from tests.unit.service.small import grow

    grown = grow(tmp_path / "ws")
    with serving(grown.path) as site:
        browser = site.signed_in("operator", "alex")
        page = browser.get("/house/withdrawals").text
        facts = browser.get("/house/withdrawals.json").json()["withdrawals"]
    assert [item["release"] for item in facts["releases"]] == [grown.release]
    assert [item["package"] for item in facts["packages"]] == [grown.package]
    assert facts["releases"][0]["leaving"] > 0
    assert grown.release in page
    assert "byleave withdrawal run" in page


def test_rules_that_reach_back_are_refused_before_anything_is_logged(site: Site) -> None:
    """A rule that takes weaker evidence from a date that is past is told at the preview, and neither
    rule nor act is logged.
    """
    text = RULES + 'evidence:\n  - {from: "2024-01-01", accepts: version, cite: "Our own rule"}\n'
    browser = site.signed_in("operator", "alex")
    form = _form(browser.get("/house/publish/rules").text)
    look = browser.post("/house/publish/rules", data={**form, "text": text}, headers=OURS).text
    assert "ruleset.retroactive" in look
    assert "Log this and publish" not in look
    with byleave.open(site.path) as ws:
        before = ws.ledger.size()
        with pytest.raises(RefusedError) as caught:
            ws.acts.publish_rules(text, name="rulesets.yaml", who="alex", why="as agreed")
        assert caught.value.code == "ruleset.retroactive"
        assert ws.ledger.size() == before
