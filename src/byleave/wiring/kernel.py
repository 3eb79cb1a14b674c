"""What gates and sealing run on: compiled kernels where there is work for one, parts side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from byleave.engines.arrow import ArrowEngine, reasons_batch
from byleave.engines.reasons import Kernel as Loops
from byleave.errors import WorldError
from byleave.gate.members import IdKernel
from byleave.gate.plan import GatePlan
from byleave.gate.rows import ResolvedRows, RowDecisions, RowReasons
from byleave.snapshot.hashing import HashRows, Rows, by_hashlib
from byleave.snapshot.partition import Each, Ports
from byleave.snapshot.steps import Steps
from byleave.stores.spill import FileSpill

__all__ = ["GateKernel", "Kernel", "building", "in_parts"]

_WORTH_LOADING: Final = 300_000
"""Messages after which loading numba (about a second, once compiled) pays for itself."""
_WORTH_STEPS: Final = 100_000
"""Rows of a map after which the same holds of its steps: three to four messages each."""
_MOST_THREADS: Final = 8
_WORTH_ROWS: Final = 1 << 21
"""Rows of a gate after which numba is loaded: 0.6 CPU seconds, which lists of four parties regain
within four million rows, pairs within thirty."""


class GateKernel:
    """`GateEngine`: NumPy until there is work enough, then the compiled loops; answers are the same.

    Without numba (extra `kernel`), or where its machine code can be kept nowhere, NumPy goes on.

    Args:
        worth: Rows after which the kernel is loaded.
    """

    def __init__(self, worth: int = _WORTH_ROWS) -> None:
        self._left = worth
        self._plain = ArrowEngine()
        self._loops: Loops | None = None  # of rows, and of ids
        self._tried = False

    @property
    def name(self) -> str:
        """What answered last: `kernel` or `arrow`."""
        return self._plain.name if self._loops is None else "kernel"

    def resolve(self, plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
        """Return the rows of `batch` with ids as ordinals (see `GateEngine`)."""
        return self._plain.resolve(plan, batch)

    def decide(self, plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
        """Return one reason per row, and the grounds of those kept (see `GateEngine`)."""
        return self._plain.decide(plan, rows)

    def reasons(self, plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
        """Return one reason per row, and no grounds (see `GateEngine`)."""
        return reasons_batch(plan, batch, self._loaded(batch.num_rows))

    def ids(self, rows: int) -> IdKernel | None:
        """Return the loops over ids for so many more rows, or None: NumPy."""
        loops = self._loaded(rows)
        return None if loops is None else loops.ids

    def _loaded(self, rows: int) -> Loops | None:
        if not self._tried:
            self._left -= rows
            if self._left <= 0:
                self._tried, self._loops = True, _gate_loops()
        return self._loops


def _gate_loops() -> Loops | None:
    try:
        from byleave.engines.kernel import load_kernel

        return load_kernel()
    except (WorldError, RuntimeError):  # not installed, or nowhere to keep what it compiles
        return None


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


def _steps(rows: int) -> Steps | None:
    """Return compiled steps of a map where there are rows enough, and numba, for them."""
    if rows < _WORTH_STEPS:
        return None
    try:
        from byleave.engines.map_steps import CompiledSteps
    except (ImportError, RuntimeError):  # not installed, or nowhere to keep what it compiles
        return None
    return CompiledSteps()


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
        steps=_steps,
    )
