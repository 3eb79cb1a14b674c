"""What erasing a member would take and what would stay, counted before they say so.

The dictionary has the shape of `byleave.pages.leaving.Leaving`.
"""

from __future__ import annotations

from typing import Any

from byleave.ids import format_instant
from byleave.service.answer import member_answer
from byleave.service.by_member import own_rows, region_of
from byleave.service.erasure import standing
from byleave.service.held import Held
from byleave.service.house import House
from byleave.service.looks import looks_about
from byleave.service.requests import due_at, list_requests

__all__ = ["leaving"]

_SHOWN = (
    "request", "index", "kind", "opened", "due", "state", "closed", "closed_index", "why",
    "extended", "extended_index", "extended_why",
)  # fmt: skip
Facts = dict[str, Any]


def leaving(house: House, member: str) -> Facts:
    """Return what goes, what stays, what stands in the way, and what was asked for.

    Raises:
        InputError: `member.unknown`.
    """
    answer = member_answer(house, member)
    row = house.ledger.member(member)
    ordinal = 0 if row is None else row[0]
    blocking = standing(house, [ordinal], held=Held(house, ordinal))
    asked = list_requests(house, member=member)
    logged = {answer["enrolment_index"], *(choice["index"] for choice in answer["choices"])}
    logged |= {
        index
        for f in asked
        for index in (f["index"], f["extended_index"], f["closed_index"])
        if index is not None
    }
    logged |= {look["index"] for look in looks_about(house, member)}
    holders = [item["who"] for item in answer["timeline"] if item["kind"] == "delivered"]
    opened = house.now()
    due, rule = due_at(opened, region_of(house, ordinal, opened))
    return {
        "member_label": member,
        "at": answer["at"],
        "checkpoint": answer["checkpoint"],
        "records": sum(
            len(own_rows(house, name, member).rows)
            for _, name, _, _ in house.ledger.objects("source")
        ),
        "choices": len(answer["choices"]),
        "entries": len(logged),
        "holders": list(dict.fromkeys(holders)),
        "blocking": [{"kind": kind, "name": name} for kind, name in blocking],
        "due": format_instant(due),
        "rule": rule,
        "requests": [{name: facts[name] for name in _SHOWN} for facts in asked],
    }
