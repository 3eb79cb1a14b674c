"""Shards and slices: the law for a learner of the user's own, and what is served meanwhile."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.canonical import Json
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.testing import trainer_suite as suite
from byleave.trainers.sharded import ShardedTrainer, mean_of_shards
from byleave.trainers.sharded_cost import Layout, forecast

KEY = bytes(range(32))


class Perceptron:
    """A perceptron over two numbers that depends on order and seed: the worst kind to unlearn."""

    name = "perceptron"
    columns = ("x", "y", "label")

    def describe(self) -> Mapping[str, Json]:
        return {"code": "perceptron/v1", "rate": "1/8"}

    def start(self, seed: int) -> bytes:
        return np.random.default_rng(seed).normal(size=3).tobytes()

    def learn(self, state: bytes, rows: pa.Table, seed: int) -> bytes:
        weights = np.frombuffer(state).copy()
        draw = np.random.default_rng(seed)
        columns = (rows[name].to_pylist() for name in self.columns)
        for x, y, label in zip(*columns, strict=True):
            point = np.array([x, y, 1.0])
            error = label - 1 / (1 + np.exp(-weights @ point))
            weights += (0.125 + 0.01 * draw.random()) * error * point
        return weights.tobytes()


def trainer(shards: int = 3, slices: int = 4, key: bytes = KEY) -> ShardedTrainer:
    """Return a sharded perceptron."""
    return ShardedTrainer(Perceptron(), key=key, shards=shards, slices=slices)


def table_of(members: list[int]) -> pa.Table:
    """Return one row for each entry, by that member."""
    draw = np.random.default_rng(4)
    return pa.table(
        {
            "record_id": pa.array([f"r{n}" for n in range(len(members))], pa.string()),
            "member": pa.array([f"m{m}" for m in members], pa.string()),
            "x": draw.normal(size=len(members)),
            "y": draw.normal(size=len(members)),
            "label": draw.integers(0, 2, len(members)).astype(np.float64),
        }
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, list[list[int]], list[int], int]:
    """Draw rows, disjoint requests to forget some, an order, and a batch size."""
    members = draw(st.lists(st.integers(0, 12), min_size=1, max_size=30))
    gone = draw(st.permutations(range(len(members))))[: draw(st.integers(0, len(members)))]
    at = draw(st.integers(0, len(gone)))
    order = list(draw(st.permutations(range(len(members)))))
    return table_of(members), [list(gone[:at]), list(gone[at:])], order, draw(st.integers(1, 9))


@settings(deadline=None, max_examples=30)
@given(cases())
def test_the_law_holds_for_a_learner_that_knows_nothing_of_it(
    case: tuple[pa.Table, list[list[int]], list[int], int],
) -> None:
    """A learner that depends on order and seed still forgets to the byte, in any requests."""
    table, requests, order, size = case
    one = trainer()
    recipe = one.default_recipe()
    suite.forgets_as_if_never_seen(one, table, requests, recipe=recipe, size=size)
    suite.learns_again_what_it_forgot(one, table, requests[0], recipe=recipe)
    suite.leaves_the_old_state_alone(one, table, requests[0], recipe=recipe)
    suite.survives_dump_and_restore(one, table, requests[0], recipe=recipe)
    suite.ignores_order_and_batches(one, table, order, size, recipe=recipe)


MEMBERS = [n % 40 for n in range(200)]


def test_only_the_slices_behind_a_leaver_are_trained_again() -> None:
    """Forgetting one member trains one shard, from their slice on, and the forecast says so before."""
    one = trainer()
    table = table_of(MEMBERS)
    state = one.fit(table.to_batches(), one.default_recipe())
    asked: list[int] = []
    learn = Perceptron.learn

    def counted(self: Perceptron, state: bytes, rows: pa.Table, seed: int) -> bytes:
        asked.append(rows.num_rows)
        return learn(self, state, rows, seed)

    for member in (3, 17, 25):
        rows = suite.rows(table, [at for at, m in enumerate(MEMBERS) if m == member])
        shards, slices = one.touched(state, rows.to_batches())
        asked.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Perceptron, "learn", counted)
            one.forget(state, rows.to_batches())
        assert shards == 1
        assert len(asked) <= slices <= 4
        assert sum(asked) < len(MEMBERS) / 2


def test_who_leaves_moves_nobody() -> None:
    """The slice of every other member is the same before and after."""
    one = trainer()
    table = table_of(MEMBERS)
    state = one.fit(table.to_batches(), one.default_recipe())
    left = one.forget(state, suite.rows(table, [0, 40, 80]).to_batches())
    assert state.rows is not None
    assert left.rows is not None
    before = dict(zip(*(state.rows[c].to_pylist() for c in ("record_id", "__shard")), strict=True))
    after = dict(zip(*(left.rows[c].to_pylist() for c in ("record_id", "__shard")), strict=True))
    assert after == {record: shard for record, shard in before.items() if record in after}
    assert len(after) == len(before) - 3


def test_what_is_served_meanwhile_never_saw_them() -> None:
    """The clean model equals a fit without the leaver and without the rows it says it lacks."""
    one = trainer(shards=2, slices=3)
    table = table_of(MEMBERS)
    state = one.fit(table.to_batches(), one.default_recipe())
    gone = [at for at, m in enumerate(MEMBERS) if m == 5]
    files, behind = one.clean(state, suite.rows(table, gone).to_batches())
    assert state.rows is not None
    dealt = dict(zip(*(state.rows[c].to_pylist() for c in ("record_id", "__shard")), strict=True))
    first = dealt[f"r{gone[0]}"]
    late = [
        at
        for at in range(len(MEMBERS))
        if dealt[f"r{at}"] // 3 == first // 3 and dealt[f"r{at}"] >= first
    ]
    assert behind == len(set(late) - set(gone))
    kept = [at for at in range(len(MEMBERS)) if at not in late]
    assert files == one.encode(one.fit(suite.rows(table, kept).to_batches(), one.default_recipe()))


def test_purged_checkpoints_are_gone() -> None:
    """No checkpoint that a leaver reached is in the dump afterwards."""
    one = trainer()
    table = table_of(MEMBERS)
    state = one.fit(table.to_batches(), one.default_recipe())
    gone = suite.rows(table, [at for at, m in enumerate(MEMBERS) if m == 9]).to_batches()
    before, after = one.dump(state), one.dump(one.forget(state, gone))
    _, again = one.touched(state, gone)
    old = {data for name, data in before.items() if name.endswith(".bin")}
    new = {data for name, data in after.items() if name.endswith(".bin")}
    assert 0 < len(old - new) <= again


@pytest.mark.parametrize(
    ("shards", "slices", "leaving"), [(10, 1, 1), (10, 4, 5), (20, 8, 10), (1, 4, 3)]
)
def test_the_forecast_is_the_mean_of_draws(shards: int, slices: int, leaving: int) -> None:
    """The formula agrees with members dealt by chance, four thousand times."""
    draw = np.random.default_rng(2)
    cost = []
    for _ in range(4_000):
        first = np.full(shards, slices)
        np.minimum.at(first, draw.integers(0, shards, leaving), draw.integers(0, slices, leaving))
        cost.append((slices - first).sum() / (shards * slices))
    assert forecast(shards, slices, leaving) == pytest.approx(float(np.mean(cost)), rel=0.05)


def test_wrong_use_is_refused() -> None:
    """A short key, numbers out of range, another recipe and rows that are none are refused by code."""
    one = trainer()
    for make in (
        lambda: trainer(key=b"short"),
        lambda: trainer(shards=0),
        lambda: trainer(slices=257),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == "trainer.recipe"
    with pytest.raises(RefusedError) as refused:
        one.fit([], {**one.default_recipe(), "shards": 9})
    assert refused.value.code == "trainer.other-recipe"
    assert str(refused.value).endswith("in: shards")
    table = table_of([1, 2])
    for rows in (
        table.drop(["x"]),
        table.drop(["member"]),
        table.set_column(0, "record_id", pa.array(["r", "r"])),
    ):
        with pytest.raises(InputError) as caught:
            one.fit(rows.to_batches(), one.default_recipe())
        assert caught.value.code == "trainer.rows"
    state = one.fit(table.to_batches(), one.default_recipe())
    with pytest.raises(InputError) as caught:
        one.forget(state, [pa.record_batch({"record_id": pa.array(["nobody"])})])
    assert caught.value.code == "trainer.not-held"


def test_damaged_states_are_refused() -> None:
    """A state of another key, without a checkpoint, or with rows cut short is refused."""
    one = trainer()
    files = dict(one.dump(one.fit(table_of(MEMBERS).to_batches(), one.default_recipe())))
    some = next(name for name in files if name.endswith(".bin"))
    with pytest.raises(RefusedError) as refused:
        trainer(key=bytes(32)).restore(files)
    assert refused.value.code == "trainer.other-recipe"
    for broken in (
        {n: d for n, d in files.items() if n != some},
        {**files, "rows.arrow": files["rows.arrow"][:100]},
        {**files, "state.json": json.dumps({"recipe": 1}).encode()},
    ):
        with pytest.raises(EvidenceError) as caught:
            one.restore(broken)
        assert caught.value.code == "trainer.state"
    assert one.encode(one.restore(files)) == one.encode(
        one.fit(table_of(MEMBERS).to_batches(), one.default_recipe())
    )


class Careful(Perceptron):
    """The same learner with another hyper-parameter."""

    def describe(self) -> Mapping[str, Json]:
        return {**super().describe(), "rate": "1/16"}


def test_a_recipe_is_the_same_when_it_is_read_again() -> None:
    """A learner that describes itself with tuples restores; one that does with a float is refused."""

    class Paired(Perceptron):
        def describe(self) -> Mapping[str, Json]:
            return {"window": (1, 2)}

    class Floating(Perceptron):
        def describe(self) -> Mapping[str, Any]:
            return {"rate": 0.1}

    one = ShardedTrainer(Paired(), key=KEY, shards=2, slices=2)
    state = one.fit(table_of(MEMBERS).to_batches(), one.default_recipe())
    assert one.encode(one.restore(one.dump(state))) == one.encode(state)
    with pytest.raises(InputError) as caught:
        ShardedTrainer(Floating(), key=KEY, shards=2, slices=2).default_recipe()
    assert caught.value.code == "canonical.not-encodable"


MADE_BY: dict[str, Json] = {"code": "a", "environment": {"numpy": "2.4.6", "python": "3.11"}}


@pytest.mark.parametrize(
    ("learner", "key", "made_by", "named"),
    [
        (Careful(), KEY, MADE_BY, "learner.rate"),
        (Perceptron(), bytes(32), MADE_BY, "key"),
        (Perceptron(), KEY, {**MADE_BY, "code": "b"}, "made_by.code"),
        (
            Perceptron(),
            KEY,
            {**MADE_BY, "environment": {"numpy": "2.5.0", "python": "3.11"}},
            "made_by.environment.numpy",
        ),
    ],
)
def test_what_made_a_checkpoint_is_its_address(
    learner: Perceptron, key: bytes, made_by: dict[str, Json], named: str
) -> None:
    """Another hyper-parameter, key, code or package shares no checkpoint, and the refusal names it."""
    one = ShardedTrainer(Perceptron(), key=KEY, shards=3, slices=2, made_by=MADE_BY)
    other = ShardedTrainer(learner, key=key, shards=3, slices=2, made_by=made_by)
    batches = table_of(MEMBERS).to_batches()
    first = one.fit(batches, one.default_recipe())
    second = other.fit(batches, other.default_recipe())
    assert not set(first.checkpoints) & set(second.checkpoints)
    with pytest.raises(RefusedError) as caught:
        other.restore(one.dump(first))
    assert caught.value.code == "trainer.other-recipe"
    assert str(caught.value).endswith(f"in: {named}")


@pytest.mark.parametrize("column", ["x", "y", "label"])
def test_a_changed_record_reaches_its_slice_and_what_follows(column: str) -> None:
    """A record with the same id and another value shares no checkpoint from its slice on."""
    one = trainer()
    table = table_of(MEMBERS)
    cells = pa.array([9.5, *table[column].to_pylist()[1:]], table[column].type)
    changed = table.set_column(table.column_names.index(column), column, cells)
    before = one.fit(table.to_batches(), one.default_recipe())
    after = one.fit(changed.to_batches(), one.default_recipe())
    _, slices = one.touched(before, suite.rows(table, [0]).to_batches())
    assert len(set(after.checkpoints) - set(before.checkpoints)) == slices > 0


def test_the_shards_are_averaged_plainly() -> None:
    """The score of a model is the mean over shards that have one, in their order."""
    one = trainer(shards=3)
    files = one.encode(one.fit(table_of(MEMBERS).to_batches(), one.default_recipe()))
    shards = [np.frombuffer(files[f"shard-{n:03d}.bin"]) for n in range(3)]
    point = np.array([1.0, -2.0, 1.0])
    mean = mean_of_shards(files, lambda state: np.frombuffer(state) @ point)
    assert mean == (0.0 + shards[0] @ point + shards[1] @ point + shards[2] @ point) / 3
    without = mean_of_shards(
        files, lambda state: None if state == shards[1].tobytes() else np.frombuffer(state)
    )
    assert without.tolist() == ((shards[0] + shards[2]) / 2).tolist()
    for broken in ({}, {**files, "model.json": b"{}"}):
        with pytest.raises(EvidenceError) as caught:
            mean_of_shards(broken, np.frombuffer)
        assert caught.value.code == "trainer.model"
    with pytest.raises(EvidenceError):
        mean_of_shards(files, lambda state: None)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_the_cost_of_leaving_is_the_mean_over_everybody(data: st.DataObject) -> None:
    """For every number of leavers the forecast is the mean over all sets of that many members."""
    shards, slices = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    people = data.draw(st.integers(1, 6))
    rows = data.draw(
        st.lists(
            st.sets(st.integers(0, people - 1), min_size=1, max_size=3), min_size=1, max_size=12
        )
    )
    slots = np.array(
        data.draw(
            st.lists(st.integers(0, shards * slices - 1), min_size=len(rows), max_size=len(rows))
        )
    )
    pairs = [(at, who) for at, parties in enumerate(rows) for who in sorted(parties)]
    row, party = np.array(pairs).T
    layout = Layout.of(shape=(shards, slices), slots=slots, row=row, party=party)
    everyone = sorted(set(party.tolist()))
    for leaving in range(1, len(everyone) + 1):
        costs = []
        for gone in itertools.combinations(everyone, leaving):
            hit = {int(slots[at]) for at, who in pairs if who in gone}
            costs.append(
                sum(
                    any(h // slices == slot // slices and h <= slot for h in hit)
                    for slot in slots.tolist()
                )
                / len(rows)
            )
        assert layout.expected(leaving) == pytest.approx(float(np.mean(costs)))
    shards_of = [len({int(slots[at]) // slices for at, w in pairs if w == who}) for who in everyone]
    assert layout.touched.tolist() == shards_of
