"""How often one caller may ask: a token bucket each, in this process's memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from byleave.portal.problem import ProblemError

__all__ = ["Limit", "Limits"]

_CALLERS = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket: `burst` requests at once, refilled at `rate` a second."""

    rate: float
    burst: float


class Limits:
    """Counts requests; the least recent callers are forgotten beyond 100,000.

    Args:
        clock: Seconds that never go back.
        limit: The bucket of each caller.
    """

    def __init__(self, clock: Callable[[], float], limit: Limit) -> None:
        self._clock = clock
        self._limit = limit
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Take one from a caller's bucket.

        Raises:
            ProblemError: 429 `api.rate`, it is empty; `Retry-After` says for how long.
        """
        now = self._clock()
        left, at = self._buckets.pop(caller, (self._limit.burst, now))
        left = min(self._limit.burst, left + (now - at) * self._limit.rate)
        if left < 1:
            self._buckets[caller] = (left, now)
            wait = int((1 - left) / self._limit.rate) + 1
            raise ProblemError(429, "api.rate", "Too many requests in a row.", retry=wait)
        self._buckets[caller] = (left - 1, now)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
