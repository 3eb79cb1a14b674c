"""Who of the operator's people looked at a member's data, and why: each look has a log entry.

The log holds a commitment; the ledger keeps who, whom and why. A member can be told, and an
auditor shown the opening, that nobody looked besides (G12).
"""

from __future__ import annotations

from typing import Any

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.evidence.entry import LookEntry
from byleave.evidence.look import look_commitment
from byleave.ids import format_instant, from_us
from byleave.service.clock import ledger_now
from byleave.service.house import House
from byleave.service.noting import note, reason

__all__ = ["last_looks", "list_looks", "log_look", "looks_about"]


def log_look(house: House, who: str, member: str, *, why: str) -> int:
    """Log that somebody looked at a member's data; return the log index.

    Args:
        house: The workspace's ports.
        who: Their name, as their sign-in says.
        member: About whom.
        why: Their reason, 1 to 200 characters.

    Raises:
        InputError: `member.unknown`; `input.malformed`, no reason.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    now = ledger_now(house)
    document: dict[str, Json] = {
        "who": who,
        "member": row[0],
        "why": reason(why),
        "at": format_instant(now),
    }
    return note(house, "look", document, at=now, entry=_entry)


def _entry(salt: bytes, document: Json) -> LookEntry:
    return LookEntry(commitment=look_commitment(salt, document))


def list_looks(house: House) -> list[dict[str, Any]]:
    """Return every look, oldest first; the member stands in it by ordinal."""
    return [_look(index, at, document) for index, _, at, document in house.ledger.objects("look")]


def last_looks(house: House, limit: int) -> list[dict[str, Any]]:
    """Return the last looks, newest first, as `list_looks` does; no other is read."""
    found = house.ledger.last_objects(["look"], before=house.ledger.size(), limit=limit)
    return [_look(index, at, document) for index, _, _, at, document in found]


def _look(index: int, at: int, document: dict[str, Any]) -> dict[str, Any]:
    said = {name: document[name] for name in ("who", "member", "why")}
    return {"index": index, "at": format_instant(from_us(at)), **said}


def looks_about(house: House, member: str) -> list[dict[str, Any]]:
    """Return the looks at one member, oldest first.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    return [look for look in list_looks(house) if look["member"] == row[0]]
