"""The behaviour of a gate engine: it agrees with `gate/reference.py`, row for row.

An `Example` is a world and rows in plain values. `compile_example` turns it into the plan and
the batch an engine sees; `disagreements` compares what it answers with the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from byleave.consent.event import ConsentEvent
from byleave.consent.reason import Ground, Reason
from byleave.consent.state import EventColumns, build
from byleave.gate.contract import parse_contract
from byleave.gate.members import UNKNOWN, MemberIndex
from byleave.gate.plan import AGE_UNKNOWN, GatePlan, MemberFacts, compile_plan, uses_of
from byleave.gate.reference import Answer, PartyGround, Row, World, decide_row
from byleave.gate.rows import GateEngine, RowDecisions
from byleave.ids import LedgerIndex, MemberId

__all__ = [
    "LIST_CONTRACT",
    "SCALAR_CONTRACT",
    "Example",
    "answers",
    "compile_example",
    "disagreements",
    "expected",
    "misreasoned",
    "reason_disagreements",
]

LIST_CONTRACT = """\
contract: v1
record_id: id
parties: {author: author, recipients: recipients}
category: category
collected_at: collected_at
draft: draft
"""

SCALAR_CONTRACT = """\
contract: v1
record_id: id
parties: {author: author, recipients: [to, cc]}
category: category
collected_at: collected_at
draft: draft
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A world and rows; `scalar` lays recipients out as two columns (of rows with at most two)."""

    world: World
    rows: Sequence[Row]
    scalar: bool = False


def expected(example: Example) -> list[Answer]:
    """Return the oracle's answers."""
    return [decide_row(example.world, row) for row in example.rows]


def disagreements(engine: GateEngine, example: Example) -> list[tuple[int, Answer, Answer]]:
    """Return the rows on which `engine` and the oracle differ: row, wanted, found."""
    plan, batch = compile_example(example)
    found = answers(plan, engine.decide(plan, engine.resolve(plan, batch)))
    return [
        (i, want, got)
        for i, (want, got) in enumerate(zip(expected(example), found, strict=True))
        if want != got
    ]


def misreasoned(
    reasons: Callable[[GatePlan, pa.Table], Sequence[tuple[str, int]]], example: Example
) -> list[tuple[int, tuple[str, int], tuple[str, int]]]:
    """Return the rows on which a way through an engine and the oracle differ: row, wanted, found.

    Args:
        reasons: Puts a table through the engine, in as many pieces as it likes; returns for each
            row, in the order of the table, the word of its reason and the party it is about.
        example: A world and rows; column `id` numbers the rows.
    """
    plan, batch = compile_example(example)
    wanted = [(answer.reason.word, answer.party) for answer in expected(example)]
    found = reasons(plan, pa.Table.from_batches([batch]))
    return [
        (row, want, got)
        for row, (want, got) in enumerate(zip(wanted, found, strict=True))
        if want != got
    ]


def reason_disagreements(
    engine: GateEngine, example: Example, *, numbers: bool = False
) -> list[tuple[int, tuple[Reason, int], tuple[Reason, int]]]:
    """Return the rows on which `engine.reasons` and the oracle differ: row, wanted, found.

    Args:
        engine: Its `reasons` is asked, which gives no grounds.
        example: The world and rows.
        numbers: Give members the ids 0, 1, ... in columns of whole numbers.
    """
    plan, batch = compile_example(example)
    if numbers:
        batch = _in_numbers(plan, batch)
        plan = replace(plan, members=MemberIndex.counting(len(plan.members)))
    found = engine.reasons(plan, batch)
    told = zip(found.reason.tolist(), found.party.tolist(), strict=True)
    return [
        (i, (want.reason, want.party), (Reason(code), party))
        for i, (want, (code, party)) in enumerate(zip(expected(example), told, strict=True))
        if (want.reason, want.party) != (code, party)
    ]


def _in_numbers(plan: GatePlan, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write each member's id as their ordinal, and ids of nobody as numbers beyond."""

    def numbers(column: pa.Array) -> pa.Array:
        if pat.is_list(column.type):
            items = numbers(column.values)
            return pa.ListArray.from_arrays(column.offsets, items, mask=column.is_null())
        found = plan.members.resolve(column)
        found[found == UNKNOWN] = len(plan.members) + 3
        return pa.array(found, pa.uint32(), mask=np.asarray(column.is_null()))

    contract = plan.contract
    columns = {
        name: numbers(batch.column(name))
        if name in {contract.author, *contract.recipients}
        else batch.column(name)
        for name in batch.schema.names
    }
    return pa.RecordBatch.from_pydict(columns)


def compile_example(example: Example) -> tuple[GatePlan, pa.RecordBatch]:
    """Return the plan and the batch of an example."""
    world = example.world
    ids = list(world.events)
    ordinals = {member: i for i, member in enumerate(ids)}
    events = sorted((e for es in world.events.values() for e in es), key=lambda e: e.index)
    columns = EventColumns.from_events(events, ordinals)
    states = [
        build(
            columns,
            use,
            at=world.at,
            members=len(ids),
            notices=world.notices,
            accepted=world.accepted,
        )
        for use in uses_of(world.scope, world.taxonomy)
    ]
    plan = compile_plan(
        world.scope,
        at=world.at,
        contract=parse_contract(
            SCALAR_CONTRACT if example.scalar else LIST_CONTRACT, name="example.yaml"
        ),
        taxonomy=world.taxonomy,
        rules=world.rules,
        states=states,
        members=MemberIndex.of(ids),
        facts=MemberFacts.of(
            [world.regions.get(m) for m in ids],
            [world.ages.get(m, AGE_UNKNOWN) for m in ids],
            groups=[world.groups.get(m, frozenset()) for m in ids] if world.groups else None,
        ),
        ledger=max((e.index for e in events), default=-1),
        rules_index=None if world.rules_index < 0 else LedgerIndex(world.rules_index),
        party_rule=world.party_rule,
    )
    return plan, _batch(example)


def answers(plan: GatePlan, decisions: RowDecisions) -> list[Answer]:
    """Return an engine's decisions in the oracle's form."""
    ids = plan.members.ids.to_pylist()
    kept = np.cumsum(decisions.reason == Reason.KEPT) - 1
    found = []
    for row, code in enumerate(decisions.reason.tolist()):
        grounds: tuple[PartyGround, ...] = ()
        if code == Reason.KEPT:
            start, end = (int(decisions.offsets[kept[row] + i]) for i in (0, 1))
            grounds = tuple(
                PartyGround(
                    member=MemberId(ids[decisions.ground_member[i]]),
                    role=int(decisions.ground_role[i]),
                    ground=Ground(decisions.ground[i]),
                    index=int(decisions.ground_index[i]),
                )
                for i in range(start, end)
            )
        found.append(Answer(reason=Reason(code), party=int(decisions.party[row]), grounds=grounds))
    return found


def with_events(example: Example, events: Sequence[ConsentEvent]) -> Example:
    """Return the example with more events, each by a member on record."""
    merged = {
        m: [*es, *(e for e in events if e.member == m)] for m, es in example.world.events.items()
    }
    return replace(example, world=replace(example.world, events=merged))


def _batch(example: Example) -> pa.RecordBatch:
    rows, text = example.rows, pa.large_string()
    columns = {
        "id": pa.array(range(len(rows)), pa.int64()),
        "author": pa.array([r.author for r in rows], text),
        "category": pa.array([r.category for r in rows], text),
        "collected_at": pa.array([r.collected_at for r in rows], pa.timestamp("us", "UTC")),
        "draft": pa.array([r.draft for r in rows], pa.bool_()),
    }
    if example.scalar:
        columns["to"] = pa.array([(*r.recipients, None)[0] for r in rows], text)
        columns["cc"] = pa.array([(*r.recipients, None, None)[1] for r in rows], text)
    else:
        columns["recipients"] = pa.array([r.recipients for r in rows], pa.list_(text))
    return pa.RecordBatch.from_pydict(columns)
