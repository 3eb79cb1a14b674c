"""Rows resolved once, and a few changed minds decided alone, against deciding everything anew."""

from __future__ import annotations

import io
from dataclasses import replace
from random import Random

import numpy as np
import numpy.typing as npt
from hypothesis import event, given, settings
from hypothesis import strategies as st

from byleave.engines.arrow import ArrowEngine
from byleave.gate.counts import Counts
from byleave.gate.incremental import Inverted, changed_ordinals, comparable, patch
from byleave.gate.plan import GatePlan
from byleave.gate.resolved import RowBlock, block_of, join_blocks, to_rows
from byleave.gate.rows import ResolvedRows
from byleave.ids import MemberId
from byleave.policy.ruleset import default_rules
from byleave.service.gate_rows import Piece
from byleave.service.inverted import build
from byleave.service.source import Span
from byleave.testing.engine_suite import Example, compile_example
from tests.engines.strategies import RULES, example_of, examples
from tests.unit.gate.test_patch import ADDED, later

ENGINE = ArrowEngine()


def same_rows(plan: GatePlan, one: ResolvedRows, two: ResolvedRows) -> bool:
    """Compare all that the plan asks of rows: one that asks for no instants reads none."""
    names = ["category", "draft", "offsets", "party", "lonely"]
    names += [] if plan.is_timeless else ["collected_us"]
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in names)


def invert(parts: list[tuple[int, RowBlock]], members: int) -> Inverted:
    """Return the rows of each member of some blocks."""
    blocks = []
    for first, block in parts:
        span = Span(file=0, groups=range(1), first_row=first, rows=len(block))
        blocks.append((Piece(name="", span=span, first_row=first, rows=len(block)), block))
    starts, rows = io.BytesIO(), io.BytesIO()
    build(blocks, members, starts, rows)
    return Inverted(
        starts=np.frombuffer(starts.getvalue(), np.uint64),
        rows=np.frombuffer(rows.getvalue(), np.uint32),
    )


@settings(max_examples=150, deadline=None)
@given(example=examples(), seed=st.integers(0, 2**32))
def test_a_block_gives_the_rows_of_an_engine(example: Example, seed: int) -> None:
    """Rows taken from a block, whole or some of them, resolve as an engine resolves them."""
    plan, batch = compile_example(example)
    want = ENGINE.resolve(plan, batch)
    block = block_of(plan.contract, plan.members, batch)
    assert block is not None
    assert same_rows(plan, to_rows(plan, block), want)
    draw = np.random.default_rng(seed)
    some = np.flatnonzero(draw.random(len(block)) < 0.5)
    here = ENGINE.resolve(plan, batch.take(some))
    assert same_rows(plan, to_rows(plan, block.take(some)), here)
    if len(some):
        cut = int(draw.integers(0, len(some)))
        halves = [block.take(some[:cut]), block.take(some[cut:])]
        assert same_rows(plan, to_rows(plan, join_blocks(halves)), here)


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_a_patch_is_a_full_gate(seed: int) -> None:
    """After any events, members and days, under any rulesets, the touched rows tell all.

    Rows of no changed member answer as before; the patch names exactly the rows whose answer is
    another, with the answers and the counts of a full gate; and looking only at those who spoke
    finds the same members as comparing everybody.
    """
    rng = Random(seed)
    example = example_of(rng.randint(0, 2**48))
    world = replace(example.world, rules=rng.choice([default_rules(), RULES]))
    rows = [
        replace(r, author=MemberId(ADDED[0])) if rng.random() < 0.1 else r for r in example.rows
    ]
    before = replace(example, world=world, rows=rows)
    grown, touched = later(rng, world)
    old, batch = compile_example(before)
    new, _ = compile_example(replace(before, world=grown))
    assert comparable(old, new)
    block = block_of(new.contract, new.members, batch)
    assert block is not None
    assert same_rows(old, to_rows(old, block), ENGINE.resolve(old, batch))
    cut = rng.randint(0, len(block))
    at = np.arange(len(block))
    parts = [(0, block.take(at[:cut])), (cut, block.take(at[cut:]))]
    changed = changed_ordinals(old, new)
    rows_of = invert(parts, len(new.members)).of(changed)
    was, now = (ENGINE.decide(p, ENGINE.resolve(p, batch)) for p in (old, new))
    counts, full = Counts(), Counts()
    counts.add(was)
    full.add(now)
    some = block.take(rows_of)
    made = patch(old, new, rows_of, some, counts, ENGINE)
    differs = (was.reason != now.reason) | (was.party != now.party) | (was.member != now.member)
    assert np.array_equal(made.row, np.flatnonzero(differs))
    for name in ("reason", "party", "member"):
        assert np.array_equal(getattr(made, name), getattr(now, name)[made.row]), name
    assert made.counts.to_dict() == full.to_dict()
    assert made.touched == len(rows_of)
    event(f"rows changed: {len(made.row) > 0}")
    if grown.at == world.at:  # nothing but the events then
        ids = list(grown.events)
        among: npt.NDArray[np.int64] = np.array(sorted(ids.index(m) for m in touched), np.int64)
        assert np.array_equal(changed_ordinals(old, new, among=among), changed)
