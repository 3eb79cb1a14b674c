"""What members paid for a window of days: exact, in cents, payers only.

A fee counts for the part of its interval that lies in the window, by the second, and is rounded
up to a cent for each interval. A fee whose interval has no start or no end counts whole, as its
length is not on record. Another currency is counted apart, never converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.practice import Interval, as_text, as_us
from byleave.ids import FAR_FUTURE_US

__all__ = ["Fees", "fees_counted", "fees_paid"]

Array = Any  # a NumPy int64 or bool array over fees

_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Cents (None: not computable), who paid, and a clause on what was missing."""

    cents: int | None
    payers: int
    missing: str = ""


def fees_paid(
    subscriptions: pa.Table | None,
    members: pa.Array,
    *,
    window: Interval | None,
    currency: str,
) -> Fees:
    """Sum what `members` paid for the days of `window`.

    Args:
        subscriptions: `member`, `start`, `end`, `price_cents` (below 2**31), `currency`.
        members: Distinct ids.
        window: The days; None: nothing can be computed.
        currency: Fees in another one are left out and said so.
    """
    if subscriptions is None or "price_cents" not in subscriptions.column_names:
        return _not_computable(prices=False)
    if window is None:
        return _not_computable(prices=True)
    member = pc.fill_null(pc.index_in(as_text(subscriptions["member"]), as_text(members)), -1)
    ordinal = member.to_numpy(zero_copy_only=False)
    price = _numpy(pc.fill_null(subscriptions["price_cents"].cast(pa.int64()), 0))
    start = as_us(subscriptions["start"], -FAR_FUTURE_US)
    end = as_us(subscriptions["end"], FAR_FUTURE_US)
    paid = (ordinal >= 0) & (price > 0) & (start < window.end_us) & (end > window.start_us)
    missing = ""
    if "currency" in subscriptions.column_names:
        same = _numpy(pc.fill_null(pc.equal(subscriptions["currency"], currency), False))
        if bool((paid & ~same).any()):
            missing = f"; {int((paid & ~same).sum())} fees in another currency are not summed"
        paid &= same
    cents = _shares(price[paid], start[paid], end[paid], window)
    return Fees(cents=int(cents.sum()), payers=len(np.unique(ordinal[paid])), missing=missing)


def fees_counted(rows: pa.Table, *, payers: int, window: Interval | None, prices: bool) -> Fees:
    """Sum fees that were counted elsewhere, alike ones together (see `fees_paid`).

    Args:
        rows: `price`, `start`, `stop` (int64; microseconds), `same` (1: in the currency asked
            for), `n` (how many fees are so); each overlaps the window.
        payers: Distinct members with a fee in that currency.
        window: The days; None: nothing can be computed.
        prices: Whether prices were imported.
    """
    if not prices or window is None:
        return _not_computable(prices)
    price, start, stop, same, count = (
        _numpy(rows[name]) for name in ("price", "start", "stop", "same", "n")
    )
    other = int(count[same == 0].sum())
    missing = f"; {other} fees in another currency are not summed" if other else ""
    own = same == 1
    shares = _shares(price[own], start[own], stop[own], window)
    cents = sum(int(s) * int(n) for s, n in zip(shares, count[own], strict=True))
    return Fees(cents=cents, payers=payers, missing=missing)


def _not_computable(prices: bool) -> Fees:  # noqa: FBT001
    return Fees(
        cents=None,
        payers=0,
        missing="; no window of days was stated, and none follows from the practice"
        if prices
        else "; no prices were imported",
    )


def _shares(price: Array, start: Array, end: Array, window: Interval) -> Array:
    """Return each fee's share for the window; all of them overlap it."""
    share = price.copy()
    closed = (start != -FAR_FUTURE_US) & (end != FAR_FUTURE_US)
    begin = np.maximum(start[closed], window.start_us) // _SECOND_US
    stop = _up(np.minimum(end[closed], window.end_us))
    whole = _up(end[closed]) - start[closed] // _SECOND_US
    share[closed] = -(-price[closed] * np.clip(stop - begin, 0, whole) // whole)
    return share


def _up(microseconds: Array) -> Array:
    return -(-microseconds // _SECOND_US)


def _numpy(column: pa.ChunkedArray) -> Array:
    return column.combine_chunks().to_numpy(zero_copy_only=False)
