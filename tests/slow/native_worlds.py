"""Worlds dense in trouble whose rows have at most two parties and whose ids follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan
from byleave.testing.engine_suite import Example, compile_example, expected
from tests.engines.strategies import example_of

__all__ = ["SHAPES", "native_worlds"]

SHAPES = (("", 0, False), ("", 7, False), ("", 5, True), ("urn:Ω:", 3, True))
"""Prefix and first number of the ids, and whether their columns hold texts."""

_BEYOND = 2**62


def native_worlds(
    seeds: range, shape: tuple[str, int, bool]
) -> Iterator[tuple[int, GatePlan, pa.Table, list[tuple[str, int]]]]:
    """Yield seed, plan, rows and the oracle's answers, of worlds to which no date matters.

    Args:
        seeds: Of the worlds tried.
        shape: One of `SHAPES`.
    """
    prefix, first, text = shape
    for seed in seeds:
        example = _of_pairs(example_of(seed))
        plan, batch = compile_example(example)
        if not plan.is_timeless or not len(example.rows):
            continue
        ids = MemberIndex.counting(len(plan.members), prefix=prefix, first=first)
        contract = replace(plan.contract, recipients=("to",))
        table = pa.Table.from_batches([batch]).drop_columns(["cc"])
        for name in ("author", "to"):
            ordinals = plan.members.resolve(table[name].combine_chunks()).tolist()
            table = table.set_column(
                table.schema.get_field_index(name),
                name,
                _spelt([_id(n, row, shape) for row, n in enumerate(ordinals)], text=text),
            )
        wanted = [(answer.reason.word, answer.party) for answer in expected(example)]
        yield seed, replace(plan, members=ids, contract=contract), table, wanted


def _of_pairs(example: Example) -> Example:
    rows = [
        replace(r, recipients=tuple(m for m in r.recipients if m is not None)[:1])
        for r in example.rows
    ]
    return replace(example, rows=rows, scalar=True)


def _id(ordinal: int, row: int, shape: tuple[str, int, bool]) -> str | int | None:
    """Write an ordinal as an id; of nobody as something that is nearly one."""
    prefix, first, text = shape
    if ordinal == -2:  # missing
        return None
    number = first + ordinal if ordinal >= 0 else (_BEYOND, -1, first - 1)[row % 3]
    if not text:
        return number
    if ordinal >= 0:
        return f"{prefix}{number}"
    wrong = [f"{prefix}0{first}", f"{prefix} {first}", f"{prefix}{first} ", f"+{first}", "", prefix]
    wrong += [
        f"{prefix}{number}",
        f"{prefix}99999999999999999999",
        f"x{first}",
        f"{prefix}{first}.0",
    ]
    return wrong[row % len(wrong)]


def _spelt(ids: list[str | int | None], *, text: bool) -> pa.Array:
    return pa.array(ids, pa.string() if text else pa.int64())
