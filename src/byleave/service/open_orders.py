"""What was called back of one disclosure, what was answered, and which orders are still open."""

from __future__ import annotations

from typing import Any, Final

from byleave.errors import EvidenceError
from byleave.evidence.disclosed import Order
from byleave.ids import format_instant
from byleave.service.house import House

__all__ = ["answers_of", "open_orders", "recalls_of"]

ORDER: Final = ".order"


def open_orders(house: House, recipient: str, name: str) -> list[dict[str, Any]] | None:
    """Return the orders about a recipient's package not answered yet, as they are listed.

    Args:
        house: The workspace's ports.
        recipient: Whose package.
        name: The disclosure.

    Returns:
        `name`, `rows`, `at`, `due` of each; None: it is no package of theirs.
    """
    found = house.ledger.object("disclosure", name)
    if found is None or found[2]["recipient"] != recipient:
        return None
    orders = []
    for _, key, _, document in recalls_of(house, found[2], name):
        if document.get("withheld") or document["state"] == "acknowledged":
            continue
        order = Order.read(document["document"])
        orders.append(
            {
                "name": f"{key}{ORDER}",
                "rows": len(order.labels),
                "at": format_instant(order.at),
                "due": format_instant(order.due),
            }
        )
    return orders


def recalls_of(
    house: House, offered: dict[str, Any], name: str
) -> list[tuple[int, str, int, dict[str, Any]]]:
    """Return (index, id, at_us, document) of one disclosure's recalls, and read no other's.

    Args:
        house: The workspace's ports.
        offered: The disclosure's document.
        name: Its id.

    Raises:
        EvidenceError: `workspace.damaged`, a recall is gone.
    """
    found = []
    for number in range(1, len(offered["recalls"]) + 1):
        row = house.ledger.object("recall", f"{name}-recall-{number}")
        if row is None:
            raise EvidenceError("a recall is gone", code="workspace.damaged")
        found.append((row[0], f"{name}-recall-{number}", row[1], row[2]))
    return found


def answers_of(
    house: House, offered: dict[str, Any], name: str
) -> list[tuple[int, dict[str, Any]]]:
    """Return (index, document) of the answers to one disclosure's recalls, by recall.

    Args:
        house: The workspace's ports.
        offered: The disclosure's document.
        name: Its id.

    Raises:
        EvidenceError: `workspace.damaged`, an answer is gone.
    """
    found = []
    for _, key, _, recall in recalls_of(house, offered, name):
        if recall["state"] == "acknowledged":
            row = house.ledger.object("acknowledgement", key)
            if row is None:
                raise EvidenceError("an answer is gone", code="workspace.damaged")
            found.append((row[0], row[2]))
    return found
