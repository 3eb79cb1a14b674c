"""The trail and the auditor's list of log entries, of a stretch of time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import byleave
from byleave.ids import format_instant, from_us
from tests.portal.api_site import Site, serving

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = 120


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a look an hour, and another thing every tenth hour."""
    clock = [START]
    place = tmp_path_factory.mktemp("stretch") / "ws"
    with byleave.create(place, now=lambda: clock[0]) as ws, ws.log_house.once():
        ws.member.enrol([f"m-{n}" for n in range(HOURS)])
        for hour in range(HOURS):
            clock[0] = START + timedelta(hours=hour)
            ws.member.look("m-1", who="alex", why=f"hour {hour}")
            if hour % 10 == 0:
                ws.requests.open(f"m-{hour}", "access")
    return place


@pytest.fixture(scope="module")
def site(path: Path) -> Iterator[Site]:
    with serving(path) as made:
        yield made


def hours(site: Site, **asked: Any) -> list[int]:
    """Hours of the looks that the trail shows under an address, over all its pages."""
    browser, found, before = site.signed_in("operator", "alex"), [], None
    while True:
        more: dict[str, Any] = {} if before is None else {"before": before}
        params = {"kind": "look", **asked, **more}
        page = browser.get("/house/trail.json", params=params).json()["trail"]
        found += [int(row["why"].split()[1]) for row in page["rows"]]
        before = page["older"]
        if before is None:
            return found


@pytest.mark.parametrize(
    ("since", "until", "first", "end"),
    [
        ("2026-03-01T05:00:00Z", "2026-03-01T09:00:00Z", 5, 9),
        ("2026-03-01T05:00:00.000001Z", "2026-03-01T09:00:00.000001Z", 6, 10),
        ("2026-03-01T06:00:00+01:00", "2026-03-01T10:00:00+01:00", 5, 9),
        ("2026-03-02", "2026-03-05", 24, 96),
        ("2026-03-02", "", 24, HOURS),
        ("", "2026-03-04", 0, 72),
        ("", "", 0, HOURS),
        ("2020-01-01", "2020-01-02", 0, 0),
        ("2030-01-01", "2031-01-01", 0, 0),
        ("2026-03-03", "2026-03-02", 0, 0),
    ],
)
def test_from_is_in_and_to_is_not(site: Site, since: str, until: str, first: int, end: int) -> None:
    """Exactly the hours of the stretch are shown, newest first, each once, over any pages."""
    found = hours(site, **{"from": since, "to": until})
    assert found == list(range(first, end))[::-1]


@pytest.mark.parametrize("since", ["2026-03-01T05:00:00", "yesterday", "2026-13-01", "5"])
@pytest.mark.parametrize("page", ["/house/trail", "/audit/log"])
def test_a_time_without_its_zone_is_refused(site: Site, page: str, since: str) -> None:
    """What is no day and no instant with a zone is told, and nothing is shown."""
    browser = site.signed_in("operator" if "house" in page else "auditor", "alex")
    for address in (page, f"{page}.json"):
        assert browser.get(address, params={"from": since}).status_code == 400
        assert browser.get(address, params={"to": since}).status_code == 400


def test_the_state_is_in_every_address(site: Site) -> None:
    """Twin, next page and command keep kind and stretch."""
    browser = site.signed_in("operator", "alex")
    text = browser.get("/house/trail?kind=look&from=2026-03-01&to=2026-03-05").text
    addresses = re.findall(r'href="(/house/trail[^"]*)"', text)
    kept = "kind=look&amp;from=2026-03-01T00%3A00%3A00Z&amp;to=2026-03-05T00%3A00%3A00Z"
    assert f"/house/trail.json?{kept}" in addresses
    assert [a for a in addresses if a.startswith(f"/house/trail?{kept}&amp;before=")]
    assert "--kind look --from 2026-03-01T00:00:00Z --to 2026-03-05T00:00:00Z" in text


def test_the_auditors_list_is_that_of_the_ledger(site: Site, path: Path) -> None:
    """Entries of a stretch are those that the ledger recorded in it, over its pages."""
    browser = site.signed_in("auditor", "kim")
    since, until = START + timedelta(hours=3), START + timedelta(hours=90)
    found, before = [], ""
    while True:
        asked = {"from": format_instant(since), "to": format_instant(until), "before": before}
        part = browser.get("/audit/log.json", params=asked).json()["audit-log"]
        found += [line["index"] for line in part["lines"]]
        if part["older"] is None:
            break
        before = str(part["older"])
    with byleave.open(path, read_only=True) as ws:
        times = [
            (index, from_us(at))
            for kind in ("look", "request")
            for index, _, at, _ in ws.ledger.objects(kind)
        ]
    assert found == sorted((i for i, at in times if since <= at < until), reverse=True)
    text = browser.get("/audit/log", params={"from": "2026-03-02", "to": "2026-03-05"}).text
    assert "from=2026-03-02T00%3A00%3A00Z&amp;to=2026-03-05T00%3A00%3A00Z&amp;before=" in text
