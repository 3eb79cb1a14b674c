"""A recipient's pages: its own packages and recalls, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import byleave
from tests.portal.served import SITE, Served, served
from tests.recipients import HOST, LOGS, Site, make_site


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A package was pulled; nothing was recalled."""
    return make_site(tmp_path_factory.mktemp("recipients") / "site").delivered()


@pytest.fixture
def recalled(offered: Site, tmp_path: Path) -> Site:
    """Two members withdrew, and their rows were recalled a day later."""
    site = offered.copy(tmp_path / "site")
    assert site.withdraw(*site.agreed[:2], days=1) == [site.package]
    return site


@pytest.fixture
def stage(recalled: Site) -> Iterator[Served]:
    with served(recalled.root / "ws", recalled.at(days=2)) as made:
        yield made


def answered(site: Site) -> bytes:
    """Have the open order obeyed; return the recipient's signed answer."""
    out = site.lay_out(days=2)
    mine = site.recipient(days=3)
    mine.pull(mine.outbox(str(out)))
    mine.obey()
    mine.sign_answers()
    mine.acknowledge(mine.outbox(str(out)))
    sent = [path.read_bytes() for path in (out / "inbox").iterdir() if path.is_file()]
    [letter] = [data for data in sent if b"byleave-answer/v1" in data]
    return letter


def test_a_recipient_sees_its_packages_terms_and_recalls(stage: Served, recalled: Site) -> None:
    """The page shows each package with its terms, and each recall with when it is due."""
    browser = stage.enter("recipient", HOST)
    view = browser.get("/recipient.json").json()["recipient"]
    with recalled.open(read_only=True, days=2) as ws:
        [state] = ws.disclosure.status()
        listing = ws.disclosure.listing(HOST)
    [package] = view["packages"]
    assert (package["package"], package["state"]) == (recalled.package, "recalled")
    assert package["due"] == state["due"]
    assert (package["rows"], package["recalled_rows"]) == (state["rows"], state["recalled_rows"])
    assert package["may_pass_on"]
    [recall] = package["recalls"]
    assert (recall["answered"], recall["late"]) == (None, False)
    assert view["orders"] == [item["name"] for item in listing["orders"]]
    page = browser.get("/recipient").text
    assert "recalled: delete and answer" in page
    assert "secret" not in page


def test_a_recipient_sees_nobody_elses(stage: Served) -> None:
    """Another recipient sees no package of the first, and a stranger's term sees none at all."""
    for who in (LOGS, "provider.nobody"):
        browser = stage.enter("recipient", who)
        view = browser.get("/recipient.json").json()["recipient"]
        assert (view["packages"], view["files"], view["orders"]) == ([], [], [])
        assert "You were offered no package yet." in browser.get("/recipient").text


def test_an_answer_by_upload_is_taken(recalled: Site) -> None:
    """A signed answer sent by the page is logged; the page then says so, and shows it answered."""
    letter = answered(recalled)
    with served(recalled.root / "ws", recalled.at(days=4)) as stage:
        browser = stage.enter("recipient", HOST)
        answer = stage.send(browser, "/recipient", "/recipient/answer", file=letter)
        assert answer.status_code == 200, answer.text
        assert "Taken: an answer to a recall" in answer.text
        [package] = browser.get("/recipient.json").json()["recipient"]["packages"]
        assert package["state"] == "acknowledged"
        assert package["recalls"][0]["answered"] is not None
        again = stage.send(browser, "/recipient", "/recipient/answer", file=letter)
        assert again.status_code == 200
        other = stage.enter("recipient", LOGS)
        refused = stage.send(other, "/recipient", "/recipient/answer", file=letter)
        assert refused.status_code == 403
    with recalled.open(read_only=True, days=5) as ws:
        assert ws.disclosure.status()[0]["state"] == "acknowledged"


@pytest.mark.parametrize("data", [b"", b"{}", b"nothing of the kind"])
def test_a_file_that_is_no_letter_is_refused(stage: Served, data: bytes) -> None:
    """Other files are refused, and so is a form that is not of this session."""
    browser = stage.enter("recipient", HOST)
    answer = stage.send(browser, "/recipient", "/recipient/answer", file=data)
    assert answer.status_code == 422
    assert "Not taken" in answer.text
    sent = browser.post(
        "/recipient/answer", data={"form": "x"}, files={"file": data}, headers={"origin": SITE}
    )
    assert sent.status_code == 403


def test_a_changed_answer_is_refused(recalled: Site) -> None:
    """An answer with another count of deleted rows is refused with the service's own code."""
    letter = answered(recalled)
    changed = letter.replace(b'"held":true', b'"held":false')
    with served(recalled.root / "ws", recalled.at(days=4)) as stage:
        browser = stage.enter("recipient", HOST)
        answer = stage.send(browser, "/recipient", "/recipient/answer", file=changed)
        assert answer.status_code >= 400
        assert re.search(r"<code>disclosure\.[a-z-]+</code>", answer.text)
        assert "Not taken" in answer.text
    with byleave.open(recalled.root / "ws", read_only=True) as ws:
        assert ws.disclosure.status()[0]["acknowledged"] == 0


def test_a_late_answer_is_overdue(recalled: Site) -> None:
    """Past its date a recall without an answer is shown as late."""
    with served(recalled.root / "ws", recalled.at(days=90)) as stage:
        browser = stage.enter("recipient", HOST)
        [package] = browser.get("/recipient.json").json()["recipient"]["packages"]
        assert package["state"] == "overdue"
        assert package["recalls"][0]["late"]
        german = browser.get("/recipient", headers={"accept-language": "de"}).text
        assert "überfällig" in german
        report = stage.http.get("/transparency.json").json()["transparency"]
        assert report["disclosures"][0]["late"] == 1


def test_the_dates_of_a_recall_are_the_orders(stage: Served, recalled: Site) -> None:
    """What is due, and when it was ordered, are the instants of the signed order."""
    [package] = (
        stage.enter("recipient", HOST).get("/recipient.json").json()["recipient"]["packages"]
    )
    [recall] = package["recalls"]
    assert recall["at"] == (recalled.at(days=1)).isoformat().replace("+00:00", "Z")
    due = recalled.at(days=1) + timedelta(days=package["recall_days"])
    assert recall["due"] == due.isoformat().replace("+00:00", "Z")


def test_what_lies_there_is_linked_and_opens(stage: Served, recalled: Site) -> None:
    """Each package and order the page names downloads from the API, at the address it tells."""
    browser = stage.enter("recipient", HOST)
    page = browser.get("/recipient").text
    assert f"byleave disclosure pull {SITE}/api/v1/packages" in page
    links = re.findall(r'href="(/api/v1/packages/[^"]+)"', page)
    assert links
    for link in links:
        assert browser.get(link).status_code == 200
    with recalled.open(read_only=True, days=2) as ws:
        assert len(links) == len(ws.disclosure.listing(HOST)["orders"])
