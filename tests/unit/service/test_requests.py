"""What members ask by right has a day it is due, an entry when it comes and one when it ends."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import byleave
from byleave.errors import ConflictError, InputError, RefusedError
from byleave.service.requests import EXTENSIONS, KINDS, OUTCOMES, RULES, due_at, latest_at

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.mark.parametrize(
    ("opened", "region", "due", "rule"),
    [
        ("2026-01-15", None, "2026-02-15", "gdpr-12-3"),
        ("2026-01-31", "eu", "2026-02-28", "gdpr-12-3"),
        ("2028-01-31", "eu", "2028-02-29", "gdpr-12-3"),
        ("2026-12-05", "uk", "2027-01-05", "gdpr-12-3"),
        ("2026-01-15", "us-ca", "2026-03-01", "ccpa-1798-130"),
        ("2026-01-15", "us-cary", "2026-02-15", "gdpr-12-3"),
    ],
)
def test_when_a_request_is_due(opened: str, region: str | None, due: str, rule: str) -> None:
    """A month ends on the same day or the last of the month; California has 45 days."""
    at = datetime.fromisoformat(opened).replace(tzinfo=UTC)
    found, by = due_at(at, region)
    assert (found.date().isoformat(), by) == (due, rule)


def test_a_request_from_its_coming_to_its_end(tmp_path: Path) -> None:
    """A request is open, then overdue, then closed for good; the log holds both days, no names."""
    clock = Clock()
    with byleave.create(tmp_path / "ws", now=clock) as ws:
        ws.member.enrol(["m-1"], regions={"m-1": "us-ca"})
        ws.member.enrol(["m-2"])
        late = ws.requests.open("m-1", "access", channel="email")
        soon = ws.requests.open("m-2", "erasure", channel="portal")
        assert ws.requests.open("m-2", "erasure") == soon
        assert [f["request"] for f in ws.requests.list()] == [soon, late]
        clock.at += timedelta(days=29)
        first, second = ws.requests.list()
        assert (first["state"], first["days_left"]) == ("overdue", -1)
        assert (second["state"], second["days_left"]) == ("open", 16)
        index = ws.requests.close(soon, outcome="refused", who="alex", why="not them")
        assert [f["request"] for f in ws.requests.list(only_open=True)] == [late]
        [closed] = ws.requests.list(member="m-2")
        assert (closed["state"], closed["who"], closed["closed_index"]) == (
            "refused",
            "alex",
            index,
        )
        assert closed["days_left"] is None
        with pytest.raises(ConflictError, match="closed"):
            ws.requests.close(soon, who="alex", why="again")
        assert ws.requests.open("m-2", "erasure") != soon
        for entry in ws.ledger.read(closed["index"], index + 1):
            assert b"m-2" not in entry
            assert b"alex" not in entry
        assert ws.fsck() == []


@pytest.mark.parametrize(
    ("member", "kind", "channel"),
    [("nobody", "access", "email"), ("m-1", "wish", "email"), ("m-1", "access", "")],
)
def test_what_is_no_request_is_not_noted(
    tmp_path: Path, member: str, kind: str, channel: str
) -> None:
    """A member nobody knows, a kind there is none of, or no channel leaves nothing behind."""
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1"])
        size = ws.ledger.size()
        with pytest.raises(InputError):
            ws.requests.open(member, kind, channel=channel)
        assert ws.ledger.size() == size


@pytest.mark.parametrize("changed", [{"outcome": "lost"}, {"why": " "}, {"why": "x" * 201}])
def test_a_request_does_not_end_without_saying_how(tmp_path: Path, changed: dict[str, str]) -> None:
    """An outcome there is none of, or no reason, leaves the request open."""
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1"])
        name = ws.requests.open("m-1", "access")
        said = {"outcome": "done", "who": "alex", "why": "sent"} | changed
        with pytest.raises(InputError):
            ws.requests.close(name, **said)
        assert ws.requests.list(only_open=True)
        with pytest.raises(InputError):
            ws.requests.close("request-999", who="alex", why="sent")


def test_erasing_a_member_closes_what_they_asked(tmp_path: Path) -> None:
    """Erasure is the answer to a request for it; what else they asked is taken back."""
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.requests.open("m-1", "erasure")
        ws.requests.open("m-1", "access")
        ws.requests.open("m-2", "access")
        done = ws.member.erase(["m-1"])
        states = {(f["member"], f["kind"]): (f["state"], f["why"]) for f in ws.requests.list()}
        assert states == {
            (0, "erasure"): ("done", done.erasure),
            (0, "access"): ("taken-back", done.erasure),
            (1, "access"): ("open", None),
        }
        assert ws.fsck() == []


@pytest.mark.parametrize("what", ["2026-02-28", "sent"])
def test_a_request_that_was_changed_is_found(tmp_path: Path, what: str) -> None:
    """Fsck finds a day it was due, or an answer, that was changed after it was logged."""
    clock = Clock()
    with byleave.create(tmp_path / "ws", now=clock) as ws:
        ws.member.enrol(["m-1"])
        ws.requests.close(ws.requests.open("m-1", "access"), who="alex", why="sent")
    other = "2026-03-28" if what != "sent" else "lost"
    database = sqlite3.connect(tmp_path / "ws" / "ledger.sqlite")
    database.execute(
        "UPDATE objects SET document = CAST(replace(document, ?, ?) AS BLOB)", (what, other)
    )
    database.commit()
    database.close()
    with byleave.open(tmp_path / "ws", read_only=True, now=clock) as ws:
        assert any("request-" in str(problem) for problem in ws.fsck())


def test_kinds_and_outcomes_are_those_of_the_specification() -> None:
    """The page of the specification names each kind and each outcome."""
    from tests.conftest import ROOT

    page = (ROOT / "docs/spec/requests.md").read_text(encoding="utf-8")
    assert all(f"`{word}`" in page for word in (*KINDS, *OUTCOMES))


@pytest.mark.parametrize(
    ("opened", "rule", "kind", "latest"),
    [
        ("2026-01-15", "gdpr-12-3", "access", "2026-04-15"),
        ("2026-01-31", "gdpr-12-3", "objection", "2026-04-30"),
        ("2025-11-30", "gdpr-12-3", "erasure", "2026-02-28"),
        ("2026-12-05", "gdpr-12-3", "erasure", "2027-03-05"),
        ("2026-01-15", "ccpa-1798-130", "access", "2026-04-15"),
        ("2026-01-15", "ccpa-1798-130", "objection", None),
    ],
)
def test_the_longest_time_that_the_law_allows(
    opened: str, rule: str, kind: str, latest: str | None
) -> None:
    """Three months under the GDPR; 90 days in California, and none for an objection there."""
    found = latest_at(datetime.fromisoformat(opened).replace(tzinfo=UTC), rule, kind)
    assert (None if found is None else found.date().isoformat()) == latest


def test_a_request_gets_more_time_once(tmp_path: Path) -> None:
    """The day moves to the one named, by an entry without words; a second time is a conflict."""
    clock = Clock()
    with byleave.create(tmp_path / "ws", now=clock) as ws:
        ws.member.enrol(["m-1"])
        name = ws.requests.open("m-1", "access")
        assert ws.requests.list()[0]["latest"] == "2026-04-30T12:00:00Z"
        clock.at += timedelta(days=20)
        index = ws.requests.extend(name, who="alex", why="so many came", until=date(2026, 3, 15))
        [facts] = ws.requests.list()
        assert (facts["due"], facts["first_due"]) == (
            "2026-03-15T12:00:00Z",
            "2026-02-28T12:00:00Z",
        )
        assert (facts["extended_index"], facts["extended_why"]) == (index, "so many came")
        assert facts["latest"] is None
        [entry] = ws.ledger.read(index, index + 1)
        assert b"alex" not in entry
        assert b"so many" not in entry
        with pytest.raises(ConflictError) as caught:
            ws.requests.extend(name, who="alex", why="again")
        assert caught.value.code == "request.extended"
        clock.at += timedelta(days=20)
        assert ws.requests.list()[0]["state"] == "open"
        clock.at += timedelta(days=20)
        assert ws.requests.list()[0]["state"] == "overdue"
        assert ws.fsck() == []


@pytest.mark.parametrize(
    ("region", "kind", "days", "until"),
    [
        (None, "access", 0, date(2026, 5, 1)),
        (None, "access", 29, None),
        ("us-ca", "access", 0, date(2026, 5, 2)),
        ("us-ca", "access", 46, None),
        ("us-ca", "objection", 0, None),
    ],
)
def test_no_more_time_than_the_law_gives(
    tmp_path: Path, region: str | None, kind: str, days: int, until: date | None
) -> None:
    """Past the law's end, after the first day, or where the law knows none, nothing is logged."""
    clock = Clock()
    with byleave.create(tmp_path / "ws", now=clock) as ws:
        ws.member.enrol(["m-1"], regions={"m-1": region} if region else None)
        name = ws.requests.open("m-1", kind)
        clock.at += timedelta(days=days)
        size = ws.ledger.size()
        with pytest.raises(RefusedError) as caught:
            ws.requests.extend(name, who="alex", why="it is much", until=until)
        assert caught.value.code == "request.no-extension"
        assert ws.ledger.size() == size


@pytest.mark.parametrize(
    ("name", "why", "until"),
    [("request-99", "much", None), (None, " ", None), (None, "much", date(2026, 2, 28))],
)
def test_what_is_no_extension_is_not_noted(
    tmp_path: Path, name: str | None, why: str, until: date | None
) -> None:
    """No such request, no reason, or a day that is not later than the first leaves nothing."""
    with byleave.create(tmp_path / "ws", now=Clock()) as ws:
        ws.member.enrol(["m-1"])
        opened = ws.requests.open("m-1", "access")
        size = ws.ledger.size()
        with pytest.raises(InputError):
            ws.requests.extend(name or opened, who="alex", why=why, until=until)
        assert ws.ledger.size() == size


def test_a_closed_request_gets_no_more_time(tmp_path: Path) -> None:
    """What was answered is not made longer."""
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1"])
        name = ws.requests.open("m-1", "access")
        ws.requests.close(name, who="alex", why="sent")
        with pytest.raises(ConflictError) as caught:
            ws.requests.extend(name, who="alex", why="late")
        assert caught.value.code == "request.closed"


def test_a_reason_for_more_time_that_was_changed_is_found(tmp_path: Path) -> None:
    """Fsck finds a longer time whose day was changed after it was logged."""
    clock = Clock()
    with byleave.create(tmp_path / "ws", now=clock) as ws:
        ws.member.enrol(["m-1"])
        ws.requests.extend(ws.requests.open("m-1", "access"), who="alex", why="so many came")
    database = sqlite3.connect(tmp_path / "ws" / "ledger.sqlite")
    database.execute(
        "UPDATE objects SET document = CAST(replace(document, '2026-04-30', '2026-05-30') AS BLOB)"
    )
    database.commit()
    database.close()
    with byleave.open(tmp_path / "ws", read_only=True, now=clock) as ws:
        assert any("request-" in str(problem) for problem in ws.fsck())


def test_every_rule_says_how_much_longer_it_allows() -> None:
    """Rules and longer times are of the same names."""
    assert set(RULES) == set(EXTENSIONS)
