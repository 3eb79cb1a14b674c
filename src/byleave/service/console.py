"""What the operator's people see first: what is due, what is overdue, what was done last.

The dictionary has the shape of `byleave.pages.house.House`.
"""

from __future__ import annotations

from typing import Any, Final

from byleave.ids import format_instant
from byleave.service.house import House
from byleave.service.looks import last_looks
from byleave.service.requests import list_requests
from byleave.service.taint import tainted
from byleave.service.withdrawal import affected_packages, affected_releases

__all__ = ["console"]

_LAST: Final = 20

Facts = dict[str, Any]


def console(house: House) -> Facts:
    """Return the operator's overview.

    Cost: what `withdrawal plan` costs; the lists are the last twenty of each kind.
    """
    head = house.log.checkpoint()
    return {
        "at": format_instant(house.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "members": house.ledger.member_count(),
        "requests": [
            {name: item[name] for name in ("request", "due", "kind", "member", "state")}
            for item in list_requests(house, only_open=True)[:_LAST]
        ],
        "tainted": [
            {
                "release": taint.release,
                "since": format_instant(taint.since),
                "due": format_instant(taint.due),
                "rows": taint.rows,
                "members": taint.members,
            }
            for taint in tainted(house)
        ],
        "to_unlearn": [
            {"name": a.name, "rows": a.rows, "members": a.members} for a in affected_releases(house)
        ],
        "to_recall": [
            {"name": a.name, "rows": a.rows, "members": a.members} for a in affected_packages(house)
        ],
        "gates": [_gate(index, document) for index, _, document in _last(house, "gate")],
        "releases": [
            {
                "release": name,
                "index": index,
                "trainer": document["trainer"],
                "snapshot": document["snapshot"],
                "exact": document["exact"],
                "superseded_by": document["superseded_by"],
            }
            for index, name, document in _last(house, "release")
        ],
        "packages": [
            {
                "package": name,
                "index": index,
                "recipient": document["recipient"],
                "rows": document["rows"],
                "state": document["state"],
            }
            for index, name, document in _last(house, "disclosure")
        ],
        "looks": last_looks(house, _LAST),
    }


def _last(house: House, kind: str) -> list[tuple[int, str, Any]]:
    found = house.ledger.last_objects([kind], before=house.ledger.size(), limit=_LAST)
    return [(index, name, document) for index, _, name, _, document in found]


def _gate(index: int, document: Facts) -> Facts:
    return {
        "gate": document["gate"],
        "index": index,
        "source": document["source"],
        "use": document["use"],
        "at": document["at"],
        "rows": document["rows"],
        "kept": document["kept"],
        "reasons": [
            {"code": reason, "rows": rows}
            for reason, rows in sorted(document["reasons"].items(), key=lambda pair: -pair[1])
        ],
    }
