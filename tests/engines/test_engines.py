"""Every engine agrees with the row-wise oracle (DESIGN §7)."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.reason import Ground, Reason
from byleave.engines.arrow import ArrowEngine, decide_batch
from byleave.gate.rows import GateEngine
from byleave.ids import LedgerIndex
from byleave.testing.engine_suite import (
    Example,
    answers,
    compile_example,
    disagreements,
    expected,
)
from tests.engines.strategies import AT, example_of, examples

ENGINES: list[GateEngine] = [ArrowEngine()]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
@settings(deadline=None, max_examples=500)
@given(example=examples())
def test_engine_agrees_with_the_oracle(engine: GateEngine, example: Example) -> None:
    """Every engine gives each row the oracle's reason, party and grounds."""
    assert disagreements(engine, example) == []


@settings(deadline=None, max_examples=60)
@given(example=examples(), data=st.data())
def test_splitting_changes_nothing(example: Example, data: st.DataObject) -> None:
    """How rows are cut into batches changes no answer."""
    plan, batch = compile_example(example)
    cut = data.draw(st.integers(0, batch.num_rows))
    parts = [batch.slice(0, cut), batch.slice(cut)]
    whole = answers(plan, decide_batch(plan, batch))
    assert [a for part in parts for a in answers(plan, decide_batch(plan, part))] == whole


@settings(deadline=None, max_examples=60)
@given(example=examples())
def test_gate_is_idempotent(example: Example) -> None:
    """What passed the gate passes it again, all of it and on the same grounds."""
    plan, batch = compile_example(example)
    once = decide_batch(plan, batch)
    kept = batch.filter(pa.array(once.reason == Reason.KEPT))
    twice = decide_batch(plan, kept)
    assert (twice.reason == Reason.KEPT).all()
    assert np.array_equal(once.ground_index, twice.ground_index)


@settings(deadline=None, max_examples=60)
@given(example=examples(), data=st.data())
def test_no_adds_no_row(example: Example, data: st.DataObject) -> None:
    """One more withdrawal, refusal or objection never lets a row in."""
    world = example.world
    member = data.draw(st.sampled_from(sorted(world.events)))
    last = max((e.index for es in world.events.values() for e in es), default=0)
    event = ConsentEvent(
        member=member,
        index=LedgerIndex(last + 1),
        kind=data.draw(st.sampled_from([k for k in EventKind if k is not EventKind.GRANT])),
        scope=data.draw(
            st.sampled_from(
                sorted({e.scope for es in world.events.values() for e in es} | {world.scope})
            )
        ),
        effective=AT,
        recorded=AT,
    )
    after = replace(world, events={**world.events, member: [*world.events[member], event]})
    plan, batch = compile_example(example)
    plan_after, _ = compile_example(replace(example, world=after))
    before_kept = decide_batch(plan, batch).reason == Reason.KEPT
    after_kept = decide_batch(plan_after, batch).reason == Reason.KEPT
    assert not (after_kept & ~before_kept).any()


@settings(deadline=None, max_examples=25)
@given(example=examples())
def test_plan_travels(example: Example) -> None:
    """A pickled plan decides as the plan does, and has its digest."""
    plan, batch = compile_example(example)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.digest == plan.digest
    assert answers(copy, decide_batch(copy, batch)) == answers(plan, decide_batch(plan, batch))


def test_every_reason_is_reached() -> None:
    """The generated worlds reach every reason and every ground there is."""
    reasons: Counter[Reason] = Counter()
    grounds: Counter[Ground] = Counter()
    for seed in range(300):
        for answer in expected(example_of(seed)):
            reasons[answer.reason] += 1
            grounds.update(party.ground for party in answer.grounds)
    assert set(reasons) == set(Reason)
    assert set(grounds) == set(Ground) - {Ground.NONE}
