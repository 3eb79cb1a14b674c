"""What members ask of the operator by right, and by when it has to be answered.

Each request has an entry in the log when it comes and one when it is closed: a commitment each, so
that neither the day it came nor the answer can be changed afterwards. The ledger holds the member by
ordinal, and no word of theirs.

When it is due (rule → source):

* `gdpr-12-3`: one month after it came, GDPR art. 12(3); where nobody knows where a member lives,
  this one, because it is the shorter;
* `ccpa-1798-130`: 45 days, Cal. Civ. Code 1798.130(a)(2)(A), for members in California.

A month ends on the day with the same number, or on the last of the month where there is none
(Regulation 1182/71, art. 3).

It may get more time once, told to the member with the reason before the first day has passed:

* `gdpr-12-3`: two further months, GDPR art. 12(3), so three from when it came;
* `ccpa-1798-130`: 45 further days, so 90 in all, Cal. Civ. Code 1798.130(a)(2)(A) and 11 CCR
  7021(b), for access and erasure. An objection gets none: 7021 does not name it.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from byleave.canonical import Json
from byleave.errors import ConflictError, InputError, RefusedError
from byleave.evidence.entry import RequestEntry
from byleave.evidence.look import request_commitment
from byleave.ids import format_instant, parse_instant, to_us
from byleave.service.clock import ledger_now
from byleave.service.house import House
from byleave.service.noting import reason

__all__ = [
    "EXTENSIONS",
    "KINDS",
    "OUTCOMES",
    "RULES",
    "close_erased",
    "close_request",
    "due_at",
    "extend_request",
    "latest_at",
    "list_requests",
    "open_request",
]

KINDS: Final[dict[str, str]] = {
    "access": "Everything held about them (GDPR art. 15, 20; Cal. Civ. Code 1798.110).",
    "erasure": "Erasure (GDPR art. 17; Cal. Civ. Code 1798.105).",
    "objection": "Objection to a use (GDPR art. 21; Cal. Civ. Code 1798.120).",
}
"""Kind → the right it is made under."""

OUTCOMES: Final = ("done", "refused", "taken-back")
"""How a request can end; `taken-back` is the member's own word."""

RULES: Final[dict[str, str]] = {
    "gdpr-12-3": "one month, GDPR art. 12(3)",
    "ccpa-1798-130": "45 days, Cal. Civ. Code 1798.130(a)(2)(A)",
}
"""Rule → what it says, and where."""

EXTENSIONS: Final[dict[str, str]] = {
    "gdpr-12-3": "two further months, GDPR art. 12(3)",
    "ccpa-1798-130": "45 further days, 11 CCR 7021(b)",
}
"""Rule → the longer time it allows once, and where."""

_SALT_BYTES: Final = 32
_CALIFORNIA: Final = "us-ca"
_CALIFORNIAN_DAYS: Final = 45
_MORE_IN_CALIFORNIA: Final = frozenset({"access", "erasure"})
_EXTENSION: Final = "request-extension"
Facts = dict[str, Any]


def due_at(opened: datetime, region: str | None) -> tuple[datetime, str]:
    """Return by when a request has to be answered, and the rule that says so.

    Args:
        opened: When it came.
        region: Where the member lives; None: unknown, and the shorter time holds.
    """
    if region is not None and (region == _CALIFORNIA or region.startswith(_CALIFORNIA + "-")):
        return opened + timedelta(days=_CALIFORNIAN_DAYS), "ccpa-1798-130"
    return _months_after(opened, 1), "gdpr-12-3"


def latest_at(opened: datetime, rule: str, kind: str) -> datetime | None:
    """Return the last instant to which a request's time may be made longer; None: not at all.

    Args:
        opened: When it came.
        rule: By which it is due, one of `RULES`.
        kind: One of `KINDS`.
    """
    if rule == "gdpr-12-3":
        return _months_after(opened, 3)
    if kind in _MORE_IN_CALIFORNIA:
        return opened + timedelta(days=2 * _CALIFORNIAN_DAYS)
    return None


def _months_after(at: datetime, months: int) -> datetime:
    """Return the same day so many months on, or the last of that month (Regulation 1182/71)."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def open_request(house: House, member: str, kind: str, *, channel: str) -> tuple[str, bool]:
    """Log that a member asked for something; return the request's id, and whether it is new.

    Who asks for the same again while it is open is told of the one that is open.

    Args:
        house: The workspace's ports.
        member: Who asked.
        kind: One of `KINDS`.
        channel: Where: `portal`, `email`, …; 1 to 32 characters, nothing personal.

    Raises:
        InputError: `member.unknown`; `input.malformed`, no such kind, or no channel.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    if kind not in KINDS:
        raise InputError("no such kind of request", code="input.malformed", where="kind")
    if not 1 <= len(channel) <= 32 or not channel.isprintable():
        raise InputError(
            "a channel has 1 to 32 characters", code="input.malformed", where="channel"
        )
    for name, document in _open(house):
        if (document["member"], document["kind"]) == (row[0], kind):
            return name, False
    now = ledger_now(house)
    regions = dict(house.ledger.regions(to_us(now)))
    due, rule = due_at(now, regions.get(row[0]))
    said: dict[str, Json] = {
        "act": "open",
        "member": row[0],
        "kind": kind,
        "channel": channel,
        "at": format_instant(now),
        "due": format_instant(due),
        "rule": rule,
    }
    salt = house.random(_SALT_BYTES)
    with house.ledger.writing() as writer:
        index = writer.log(RequestEntry(commitment=request_commitment(salt, said)).encode())
        name = f"request-{index}"
        writer.add_object(
            "request",
            name,
            index=index,
            at_us=to_us(now),
            document={**said, "salt": salt.hex()},
        )
    return name, True


def close_request(house: House, name: str, *, outcome: str, who: str, why: str) -> int:
    """Log how a request ended; return the log index.

    Args:
        house: The workspace's ports.
        name: Its id.
        outcome: One of `OUTCOMES`.
        who: Who closed it, as their sign-in says.
        why: What was done, or why not: 1 to 200 characters, nothing personal.

    Raises:
        InputError: `workspace.unknown-object`; `input.malformed`, no such outcome, or no reason.
        ConflictError: `request.closed`.
    """
    if outcome not in OUTCOMES:
        raise InputError("no such outcome", code="input.malformed", where="outcome")
    why = reason(why)
    index, _ = _still_open(house, name)
    return _close(house, name, index, outcome=outcome, who=who, why=why)


def extend_request(
    house: House, name: str, *, who: str, why: str, until: date | None = None
) -> int:
    """Log that a request gets more time, and why; return the log index.

    The member's page says so from then on: this is how they are told. Who asked elsewhere has to be
    written to as well, before the first day has passed.

    Args:
        house: The workspace's ports.
        name: Its id.
        who: Who decided it, as their sign-in says.
        why: Why, as the member is told: 1 to 200 characters, nothing personal.
        until: The new day, in UTC; it ends at the hour at which the request came, as the first one
            does. None: the last that the law allows.

    Raises:
        InputError: `workspace.unknown-object`; `input.malformed`, no reason, or a day that is not
            after the first.
        ConflictError: `request.closed`, `request.extended`.
        RefusedError: `request.no-extension`: the law knows none for it, the first day has passed,
            or the new one is later than the law allows.
    """
    why = reason(why)
    index, document = _still_open(house, name)
    if house.ledger.object(_EXTENSION, name) is not None:
        raise ConflictError("it got more time already", code="request.extended", where=name)
    opened, due = parse_instant(document["at"]), parse_instant(document["due"])
    now, latest = ledger_now(house), latest_at(opened, document["rule"], document["kind"])
    new = latest if until is None else datetime.combine(until, opened.timetz())
    if latest is None or new is None or now > due or new > latest:
        raise RefusedError(
            _why_not(latest, late=now > due),
            code="request.no-extension",
            where=name,
            hint="answer it, or close it with what was done",
        )
    if new <= due:
        raise InputError(
            f"it is due {document['due']} already", code="input.malformed", where="until"
        )
    said: dict[str, Json] = {
        "act": "extend",
        "request": index,
        "due": format_instant(new),
        "who": who,
        "why": why,
        "at": format_instant(now),
    }
    return _log(house, _EXTENSION, name, said, now)


def _why_not(latest: datetime | None, *, late: bool) -> str:
    if latest is None:
        return "the law knows no longer time for a request of this kind"
    if late:
        return "its first day has passed, and the member had to be told before that"
    return f"the law allows no later day than {format_instant(latest)}"


def _still_open(house: House, name: str) -> tuple[int, Facts]:
    """Return the index and document of a request that is open.

    Raises:
        InputError: `workspace.unknown-object`.
        ConflictError: `request.closed`.
    """
    found = house.ledger.object("request", name)
    if found is None:
        raise InputError("no such request", code="workspace.unknown-object", where=name)
    if house.ledger.object("request-end", name) is not None:
        raise ConflictError("the request is closed already", code="request.closed", where=name)
    return found[0], found[2]


def close_erased(house: House, ordinals: Iterable[int], *, who: str, why: str) -> list[str]:
    """Close the open erasure requests of members who have been erased; return their ids."""
    gone = set(ordinals)
    closed = []
    for name, document in _open(house):
        if document["member"] in gone:
            outcome = "done" if document["kind"] == "erasure" else "taken-back"
            found = house.ledger.object("request", name)
            index = 0 if found is None else found[0]
            _close(house, name, index, outcome=outcome, who=who, why=why)
            closed.append(name)
    return closed


def list_requests(
    house: House, *, member: str | None = None, only_open: bool = False
) -> list[Facts]:
    """Return requests, the one due first at the top, those that are closed after them.

    Each: `request`, `index`, `member` (ordinal), `kind`, `channel`, `opened`, `due`, `rule`,
    `state` (`open`, `overdue`, `done`, `refused`, `taken-back`), `days_left` (whole days until it
    is due, negative where that is past; None where closed), `closed`, `closed_index`, `who`, `why`;
    of the longer time it got, `extended` (when), `extended_index`, `extended_why` and `first_due`,
    None where it got none; `latest`: to when its time may still be made longer, None: it may not.

    Args:
        house: The workspace's ports.
        member: Only theirs.
        only_open: Leave out those that are closed.

    Raises:
        InputError: `member.unknown`.
    """
    wanted = None
    if member is not None:
        row = house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        wanted = row[0]
    now = house.now()
    ends = {name: (index, end) for index, name, _, end in house.ledger.objects("request-end")}
    longer = {name: (index, more) for index, name, _, more in house.ledger.objects(_EXTENSION)}
    found = [
        _facts(name, index, document, ends.get(name), longer.get(name), now=now)
        for index, name, _, document in house.ledger.objects("request")
        if wanted is None or document["member"] == wanted
    ]
    kept = [facts for facts in found if facts["closed"] is None or not only_open]
    return sorted(
        kept,
        key=lambda f: (
            f["closed"] is not None,
            f["due"] if f["closed"] is None else "",
            f["index"],
        ),
    )


def _open(house: House) -> list[tuple[str, Facts]]:
    ended = {name for _, name, _, _ in house.ledger.objects("request-end")}
    return [(n, doc) for _, n, _, doc in house.ledger.objects("request") if n not in ended]


def _close(house: House, name: str, index: int, *, outcome: str, who: str, why: str) -> int:
    now = ledger_now(house)
    said: dict[str, Json] = {
        "act": "close",
        "request": index,
        "outcome": outcome,
        "who": who,
        "why": why,
        "at": format_instant(now),
    }
    return _log(house, "request-end", name, said, now)


def _log(house: House, kind: str, name: str, said: dict[str, Json], now: datetime) -> int:
    """Log a commitment to what was said of a request, and keep it under the request's id."""
    salt = house.random(_SALT_BYTES)
    with house.ledger.writing() as writer:
        logged = writer.log(RequestEntry(commitment=request_commitment(salt, said)).encode())
        writer.add_object(
            kind,
            name,
            index=logged,
            at_us=to_us(now),
            document={**said, "salt": salt.hex()},
        )
    return logged


def _facts(
    name: str,
    index: int,
    document: Facts,
    ended: tuple[int, Facts] | None,
    longer: tuple[int, Facts] | None,
    *,
    now: datetime,
) -> Facts:
    logged, end = ended or (None, {})
    told, more = longer or (None, {})
    first = parse_instant(document["due"])
    due = parse_instant(more["due"]) if more else first
    state = end.get("outcome", "overdue" if due < now else "open")
    latest = latest_at(parse_instant(document["at"]), document["rule"], document["kind"])
    may = latest is not None and not ended and not more and now <= first
    return {
        "request": name,
        "index": index,
        "member": document["member"],
        "kind": document["kind"],
        "channel": document["channel"],
        "opened": document["at"],
        "due": format_instant(due),
        "rule": document["rule"],
        "state": state,
        "days_left": None if ended else (due - now) // timedelta(days=1),
        "closed": end.get("at"),
        "closed_index": logged,
        "who": end.get("who"),
        "why": end.get("why"),
        "extended": more.get("at"),
        "extended_index": told,
        "extended_why": more.get("why"),
        "first_due": document["due"] if more else None,
        "latest": format_instant(latest) if latest is not None and may else None,
    }
