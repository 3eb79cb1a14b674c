"""The ledger's own time: the clock, but never before what was recorded last.

A clock that went backwards must not lose a withdrawal, nor let one take effect later than it was
said. So the ledger takes the later of the clock and its last event as now: order is kept by the
ledger index, `recorded` never decreases, and a decision taken now sees everything recorded.
"""

from __future__ import annotations

import warnings
from datetime import datetime

from byleave.ids import from_us, to_us
from byleave.service.house import House

__all__ = ["ClockWarning", "between", "ledger_now"]


class ClockWarning(UserWarning):
    """The clock is behind the ledger (`workspace.clock`); what was recorded stands."""


def ledger_now(house: House) -> datetime:
    """Return the instant of an act: the clock's, or the last event's where the clock is behind.

    Warns:
        ClockWarning: The clock is behind the last event, and by how much.
    """
    now, last = house.now(), house.ledger.last_recorded()
    if last is None or to_us(now) >= last:
        return now
    behind = from_us(last) - now
    warnings.warn(
        f"the clock is {behind} behind the ledger's last event; recorded as of that event",
        ClockWarning,
        stacklevel=3,
    )
    return from_us(last)


def between(house: House, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Return the log indexes, the last exclusive, of what was recorded in a stretch of time.

    Both ends are found by halving: events' instants do not go back (`ledger_now`); an entry whose
    clock was behind counts by its place.

    Args:
        house: The workspace's ports.
        since: From then on; None: from the first entry.
        until: Until then, exclusive; None: to the newest.
    """
    start = 0 if since is None else house.ledger.index_from(to_us(since))
    end = house.ledger.size() if until is None else house.ledger.index_from(to_us(until))
    return start, max(start, end)
