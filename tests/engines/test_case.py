"""A case by DuckDB out of core: the columnar engine's answer, whole, on both sides of each edge."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_stages import answer_in_stages
from byleave.errors import InputError
from byleave.exposure.cohort import EVERYONE, Cohort, alleged_class
from byleave.exposure.plan import CasePlan
from byleave.testing.case_suite import disagreements, inputs_of
from tests.engines.case_worlds import DAY, World, boundary_worlds, one_recipient, world, worlds
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    REGIONS,
    SUBSCRIPTIONS,
    choices,
    delivery,
    message,
    practice,
    rows,
)


def wrong(found: World, part_rows: int | None = None) -> list[tuple]:
    """Return where DuckDB's answer is not the columnar engine's."""
    question = found.question
    inputs = inputs_of(question.practice, found.choices, found.kept)
    with tempfile.TemporaryDirectory() as folder, duckdb_runner(Path(folder), threads=1) as runner:
        answers = answer_in_stages(question, inputs, runner, Path(folder), part_rows=part_rows)
        return disagreements(question, answers.cohorts, found.choices, found.kept)


@pytest.mark.parametrize("found", [pytest.param(w, id=n) for n, w in boundary_worlds()])
def test_both_sides_of_every_condition(found: World) -> None:
    """A microsecond before, at and after each instant the counts, ranges and rows are alike."""
    assert wrong(found) == []


@settings(max_examples=25, deadline=None)
@given(worlds(lists=True))
def test_any_past_with_lists(found: World) -> None:
    """Whatever was done, said and asked, with several recipients the answers are alike."""
    assert wrong(found, part_rows=5) == []


@settings(max_examples=25, deadline=None)
@given(worlds(lists=False))
def test_any_past_with_one_recipient(found: World) -> None:
    """Whatever was done, said and asked, with one recipient a message the answers are alike."""
    assert wrong(found, part_rows=5) == []


def many(deliveries: int, **changes: object) -> World:
    """A past with a delivery every day from August on, and members who come and go."""
    done = tuple(
        delivery(f"d{n}", AUGUST + n * DAY, recipient=("platform", "third-party.provider")[n % 2])
        for n in range(deliveries)
    )
    said = choices(
        ("ann", AUGUST + 3 * DAY, "grant", AUGUST + 9 * DAY, True),
        ("bob", AUGUST + 20 * DAY, "grant", None, False),
    )
    messages = [message(str(n), ("ann", "bob")[n % 2], ("cat",), AUGUST + n * DAY)
                for n in range(deliveries)]  # fmt: skip
    past = practice(*messages, message("x", sent=None), deliveries=done, **changes)
    return world(past, EVERYONE, alleged_class(CUT), chosen=said)


def test_codes_of_several_words() -> None:
    """With more deliveries than one whole number tells the answers are alike, in both shapes."""
    paying = rows(SUBSCRIPTIONS, ("cat", AUGUST + 5 * DAY, AUGUST + 12 * DAY, 100, "USD"))
    found = many(18, subscriptions=paying)
    assert wrong(found) == []
    plain = one_recipient(found.question.practice)
    assert wrong(world(plain, *found.question.cohorts, chosen=found.choices)) == []


def test_more_than_a_profile_holds_is_refused() -> None:
    """Sixteen deliveries with windows and regions are refused by name, fifteen have a plan."""
    tables = {
        "subscriptions": rows(SUBSCRIPTIONS, ("cat", AUGUST, CUT, 100, "USD")),
        "regions": rows(REGIONS, ("cat", "us-ca", AUGUST, None)),
    }
    paying = (Cohort(name="paying", subscribed="at-use"),)

    def plan(deliveries: int) -> CasePlan:
        question = many(deliveries, **tables).question
        return CasePlan.of(question.practice, paying, question.pack, kinds=("inmail",), scopes=())

    assert len(plan(15).deliveries) == 15
    with pytest.raises(InputError) as refused:
        plan(16)
    assert refused.value.code == "case.engine"
