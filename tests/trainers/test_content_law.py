"""The trainer `content` forgets to the byte (docs/spec/unlearning.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.canonical import decode
from byleave.errors import EvidenceError, InputError
from byleave.testing import trainer_suite as suite
from byleave.trainers.content import ContentTrainer

START = datetime(2024, 1, 1, tzinfo=UTC)
RECIPE: dict[str, Any] = {
    **ContentTrainer().default_recipe(),
    "k": 2,
    "ridge": 3,
    "texts": [["i1", "bread"], ["new", "Br\u00f6tchen and bread"]],
}


def table_of(holdings: list[tuple[int, int, int]]) -> pa.Table:
    """Return rows (member, item, day), each with a record id of its own."""
    return pa.table(
        {
            "record_id": pa.array([f"r{n}" for n in range(len(holdings))], pa.string()),
            "member": pa.array([f"m{m}" for m, _, _ in holdings], pa.string()),
            "item": pa.array([f"i{i}" for _, i, _ in holdings], pa.string()),
            "at": pa.array(
                [None if d < 0 else START + timedelta(days=d) for _, _, d in holdings],
                pa.timestamp("us", "UTC"),
            ),
        }
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, list[list[int]], list[int], int]:
    """Draw rows, disjoint requests to forget some, an order, and a batch size."""
    row = st.tuples(st.integers(0, 6), st.integers(0, 7), st.integers(-1, 40))
    holdings = draw(st.lists(row, min_size=1, max_size=40))
    order = draw(st.permutations(range(len(holdings))))
    cut = draw(st.integers(0, len(holdings)))
    gone = order[:cut]
    at = draw(st.integers(0, len(gone)))
    mixed = draw(st.permutations(range(len(holdings))))
    return (
        table_of(holdings),
        [list(gone[:at]), list(gone[at:])],
        list(mixed),
        draw(st.integers(1, 9)),
    )


@settings(deadline=None, max_examples=80)
@given(cases())
def test_forgetting_is_never_having_seen(
    case: tuple[pa.Table, list[list[int]], list[int], int],
) -> None:
    """Any rows forgotten in any requests leave the bytes of a fit without them."""
    table, requests, _, size = case
    suite.forgets_as_if_never_seen(ContentTrainer(), table, requests, recipe=RECIPE, size=size)


@settings(deadline=None, max_examples=40)
@given(cases())
def test_the_other_laws(case: tuple[pa.Table, list[list[int]], list[int], int]) -> None:
    """Learning again, dumping, order and batches change no byte, and old states stay as they are."""
    table, requests, order, size = case
    removed = requests[0]
    trainer = ContentTrainer()
    suite.learns_again_what_it_forgot(trainer, table, removed, recipe=RECIPE)
    suite.leaves_the_old_state_alone(trainer, table, removed, recipe=RECIPE)
    suite.survives_dump_and_restore(trainer, table, removed, recipe=RECIPE)
    suite.ignores_order_and_batches(trainer, table, order, size, recipe=RECIPE)


def test_below_the_threshold_nothing_is_named() -> None:
    """An item that one member held is in no file; when a second holds it, it is."""
    rows = [(0, 1, 0), (1, 1, 0), (2, 2, 0)]
    suite.keeps_out_of_the_release(ContentTrainer(), table_of(rows), ["i2"], recipe=RECIPE)
    files = ContentTrainer().encode(
        ContentTrainer().fit(table_of([*rows, (3, 2, 1)]).to_batches(), RECIPE)
    )
    model = decode(files["model.json"])
    assert isinstance(model, dict)
    assert model["items"] == ["i1", "i2"]


def test_a_holding_said_twice_counts_once() -> None:
    """A member who opens an item ten times weighs as much as one who opens it once."""
    once = [(m, i, 0) for m in range(4) for i in range(3) if (m + i) % 3]
    trainer = ContentTrainer()
    many = trainer.encode(trainer.fit(table_of(once + once[:1] * 9).to_batches(), RECIPE))
    assert many == trainer.encode(trainer.fit(table_of(once).to_batches(), RECIPE))


def test_what_is_read_now_comes_first() -> None:
    """The trend puts a recent item before one that more held long ago; without days there is none."""
    from safetensors.numpy import load

    rows = [(m, 1, 0) for m in range(6)] + [(m, 2, 70) for m in range(3)]
    files = ContentTrainer().encode(ContentTrainer().fit(table_of(rows).to_batches(), RECIPE))
    tensors = load(files["weights.safetensors"])
    assert tensors["popularity"].tolist() == [0, 1]
    assert tensors["trend"].tolist() == [1, 0]
    undated = [(m, i, -1) for m, i, _ in rows]
    files = ContentTrainer().encode(ContentTrainer().fit(table_of(undated).to_batches(), RECIPE))
    assert load(files["weights.safetensors"])["trend"].tolist() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"member": None}, "trainer.rows"),
        ({"item": [None, "b"]}, "trainer.rows"),
        ({"record_id": ["r", "r"]}, "trainer.rows"),
        ({"at": ["now", "then"]}, "trainer.rows"),
    ],
)
def test_rows_that_are_refused(change: dict[str, Any], code: str) -> None:
    """A missing column, a null, a record twice and an instant that is none are refused."""
    columns: dict[str, Any] = {
        "record_id": ["r1", "r2"],
        "member": ["a", "b"],
        "item": ["x", "y"],
    } | change
    table = pa.table({name: values for name, values in columns.items() if values is not None})
    with pytest.raises(InputError) as caught:
        ContentTrainer().fit(table.to_batches(), RECIPE)
    assert caught.value.code == code


def test_forgetting_what_is_not_held_is_refused() -> None:
    """A record that the state does not hold cannot be forgotten, nor one twice."""
    trainer = ContentTrainer()
    state = trainer.fit(table_of([(0, 1, 0), (1, 1, 0)]).to_batches(), RECIPE)
    for ids, code in ((["nobody"], "trainer.not-held"), (["r0", "r0"], "trainer.rows")):
        with pytest.raises(InputError) as caught:
            trainer.forget(state, [pa.record_batch({"record_id": pa.array(ids)})])
        assert caught.value.code == code


@pytest.mark.parametrize("field", ["k", "ridge", "trend_days", "most_items", "algorithm", "texts"])
def test_recipes_that_are_refused(field: str) -> None:
    """A recipe with a field missing or out of range is refused."""
    trainer = ContentTrainer()
    for recipe in ({**RECIPE, field: 0}, {n: v for n, v in RECIPE.items() if n != field}):
        with pytest.raises(InputError) as caught:
            trainer.fit([], recipe)
        assert caught.value.code == "trainer.recipe"


def test_damaged_states_are_refused() -> None:
    """A state with a byte changed in its head, or a code that leads nowhere, is refused."""
    from safetensors.numpy import load, save

    trainer = ContentTrainer()
    files = dict(trainer.dump(trainer.fit(table_of([(0, 1, 0), (1, 1, 0)]).to_batches(), RECIPE)))
    tensors = load(files["state.safetensors"])
    tensors["item"] = np.array([0, 7], np.int32)
    for broken in (
        {**files, "state.json": files["state.json"][:-1]},
        {**files, "state.safetensors": files["state.safetensors"][:9]},
        {**files, "state.safetensors": save(tensors)},
        {"state.json": files["state.json"]},
    ):
        with pytest.raises(EvidenceError) as caught:
            trainer.restore(broken)
        assert caught.value.code == "trainer.state"
