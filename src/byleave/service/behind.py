"""How far the published checkpoint is behind the ledger: what a page says where it is old."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from byleave.ids import to_us
from byleave.service.house import House

__all__ = ["MINUTES", "log_behind"]

MINUTES: Final = 10
"""Minutes that an entry may wait for its checkpoint before pages say so (rule O7)."""


def log_behind(house: House) -> dict[str, Any] | None:
    """Return how many entries wait, once one has waited for `MINUTES`; None before.

    A log that nobody writes to is not behind, however old its checkpoint. Cost: two numbers, and
    where entries wait some log2(size) look-ups.
    """
    published, recorded = house.log.checkpoint().size, house.ledger.size()
    if recorded <= published:
        return None
    since = to_us(house.now() - timedelta(minutes=MINUTES))
    if house.ledger.index_from(since) <= published:
        return None
    return {"waiting": recorded - published, "minutes": MINUTES}
