"""What members ask by right has a day it is due, an entry when it comes and one when it ends."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import byleave
from byleave.errors import ConflictError, InputError
from byleave.service.requests import KINDS, OUTCOMES, due_at

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
