"""A case by DuckDB out of core: the columnar engine's answer, whole, on both sides of each edge."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_stages import answer_in_stages
from byleave.errors import InputError
from byleave.exposure.block import BLOCK
from byleave.exposure.cohort import EVERYONE, Cohort, alleged_class
from byleave.exposure.plan import CasePlan
from byleave.exposure.practice import Interval
from byleave.testing.case_suite import disagreements, inputs_of
from tests.engines.case_worlds import (
    DAY,
    World,
    boundary_worlds,
    in_numbers,
    one_recipient,
    world,
    worlds,
)
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


def wrong(found: World, part_rows: int | None = None, block: int = BLOCK) -> list[tuple]:
    """Return where DuckDB's answer is not the columnar engine's."""
    question = found.question
    inputs = inputs_of(question.practice, found.choices, found.kept)
    with tempfile.TemporaryDirectory() as folder, duckdb_runner(Path(folder), threads=1) as runner:
        answers = answer_in_stages(
            question, inputs, runner, Path(folder), part_rows=part_rows, block=block
        )
        return disagreements(question, answers, found.choices, found.kept)


@pytest.mark.parametrize("found", [pytest.param(w, id=n) for n, w in boundary_worlds()])
def test_both_sides_of_every_condition(found: World) -> None:
    """A microsecond before, at and after each instant the counts, ranges and rows are alike."""
    assert wrong(found) == []


@settings(max_examples=15, deadline=None)
@given(worlds(lists=True), st.sampled_from((1, 2, BLOCK)))
def test_any_past_with_lists(found: World, block: int) -> None:
    """Whatever was done, said and asked, with several recipients answers and lists are alike."""
    assert wrong(found, part_rows=5, block=block) == []


@settings(max_examples=15, deadline=None)
@given(worlds(lists=False), st.sampled_from((1, 2, BLOCK)))
def test_any_past_with_one_recipient(found: World, block: int) -> None:
    """Whatever was done, said and asked, with one recipient answers and lists are alike."""
    assert wrong(found, part_rows=5, block=block) == []


@settings(max_examples=20, deadline=None)
@given(worlds(lists=False), st.sampled_from((1, 50)), st.sampled_from((1, 2, BLOCK)))
def test_any_past_with_whole_numbers_as_ids(found: World, far: int, block: int) -> None:
    """Ids that are whole numbers, close together or far apart, give the same answers and lists."""
    assert wrong(in_numbers(found, far), part_rows=5, block=block) == []


NUMBERED = [(n, w) for n, w in boundary_worlds() if n.endswith("one recipient")][::3]


@pytest.mark.parametrize("found", [pytest.param(w, id=n) for n, w in NUMBERED])
def test_conditions_looked_up_by_number(found: World) -> None:
    """Conditions whose instants a look-up by number compares are answered alike on each side."""
    assert wrong(in_numbers(found)) == []


def statements(past: World) -> list[str]:
    """Return the statements that wrote something for a past, having seen that the answer is right."""
    question = past.question
    inputs = inputs_of(question.practice, past.choices)
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb_runner(Path(folder), threads=1) as runner,
        mock.patch.object(runner, "write", wraps=runner.write) as write,
    ):
        answers = answer_in_stages(question, inputs, runner, Path(folder))
        assert disagreements(question, answers, past.choices) == []
        return [call.args[0] for call in write.call_args_list]


def test_numbers_close_together_are_looked_up_and_others_joined() -> None:
    """Members near one another are places in an array; far apart, or as text, they are joined."""
    plain = world(one_recipient(practice(message())), chosen=choices(
        *((name, AUGUST, "refusal", None, None) for name in ("ann", "bob", "cat"))
    ))  # fmt: skip
    for past, joins in (
        (in_numbers(plain), False),
        (in_numbers(plain, 10_000), True),
        (plain, True),
    ):
        assert any(" JOIN profile " in sql for sql in statements(past)) is joins


def test_an_array_beyond_two_thirds_of_the_memory_is_not_made() -> None:
    """Memory is lent up to two thirds; what would take more is joined, and the limit comes back."""
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb_runner(Path(folder), memory="900MB") as runner,
    ):
        with runner.lent(601_000_000) as may:
            assert not may
        before = runner.fetch("SELECT current_setting('memory_limit') AS held")["held"][0].as_py()
        with runner.lent(599_000_000) as may:
            held = runner.fetch("SELECT current_setting('memory_limit') AS held")["held"][0].as_py()
            assert may
            assert held != before
        after = runner.fetch("SELECT current_setting('memory_limit') AS held")["held"][0].as_py()
        assert after == before


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


def test_any_number_of_deliveries_with_windows_and_regions() -> None:
    """Thirty-five deliveries with a window and regions each are three blocks, answered alike."""
    tables = {
        "subscriptions": rows(SUBSCRIPTIONS, ("cat", AUGUST + 9 * DAY, CUT, 100, "USD")),
        "regions": rows(REGIONS, ("cat", "us-ca", AUGUST + 4 * DAY, None)),
    }
    cohorts = (
        Cohort(name="paying", subscribed="at-use"),
        Cohort(name="there", regions=frozenset({"us-ca"}), roles=frozenset({"recipient"})),
        EVERYONE,
    )
    found = many(35, **tables)
    plain = one_recipient(found.question.practice)
    for past in (found.question.practice, plain):
        asked = world(past, *cohorts, chosen=found.choices)
        plan = CasePlan.of(past, cohorts, asked.question.pack, kinds=("inmail",), scopes=())
        assert [len(block.deliveries) for block in plan.blocks] == [15, 15, 5]
        assert wrong(asked) == []


def test_more_of_one_delivery_than_a_code_holds_is_refused() -> None:
    """Sixty cohorts with times of their own are more than one delivery's code tells: by name."""
    cohorts = tuple(
        Cohort(name=f"c{n}", subscribed="ever-before", used=Interval(None, CUT + n * DAY))
        for n in range(60)
    )
    past = practice(subscriptions=rows(SUBSCRIPTIONS, ("cat", AUGUST, CUT, 100, "USD")))
    question = world(past, *cohorts).question
    with pytest.raises(InputError) as refused:
        CasePlan.of(past, cohorts, question.pack, kinds=("inmail",), scopes=())
    assert refused.value.code == "case.engine"


HOSTILE = ("=1+1", "a b", "@x", "%41", '"q"', "\tz", "+49", "ü é", "-", "a\nb")


def test_ids_that_a_spreadsheet_would_run_are_guarded_in_a_stream() -> None:
    """Ids with spaces, quotes, line ends and formulas are the same lists, with an apostrophe."""
    sent = [
        message(record, record, (HOSTILE[n - 1],), AUGUST + n * DAY)
        for n, record in enumerate(HOSTILE)
    ]
    past = practice(*sent, deliveries=(delivery(), delivery("=d 2", CUT)))
    said = choices(*((member, AUGUST, "refusal", None, False) for member in HOSTILE[:4]))
    asked = world(past, EVERYONE, Cohort(name="=c", roles=frozenset({"author"})), chosen=said)
    assert wrong(asked) == []
    with tempfile.TemporaryDirectory() as folder, duckdb_runner(Path(folder), threads=1) as runner:
        inputs = inputs_of(past, said)
        found = answer_in_stages(asked.question, inputs, runner, Path(folder))
        cells = [row for batch in found.behind() for row in batch.to_pylist()]
    assert {row["member"] for row in cells} == set(HOSTILE)
    assert {row["choice_row"] for row in cells} == {None, 1, 2, 3, 4}


def test_whole_numbers_as_ids_are_sorted_as_text() -> None:
    """Integer ids come in the order of their texts, in the lists of both engines."""
    numbers = pa.array([9, 10, 100, 2, -5])
    messages = pa.table(
        {
            "record": pa.array([30, 4, 1000, 7, 8]),
            "author": numbers,
            "recipients": pa.array([10, 9, 9, None, 2]),
            "sent_at": pa.array([AUGUST] * 5, pa.timestamp("us", tz="UTC")),
            "kind": pa.array(["inmail"] * 5),
        }
    )
    bought = pa.array([100, 2])
    table = rows(SUBSCRIPTIONS, ("a", AUGUST, CUT, 100, "USD"), ("b", AUGUST, None, 100, "USD"))
    table = table.set_column(0, "member", bought)
    asked = world(practice(messages=messages, subscriptions=table), EVERYONE)
    assert wrong(asked) == []
