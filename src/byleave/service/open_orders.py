"""Which orders about a recipient's package are not answered yet, as its page and the API list them."""

from __future__ import annotations

from typing import Any, Final

from byleave.evidence.disclosed import Order
from byleave.ids import format_instant
from byleave.service.house import House

__all__ = ["open_orders"]

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
    for _, key, _, document in house.ledger.objects("recall"):
        if document["disclosure"] != name or document.get("withheld"):
            continue
        if house.ledger.object("acknowledgement", key) is not None:
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
