"""The operator's pages."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import byleave
from tests.portal.api_site import SITE, Site, site_at

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
