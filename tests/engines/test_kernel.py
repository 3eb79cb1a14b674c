"""The compiled kernel: the answers of NumPy, of the oracle, and a clear word where it is missing."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.engines.arrow import decide_batch
from byleave.engines.kernel import KernelEngine, load_kernel, reasons_batch_compiled
from byleave.errors import WorldError
from byleave.policy.ruleset import PartyRule
from byleave.testing.engine_suite import (
    Example,
    compile_example,
    disagreements,
    reason_disagreements,
)
from tests.engines.strategies import example_of, examples

pytest.importorskip("numba", reason="the extra `kernel` is not installed")


@pytest.fixture(scope="module")
def engine() -> KernelEngine:
    return KernelEngine(load_kernel())


@pytest.mark.parametrize("numbers", [False, True], ids=["texts", "numbers"])
@settings(deadline=None, max_examples=70)
@given(example=examples())
def test_kernel_agrees_with_the_oracle(
    engine: KernelEngine, numbers: bool, example: Example
) -> None:
    """The kernel gives each row the oracle's reason and party, whatever the ids are."""
    assert reason_disagreements(engine, example, numbers=numbers) == []


@settings(deadline=None, max_examples=30)
@given(example=examples())
def test_kernel_engine_gives_grounds(engine: KernelEngine, example: Example) -> None:
    """The kernel's engine gives the oracle's grounds where they are asked for."""
    assert disagreements(engine, example) == []


@pytest.mark.parametrize("rule", list(PartyRule))
@settings(deadline=None, max_examples=20)
@given(example=examples())
def test_every_party_rule(engine: KernelEngine, rule: PartyRule, example: Example) -> None:
    """Under every party rule asked for instead, the kernel agrees with the oracle."""
    example = replace(example, world=replace(example.world, party_rule=rule))
    assert reason_disagreements(engine, example, numbers=True) == []


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**40))
def test_many_rows_are_decided_as_one_by_one(seed: int) -> None:
    """Asking for memory ahead, or at the end of a batch, changes no answer."""
    plan, batch = compile_example(example_of(seed))
    if not batch.num_rows:
        return
    rng = np.random.default_rng(seed)
    batch = batch.take(pa.array(rng.integers(0, batch.num_rows, int(rng.integers(1, 200)))))
    wanted, found = decide_batch(plan, batch), reasons_batch_compiled(plan, batch)
    assert np.array_equal(wanted.reason, found.reason)
    assert np.array_equal(wanted.party, found.party)


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba is not installed, the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(WorldError) as caught:
        load_kernel()
    assert caught.value.code == "cli.extra-missing"
    assert "byleave[kernel]" in (caught.value.hint or "")
