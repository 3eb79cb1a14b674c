"""The default engine: its fast way says what its long way says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.engines.arrow import ArrowEngine, columns_for, decide_batch, reasons_batch
from byleave.engines.reasons import OPEN, Columns, decide_columns
from byleave.policy.ruleset import PartyRule
from byleave.testing.engine_suite import Example, compile_example, reason_disagreements
from tests.engines.strategies import example_of, examples

ENGINE = ArrowEngine()


@pytest.mark.parametrize("numbers", [False, True], ids=["texts", "numbers"])
@settings(deadline=None, max_examples=100)
@given(example=examples())
def test_fast_way_agrees_with_the_oracle(numbers: bool, example: Example) -> None:
    """The fast way gives each row the oracle's reason and party, whatever the ids are."""
    assert reason_disagreements(ENGINE, example, numbers=numbers) == []


def many_rows(batch: pa.RecordBatch, seed: int, rows: int) -> pa.RecordBatch:
    """Return rows drawn from the batch at random, so that more than one block is needed."""
    rng = np.random.default_rng(seed)
    return batch.take(pa.array(rng.integers(0, batch.num_rows, rows)))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**40))
def test_many_rows_are_decided_as_one_by_one(seed: int) -> None:
    """Blocks, groups of categories and open rows change no answer of a large batch."""
    plan, batch = compile_example(example_of(seed))
    if not batch.num_rows:
        return
    batch = many_rows(batch, seed, 3000)
    wanted, found = decide_batch(plan, batch), reasons_batch(plan, batch)
    assert np.array_equal(wanted.reason, found.reason)
    assert np.array_equal(wanted.party, found.party)


@pytest.mark.parametrize("rule", list(PartyRule))
@settings(deadline=None, max_examples=20)
@given(example=examples())
def test_every_party_rule(rule: PartyRule, example: Example) -> None:
    """Under every party rule asked for instead, the fast way agrees with the oracle."""
    example = replace(example, world=replace(example.world, party_rule=rule))
    assert reason_disagreements(ENGINE, example) == []


@settings(deadline=None, max_examples=60)
@given(example=examples())
def test_columns_asked_for_are_enough(example: Example) -> None:
    """A batch of the columns asked for alone, without instants where none matter, decides alike."""
    plan, batch = compile_example(example)
    some = reasons_batch(plan, batch.select(columns_for(plan, batch.schema)))
    assert np.array_equal(some.reason, decide_batch(plan, batch).reason)
    assert ("collected_at" in columns_for(plan, batch.schema)) == (not plan.is_timeless)


def test_both_ways_are_taken() -> None:
    """The worlds drawn hold rows that a glance decides, and rows that need the detail."""
    glanced = detailed = 0
    for seed in range(60):
        plan, _ = compile_example(example_of(seed))
        for category in plan.categories:
            everyone = np.arange(len(plan.members))
            reason, party = np.empty(len(everyone), np.uint8), np.empty(len(everyone), np.int32)
            decide_columns(category, None, Columns((everyone,), (None,)), reason, party)
            glanced += int((reason != OPEN).sum())
            detailed += int((reason == OPEN).sum())
    assert glanced > 100
    assert detailed > 100
