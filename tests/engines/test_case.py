"""A case by DuckDB out of core: the columnar engine's answer, whole, on both sides of each edge."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_stages import answer_in_stages
from byleave.testing.case_suite import disagreements, inputs_of
from tests.engines.case_worlds import World, boundary_worlds, worlds


def wrong(world: World, part_rows: int | None = None) -> list[tuple]:
    """Return where DuckDB's answer is not the columnar engine's."""
    question = world.question
    inputs = inputs_of(question.practice, world.choices, world.kept)
    with tempfile.TemporaryDirectory() as folder, duckdb_runner(Path(folder), threads=1) as runner:
        answers = answer_in_stages(question, inputs, runner, Path(folder), part_rows=part_rows)
        return disagreements(question, answers.cohorts, world.choices, world.kept)


@pytest.mark.parametrize("world", [pytest.param(w, id=n) for n, w in boundary_worlds()])
def test_both_sides_of_every_condition(world: World) -> None:
    """A microsecond before, at and after each instant the counts, ranges and rows are alike."""
    assert wrong(world) == []


@settings(max_examples=25, deadline=None)
@given(worlds(lists=True))
def test_any_past_with_lists(world: World) -> None:
    """Whatever was done, said and asked, with several recipients the answers are alike."""
    assert wrong(world, part_rows=5) == []


@settings(max_examples=25, deadline=None)
@given(worlds(lists=False))
def test_any_past_with_one_recipient(world: World) -> None:
    """Whatever was done, said and asked, with one recipient a message the answers are alike."""
    assert wrong(world, part_rows=5) == []
