"""A few changed minds: the patch of a gate, against the full gate that it equals bit for bit.

The world of `world.py`; one member in a thousand changes their mind: who said yes withdraws,
everybody else says yes. Both plans, the rows resolved and the rows of each member are at hand, as
they are in a process that ran the gate before. Measured is everything from there on: comparing the
plans member by member, finding the rows, deciding them under both plans, and the new counts.
What is made once (resolving rows is measured elsewhere), and the full gate over the same blocks,
stand beside it. Equality is of counts and of every answer.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gate_measures import world
from byleave.consent.event import EventKind, NoticeCoverage
from byleave.consent.state import EventColumns, build
from byleave.engines.arrow import ArrowEngine
from byleave.gate.counts import Counts
from byleave.gate.incremental import Inverted, Patch, changed_ordinals, patch
from byleave.gate.patch import patch_plan
from byleave.gate.plan import GatePlan, MemberFacts, uses_of
from byleave.gate.resolved import Recipients, RowBlock, join_blocks, to_rows
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.ruleset import default_rules
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy
from byleave.service.gate_rows import Piece
from byleave.service.inverted import build as build_inverted
from byleave.service.source import Span

BLOCK_ROWS = 1 << 20
ENGINE = ArrowEngine()
Blocks = list[tuple[Piece, RowBlock]]


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (what is measured asks so)
    """Yield the measures: 50 million rows of 100 million members, or a tenth of each."""
    members, rows = (10_000_000, 5_000_000) if quick else (100_000_000, 50_000_000)
    minds = members // 1000
    old = world.make_plan(members)
    who = np.unique(np.random.default_rng(3).integers(0, members, minds))
    new, compiled = timed(lambda: changed_plan(old, who))
    blocks = make_blocks(rows, members)
    with tempfile.TemporaryDirectory(prefix="byleave-incremental-") as folder:
        inverted, indexed = timed(lambda: invert(Path(folder), blocks, members))
        counts = counts_of(old, blocks)
        made, _ = timed(lambda: update(old, new, blocks, inverted, counts))
        took: dict[str, list[float]] = {"all": [], "spoke": []}
        for _ in range(5):
            for name, among in (("all", None), ("spoke", who)):
                _, cost = timed(partial(update, old, new, blocks, inverted, counts, among))
                took[name].append(cost * 1000)
        full, whole = timed(lambda: counts_of(new, blocks))
        equal = same_counts(made.counts, full) and same_answers(old, new, blocks, made)
    size = f"{minds:,} changed minds"
    yield line(f"incremental: {size}, known who spoke", rows, min(took["spoke"]), "ms", 50.0)
    yield line(f"incremental: {size}, found by comparing all", rows, min(took["all"]), "ms", 50.0)
    yield line("incremental: rows decided again", rows, made.touched, "rows")
    yield line("incremental: equal to the full gate, row for row", rows, int(equal), "yes", 1.0)
    yield line("incremental: full gate over the same blocks, grounds counted", rows, whole, "CPU s")
    yield line("incremental: compiling the new plan from the old one", members, compiled, "CPU s")
    yield line("incremental: rows of each member, made once", rows, indexed, "CPU s")


def line(
    measure: str, size: int, value: float, unit: str, goal: float | None = None
) -> dict[str, Any]:
    """Return one measure; a goal of milliseconds is an upper bound, one of `yes` a lower one."""
    low = unit == "yes"
    met = None if goal is None else value >= goal if low else value <= goal
    floor = None if goal is None else goal / 2 if low else goal * 4
    return {
        "measure": measure,
        "size": size,
        "value": value,
        "unit": unit,
        "goal": goal,
        "met": met,
        "floor": floor,
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` gives, and the CPU seconds of this process that it took."""
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def update(
    old: GatePlan,
    new: GatePlan,
    blocks: Blocks,
    inverted: Inverted,
    counts: Counts,
    among: npt.NDArray[np.int64] | None = None,
) -> Patch:
    """Do what `service.gate_update` does once everything is at hand."""
    touched = inverted.of(changed_ordinals(old, new, among=among))
    firsts = np.array([piece.first_row for piece, _ in blocks], np.int64)
    edges = np.append(np.searchsorted(touched, firsts), len(touched))
    some = join_blocks(
        [
            block.take(touched[edges[n] : edges[n + 1]] - piece.first_row)
            for n, (piece, block) in enumerate(blocks)
            if edges[n] < edges[n + 1]
        ]
    )
    return patch(old, new, touched, some, counts, ENGINE)


def changed_plan(old: GatePlan, ordinals: npt.NDArray[np.int64]) -> GatePlan:
    """Return the plan after these members spoke again."""
    count = len(ordinals)
    yes = (old.categories[0].yes[ordinals >> 3] >> (ordinals & 7).astype(np.uint8)) & 1 == 1
    scope, taxonomy = Scope.parse(world.SCOPE), default_taxonomy()
    (use,) = uses_of(scope, taxonomy)
    columns = EventColumns(
        ordinal=np.arange(count),
        index=old.ledger + 1 + np.arange(count),
        kind=np.where(yes, EventKind.WITHDRAWAL, EventKind.GRANT).astype(np.uint8),
        effective_us=np.full(count, to_us(world.AT), np.int64),
        expires_us=np.full(count, FAR_FUTURE_US, np.int64),
        includes_past=np.ones(count, np.bool_),
        grade=np.full(count, 2, np.uint8),
        scope_id=np.zeros(count, np.int32),
        notice_id=np.zeros(count, np.int32),
        scopes=(scope,),
        notices=("ask",),
    )
    notices = {"ask": NoticeCoverage(uses=frozenset([use]), shown=frozenset([use]))}
    plan = patch_plan(
        old,
        at=world.AT,
        ledger=old.ledger + count,
        taxonomy=taxonomy,
        rules=default_rules(),
        rules_index=None,
        members=old.members,
        ordinals=ordinals,
        states=[build(columns, use, at=world.AT, members=count, notices=notices)],
        facts=MemberFacts.unknown(count),
        next_us=FAR_FUTURE_US,
    )
    assert plan is not None
    return plan


def make_blocks(rows: int, members: int) -> Blocks:
    """Return rows with their ids resolved, as a run leaves them behind."""
    draw = np.random.default_rng(2)
    blocks = []
    for first in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - first)
        span = Span(file=0, groups=range(1), first_row=first, rows=count)
        author, recipient = (draw.integers(0, members, count).astype(np.int32) for _ in range(2))
        block = RowBlock(
            members=members,
            words=(),
            category=None,
            draft=None,
            collected_us=None,
            author=author,
            recipients=(Recipients(offsets=None, values=recipient),),
        )
        blocks.append((Piece(name="", span=span, first_row=first, rows=count), block))
    return blocks


def invert(folder: Path, blocks: Blocks, members: int) -> Inverted:
    """Make the rows of each member, and map them."""
    with (folder / "starts").open("wb") as starts, (folder / "rows").open("wb") as rows:
        build_inverted(blocks, members, starts, rows)
    return Inverted(
        starts=np.memmap(folder / "starts", np.uint64, "r").view(np.ndarray),
        rows=np.memmap(folder / "rows", np.uint32, "r").view(np.ndarray),
    )


def counts_of(plan: GatePlan, blocks: Blocks) -> Counts:
    """Run the gate in full over the blocks."""
    counts = Counts()
    for _, block in blocks:
        counts.add(ENGINE.decide(plan, to_rows(plan, block)))
    return counts


def same_counts(one: Counts, two: Counts) -> bool:
    return one.to_dict() == two.to_dict()


def same_answers(old: GatePlan, new: GatePlan, blocks: Blocks, made: Patch) -> bool:
    """Compare every row's answer under both plans with what the patch says of it."""
    changed: list[npt.NDArray[np.int64]] = []
    for piece, block in blocks:
        was, now = (ENGINE.decide(plan, to_rows(plan, block)) for plan in (old, new))
        differs = (was.reason != now.reason) | (was.party != now.party) | (was.member != now.member)
        rows = np.flatnonzero(differs)
        changed.append(rows + piece.first_row)
        at = np.searchsorted(made.row, rows + piece.first_row)
        if len(rows) and (at[-1] >= len(made.row) or (now.reason[rows] != made.reason[at]).any()):
            return False
    return bool(np.array_equal(np.concatenate(changed), made.row))


if __name__ == "__main__":
    import json
    import sys

    for found in measure("--quick" in sys.argv):
        print(json.dumps(found))
