"""What sealing runs on: a compiled kernel where there is work for one, two parts at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from byleave.snapshot.hashing import HashRows, Rows, by_hashlib
from byleave.snapshot.partition import Each, Ports
from byleave.stores.spill import FileSpill

__all__ = ["Kernel", "building", "in_parts"]

_WORTH_LOADING: Final = 300_000
"""Messages after which loading numba (about a second, once compiled) pays for itself."""
_MOST_THREADS: Final = 8


class Kernel:
    """Hashes with the standard library until there is enough work, then with the lanes."""

    def __init__(self, worth: int = _WORTH_LOADING) -> None:
        self._left = worth
        self._compiled: HashRows | None = None

    def __call__(self, rows: Rows, length: int) -> Rows:
        """Return the SHA-256 of each padded message."""
        if self._compiled is None:
            self._left -= len(rows)
            if self._left > 0:
                return by_hashlib(rows, length)
            self._compiled = _load()
        return self._compiled(rows, length)


def _load() -> HashRows:
    try:
        from byleave.engines.sha256_lanes import hash_rows
    except (ImportError, RuntimeError):  # not installed, or nowhere to keep what it compiles
        return by_hashlib
    return hash_rows


def in_parts(threads: int) -> Each:
    """Return a `map` that keeps its order and runs at most `threads` parts at once."""

    def each(work: Callable[[int], Any], parts: Iterable[int]) -> Iterator[Any]:
        with ThreadPoolExecutor(threads) as pool:
            running: deque[Future[Any]] = deque()
            try:
                for part in parts:
                    running.append(pool.submit(work, part))
                    if len(running) > threads:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                for future in running:
                    future.cancel()

    return each


def building(folder: Path) -> Ports:
    """Return the ports of sealing in a workspace.

    Args:
        folder: On whose disk openings are put aside.
    """
    threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 8)
    return Ports(
        hash_rows=Kernel(),
        spill=lambda: FileSpill(folder),
        each=in_parts(min(threads, _MOST_THREADS)),
    )
