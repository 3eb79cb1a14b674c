"""The record sums, the table is the gate's alone, the plan's digest means something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from byleave.consent.reason import Ground, Reason
from byleave.engines.arrow import ArrowEngine
from byleave.errors import ByleaveError, InputError, RefusedError
from byleave.gate.members import MISSING, UNKNOWN, MemberIndex
from byleave.gate.plan import GatePlan
from byleave.gate.result import GatedTable, run
from byleave.gate.rows import ResolvedRows, RowDecisions, RowReasons
from byleave.policy.ruleset import PartyRule
from byleave.testing.engine_suite import compile_example, expected
from tests.engines.strategies import example_of

SEEDS = [s for s in range(150) if sum(a.reason is Reason.KEPT for a in expected(example_of(s))) > 3]


def gate(seed: int) -> tuple[GatedTable, pa.RecordBatch]:
    """Run the gate on the world of a seed."""
    plan, batch = compile_example(example_of(seed))
    parts = [batch.slice(0, 5), batch.slice(5)]
    return run(plan, parts, ArrowEngine(), schema=batch.schema, data="d"), batch


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_everything_sums(seed: int) -> None:
    """Kept, dropped, reasons and grounds account for every row, in order."""
    table, batch = gate(seed)
    answers = expected(example_of(seed))
    record = table.record
    assert record.kept + sum(record.reasons.values()) == record.rows == batch.num_rows
    kept = [i for i, a in enumerate(answers) if a.reason is Reason.KEPT]
    assert table.rows.tolist() == kept
    assert table.record_ids.to_pylist() == [str(i) for i in kept]
    assert table.table.to_pylist() == [batch.slice(i, 1).to_pylist()[0] for i in kept]
    assert table.dropped.row.tolist() == [i for i in range(batch.num_rows) if i not in kept]
    assert [Reason(r) for r in table.dropped.reason] == [
        a.reason for a in answers if a.reason is not Reason.KEPT
    ]
    assert np.diff(table.grounds.offsets).tolist() == [len(answers[i].grounds) for i in kept]
    assert sum(record.grounds.values()) == record.kept
    assert Ground.NONE not in table.grounds.ground


def test_same_inputs_same_record() -> None:
    """Two runs give one record, digest included."""
    assert gate(SEEDS[0])[0].record.digest == gate(SEEDS[0])[0].record.digest


def test_only_the_gate_makes_one() -> None:
    """A gated table cannot be made from outside (G6)."""
    table, _ = gate(SEEDS[0])
    parts: dict[str, Any] = {name: getattr(table, name) for name in GatedTable.__slots__}
    with pytest.raises(RefusedError) as caught:
        GatedTable(object(), **parts)
    assert caught.value.code == "gate.not-by-gate"


def test_record_that_does_not_sum_is_none() -> None:
    """A record whose counts do not sum cannot be made."""
    record = gate(SEEDS[0])[0].record
    changes: list[dict[str, Any]] = [{"rows": record.rows + 1}, {"grounds": {}}]
    for change in changes:
        with pytest.raises(ByleaveError) as caught:
            replace(record, **change)
        assert caught.value.code == "gate.sum"


def test_engine_that_loses_rows_fails_the_run() -> None:
    """A run whose engine answers for fewer rows than it was given fails."""

    class Forgetful:
        name = "forgetful"

        def resolve(self, plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
            return ArrowEngine().resolve(plan, batch.slice(0, batch.num_rows - 1))

        def decide(self, plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
            return ArrowEngine().decide(plan, rows)

        def reasons(self, plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
            return ArrowEngine().reasons(plan, batch.slice(0, batch.num_rows - 1))

    plan, batch = compile_example(example_of(SEEDS[0]))
    with pytest.raises(ByleaveError) as caught:
        run(plan, [batch], Forgetful(), schema=batch.schema, data="d")
    assert caught.value.code == "gate.sum"


def test_plan_digest_is_of_what_decides() -> None:
    """The digest follows the planes and the party rule, and comes back with them."""
    plan, _ = compile_example(example_of(SEEDS[0]))
    again, _ = compile_example(example_of(SEEDS[0]))
    other, _ = compile_example(example_of(SEEDS[1]))
    assert plan.digest == again.digest != other.digest
    digests = {plan.with_party_rule(rule).digest for rule in (None, *PartyRule)}
    assert len(digests) == 4
    there = plan.with_party_rule(PartyRule.AUTHOR).with_party_rule(PartyRule.ANY)
    assert there.with_party_rule(plan.party_rule).digest == plan.digest


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pa.array(["b", None, "x", "a"]), [1, MISSING, UNKNOWN, 0]),
        (pa.array(["b", None, "x", "a"]).dictionary_encode(), [1, MISSING, UNKNOWN, 0]),
        (pa.array([12, 7, None], pa.uint16()), [2, UNKNOWN, MISSING]),
        (pa.array([], pa.large_string()), []),
        (pa.nulls(2), [MISSING, MISSING]),
    ],
)
def test_ids_resolve_exactly(column: pa.Array, found: list[int]) -> None:
    """An id is found by its text, or is unknown, or is missing."""
    assert MemberIndex.of(["a", "b", "12"]).resolve(column).tolist() == found


def test_ids_are_distinct() -> None:
    """One id cannot have two ordinals."""
    with pytest.raises(InputError):
        MemberIndex.of(["a", "a"])
