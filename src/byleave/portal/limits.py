"""How often one caller may ask: a token bucket each, shared by every server of the workspace.

A server takes some requests at a time out of the shared bucket and counts them down by itself, for
at most a second; what it does not use by then is lost to the caller, and never given twice. So all
servers together admit no more than one bucket holds, and most requests touch no file. Whoever is
refused is refused from memory until there can be something again. Where the file cannot be written
to, each server counts alone.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from byleave.portal.problem import ProblemError

__all__ = ["Buckets", "Limit", "Limits"]

_LOG: Final = logging.getLogger(__name__)
_CALLERS: Final = 100_000
_AT_ONCE: Final = 32
_HELD: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket: `burst` requests at once, refilled at `rate` a second."""

    rate: float
    burst: float


class Buckets(Protocol):
    """Where buckets stand (`stores/rates.py`)."""

    def take(
        self, caller: bytes, *, most: int, now: float, rate: float, burst: float
    ) -> tuple[int, float]:
        """Take at most so many requests; return how many, and what is left."""
        ...

    def close(self) -> None:
        """Let go of them."""
        ...


class _Alone:
    """Buckets in this process's memory; the least recent callers are forgotten beyond 100,000."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(
        self, caller: bytes, *, most: int, now: float, rate: float, burst: float
    ) -> tuple[int, float]:
        left, at = self._buckets.pop(caller, (burst, now))
        left = min(burst, left + (now - at) * rate)
        given = 0 if left < 1 else min(most, int(left))
        self._buckets[caller] = (left - given, now)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return given, left - given


class Limits:
    """Counts requests.

    Args:
        clock: Seconds that never go back, the same in every process of the machine.
        limit: The bucket of each caller.
        shared: Buckets of all servers; None: of this one alone.
        known_as: What a caller is called there.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        limit: Limit,
        shared: Buckets | None = None,
        *,
        known_as: Callable[[str], bytes] = str.encode,
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._alone = _Alone()
        self._shared = shared
        self._known_as = known_as
        self._held: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Take one from a caller's bucket.

        Raises:
            ProblemError: 429 `api.rate`, it is empty; `Retry-After` says for how long.
        """
        now = self._clock()
        held, until = self._held.pop(caller, (0, now))
        if held == 0 and now < until:  # refused a moment ago
            self._held[caller] = (0, until)
            raise _refused(until - now)
        if held == 0 or now >= until:
            held, left = self._take(caller, now)
            if held == 0:
                wait = (1 - left) / self._limit.rate
                self._hold(caller, 0, now + wait)
                raise _refused(wait)
            until = now + _HELD
        self._hold(caller, held - 1, until if held > 1 else now)

    def close(self) -> None:
        """Let go of the shared buckets."""
        if self._shared is not None:
            self._shared.close()

    def _hold(self, caller: str, held: int, until: float) -> None:
        self._held[caller] = (held, until)
        if len(self._held) > _CALLERS:
            self._held.popitem(last=False)

    def _take(self, caller: str, now: float) -> tuple[int, float]:
        rate, burst = self._limit.rate, self._limit.burst
        name = self._known_as(caller)
        if self._shared is not None:
            try:
                return self._shared.take(name, most=_AT_ONCE, now=now, rate=rate, burst=burst)
            except sqlite3.Error as error:
                _LOG.warning("rates are counted by this server alone: %s", error)
        return self._alone.take(name, most=1, now=now, rate=rate, burst=burst)


def _refused(wait: float) -> ProblemError:
    return ProblemError(429, "api.rate", "Too many requests in a row.", retry=int(wait) + 1)
