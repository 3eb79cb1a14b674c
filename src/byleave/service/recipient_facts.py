"""What a recipient sees of its own: packages with their terms, what is recalled, what lies there."""

from __future__ import annotations

import json
from typing import Any, Final

from byleave.ids import format_instant, from_us
from byleave.service.house import House
from byleave.service.parcel import key_of
from byleave.service.recall import listing, status

__all__ = ["recipient_facts"]

_DONE: Final = "acknowledged"

Facts = dict[str, Any]


def recipient_facts(house: House, recipient: str) -> Facts:
    """Return one recipient's packages, newest first, and what lies there for it.

    Cost: the state of every package of the workspace.
    """
    found = key_of(house, recipient)
    lies = listing(house, recipient)
    states = {item["disclosure"]: item for item in status(house)}
    return {
        "recipient": recipient,
        "key": None if found is None else found[1].key.hex(),
        "key_index": None if found is None else found[0],
        "packages": [
            _package(house, name, index, at, document, states[name])
            for index, name, at, document in reversed(house.ledger.objects("disclosure"))
            if document["recipient"] == recipient
        ],
        "files": lies["packages"],
        "orders": [item["name"] for item in lies["orders"]],
    }


def _package(house: House, name: str, index: int, at: int, document: Facts, state: Facts) -> Facts:
    terms = json.loads(document["terms"])
    return {
        "package": name,
        "index": index,
        "at": format_instant(from_us(at)),
        "use": document["use"],
        "rows": document["rows"],
        "recalled_rows": len(document["recalled_rows"]),
        "state": state["state"],
        "due": state["due"],
        "may_train": terms["may_train"],
        "may_pass_on": terms["may_pass_on"],
        "recall_days": terms["recall_days"],
        "expires": terms["expires"],
        "onward": sorted(document.get("pass_on", {})),
        "recalls": [
            _recall(house, key, recall)
            for _, key, _, recall in house.ledger.objects("recall")
            if recall["disclosure"] == name and not recall.get("withheld")
        ],
    }


def _recall(house: House, key: str, recall: Facts) -> Facts:
    answered = house.ledger.object("acknowledgement", key)
    return {
        "order": key,
        "at": recall["at"],
        "due": recall["document"]["due"],
        "rows": len(recall["rows"]),
        "answered": None if answered is None else format_instant(from_us(answered[1])),
        "late": answered is None and format_instant(house.now()) >= recall["document"]["due"],
    }
