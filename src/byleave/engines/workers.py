"""What worker processes of a cluster share: a plan file, mapped once in each process.

A task carries the plan's place and digest, never the plan. The first batch in a process opens the
file, checks it whole, and compares its digest with the one the driver saw; all processes of one
machine that map one file share one copy of it in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from byleave.engines.passing import check_schema, decide_plain, gate_batches
from byleave.engines.plan_files import open_plan
from byleave.engines.tally import Tally
from byleave.errors import EvidenceError
from byleave.gate.plan import GatePlan

__all__ = ["PlanPlace", "count_block", "pass_block", "plan_at"]

_PLANS_HELD: Final = 4
_CODES: Final = 256


@dataclass(frozen=True, slots=True)
class PlanPlace:
    """Where a plan file stands for workers, and the digest it must have; small, it travels.

    Attributes:
        path: Its path on every node; of a shipped file its name.
        digest: The plan's digest, 64 hexadecimal digits.
        shipped: Whether the cluster's own way of shipping files says where it is.
    """

    path: str
    digest: str
    shipped: bool = False

    @classmethod
    def of(cls, path: Path) -> tuple[PlanPlace, GatePlan]:
        """Check a plan file whole; return its place and the plan.

        Raises:
            InputError: `input.not-found`; `plan.version`.
            EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
        """
        plan = open_plan(path)
        return cls(str(path), plan.digest.hex()), plan


@lru_cache(maxsize=_PLANS_HELD)
def plan_at(place: PlanPlace) -> GatePlan:
    """Return the plan of a place, mapped when it is first asked for in this process.

    Raises:
        InputError: `input.not-found`; `plan.version`.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`, another plan stands there.
    """
    plan = open_plan(Path(place.path))
    if plan.digest.hex() != place.digest:
        raise EvidenceError(
            "another plan stands where the workers were told to find theirs",
            code="plan.digest",
            where=place.path,
        )
    return plan


def count_block(place: PlanPlace, block: pa.Table) -> pa.Table:
    """Return how many rows of a block have each reason: `code`, `rows`.

    Raises:
        InputError: `contract.*`.
        ByleaveError: `gate.sum`.
    """
    plan = plan_at(place)
    check_schema(plan, block.schema, name="the rows", narrow=True)
    counts = np.zeros(_CODES, np.int64)
    for batch in block.combine_chunks().to_batches():
        decided = decide_plain(plan, batch)
        Tally(plan).add(decided.reason, batch.num_rows)
        counts += np.bincount(decided.reason, minlength=_CODES)
    found = np.flatnonzero(counts)
    return pa.table({"code": pa.array(found), "rows": pa.array(counts[found])})


def pass_block(
    place: PlanPlace, block: pa.Table, *, mark: bool = False, name: str = "the rows"
) -> pa.Table:
    """Return the rows of a block that are kept, or all of them with their reasons.

    Raises:
        InputError: `contract.*`.
        ByleaveError: `gate.sum`.
    """
    plan = plan_at(place)
    batches = block.combine_chunks().to_batches()
    schema, passed = gate_batches(
        plan, block.schema, batches, Tally(plan), mark=mark, name=name, narrow=True
    )
    return pa.Table.from_batches(passed, schema)
