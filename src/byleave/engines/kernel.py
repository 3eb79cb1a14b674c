"""The compiled kernel: the same answers in one pass, memory asked for ahead of its use.

Optional (`pip install 'byleave[kernel]'`); without it NumPy answers alike, which the same suite
holds both to. What it gains is not arithmetic: a random read from planes that no cache holds
takes longer than all else in a row, and a compiled loop can ask for the reads of rows to come
(`llvm.prefetch`), which NumPy cannot.

The first call compiles (about two seconds); the machine code is kept beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.engines.arrow import reasons_batch
from byleave.engines.detail import decide_rows
from byleave.engines.extra import load
from byleave.engines.reading import resolve_rows
from byleave.engines.reasons import OPEN, Lists, PairTable, Speech
from byleave.gate.category import CategoryPlan
from byleave.gate.plan import GatePlan
from byleave.gate.rows import ResolvedRows, RowDecisions, RowReasons
from byleave.policy.ruleset import PartyRule

__all__ = ["IdLoops", "Kernel", "KernelEngine", "load_ids", "load_kernel", "reasons_batch_compiled"]

Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IdLoops:
    """`gate.members.IdKernel` by numba (see `engines.id_loops`)."""

    loops: Any

    def suffixes(
        self, offsets: Longs, data: Bytes, prefix: bytes
    ) -> tuple[Longs, npt.NDArray[np.bool_]]:
        """Return the whole number behind the prefix, and where a text is just that."""
        count = len(offsets) - 1
        numbers, good = np.empty(count, np.int64), np.empty(count, np.bool_)
        self.loops.suffixes(offsets, data, np.frombuffer(prefix, np.uint8), numbers, good)
        return numbers, good

    def find(
        self,
        offsets: Longs,
        data: Bytes,
        known: tuple[Longs, Bytes],
        hashes: npt.NDArray[np.uint64],
        order: npt.NDArray[np.int32],
        starts: npt.NDArray[np.int32],
        shift: np.uint64,
    ) -> Longs:
        """Return the ordinal of each text, -1 where there is none (see `IdKernel`)."""
        found = np.empty(len(offsets) - 1, np.int64)
        self.loops.find(offsets, data, *known, hashes, order, starts, shift, found)
        return found


@dataclass(frozen=True, slots=True)
class Kernel:
    """`reasons.Kernel` by numba (see `engines.kernel_loops`)."""

    loops: Any
    ids: IdLoops

    def pairs(
        self,
        category: CategoryPlan,
        table: PairTable,
        exact: PairTable | None,
        parties: tuple[npt.NDArray[Any], ...],
        reason: npt.NDArray[np.uint8],
        party: npt.NDArray[np.int32],
    ) -> None:
        """Decide rows of an author and at most one recipient (see `reasons.Kernel`)."""
        more = exact if exact is not None else table
        self.loops.pairs(
            category.glance.codes,
            category.glance.width,
            category.profile,
            parties[0],
            parties[-1],
            len(parties) == 1,
            table.reason,
            table.party,
            more.reason,
            more.party,
            more.width if exact is not None else 0,
            reason,
            party,
        )

    def lists(
        self,
        category: CategoryPlan,
        speech: Speech,
        rows: Lists,
        reason: npt.NDArray[np.uint8],
        party: npt.NDArray[np.int32],
    ) -> None:
        """Decide rows of an author and any number of recipients (see `reasons.Kernel`)."""
        glance = category.glance
        if not len(rows.collected) and glance.is_whole(len(category.profiles)):
            chosen = list(glance.profiles)
            says = [np.full(16, OPEN, np.uint32) for _ in range(2)]
            says[0][: len(chosen)], says[1][: len(chosen)] = (
                speech.author[chosen],
                speech.other[chosen],
            )
            rule = np.zeros(16, np.uint8)
            rule[: len(chosen)] = speech.rule[chosen]
            mixed = speech.held < 0 and len(set(rule[: len(chosen)].tolist())) > 1
            self.loops.glances(
                glance.codes,
                glance.width,
                rows.author,
                rows.offsets,
                rows.others,
                *says,
                rule,
                speech.held,
                mixed or PartyRule.ANY in {speech.held, int(rule[0])},
                reason,
                party,
            )
            return
        meant = np.full(16, -1, np.int64)
        meant[: len(glance.profiles)] = glance.profiles
        self.loops.lists(
            glance.codes,
            glance.width,
            meant,
            category.profile,
            rows.author,
            rows.offsets,
            rows.others,
            rows.collected,
            speech.author,
            speech.other,
            speech.rule,
            speech.held,
            category.profiles.earliest_us,
            category.profiles.from_lo,
            category.profiles.from_hi,
            category.start.bits.view(np.uint64),
            category.start.ranks,
            category.start.values,
            reason,
            party,
        )


@dataclass(frozen=True, slots=True)
class KernelEngine:
    """`GateEngine` whose `reasons` are compiled; `decide` is the default engine's."""

    kernel: Kernel
    name: str = field(default="kernel")

    def resolve(self, plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
        """Return the rows of `batch` with ids as ordinals (see `GateEngine`)."""
        return resolve_rows(plan, batch)

    def decide(self, plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
        """Return one reason per row, and the grounds of those kept (see `GateEngine`)."""
        return decide_rows(plan, rows)

    def reasons(self, plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
        """Return one reason per row, and no grounds (see `GateEngine`)."""
        return reasons_batch(plan, batch, self.kernel)


def load_ids() -> IdLoops:
    """Return the loops over ids.

    Raises:
        WorldError: `cli.extra-missing`, numba is not installed.
    """
    load("numba", extra="kernel")
    return IdLoops(load("byleave.engines.id_loops", extra="kernel"))


def load_kernel() -> Kernel:
    """Return the kernel.

    Raises:
        WorldError: `cli.extra-missing`, numba is not installed.
    """
    ids = load_ids()
    return Kernel(load("byleave.engines.kernel_loops", extra="kernel"), ids)


def reasons_batch_compiled(plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
    """Return what `arrow.reasons_batch` does, by the kernel: for workers that import one function.

    Raises:
        WorldError: `cli.extra-missing`, numba is not installed.
    """
    return reasons_batch(plan, batch, load_kernel())
