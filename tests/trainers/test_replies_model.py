"""A released model at work, and the refusals of the trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load

from byleave.errors import ByleaveError, InputError, WorldError
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_model import RepliesModel, evaluate, suggest

TRAINER = RepliesTrainer()
RECIPE = {**TRAINER.default_recipe(), "k": 3, "ridge": 4}


def table_of(pairs: list[tuple[str, str]], members: int = 12) -> pa.Table:
    rows = [
        (f"{n}-{s}", str(n), s, str((n + s * 5) % members), text)
        for n, both in enumerate(pairs)
        for s, text in enumerate(both)
    ]
    names = ("record_id", "thread", "seq", "author", "text")
    return pa.table(
        {name: list(col) for name, col in zip(names, zip(*rows, strict=True), strict=True)}
    )


PAIRS = [("Do you like tea?", "Yes I do!"), ("Thank you for the tea", "You are welcome.")] * 12
TEA = table_of(PAIRS)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(TRAINER.encode(TRAINER.fit(TEA.to_batches(), RECIPE)))


def test_a_question_gets_its_answer_and_the_reason(files: dict[str, bytes]) -> None:
    """The best reply comes first, with words of the question that spoke for it."""
    best, second = suggest(files, "do you like coffee?", 5)
    assert best.text == "Yes I do."
    assert best.score > second.score
    assert best.because
    assert all(word in "do you like coffee?" for word in best.because)


def test_unknown_words_fall_back_without_a_reason(files: dict[str, bytes]) -> None:
    """A message with no known word still gets the inventory, and no reason is made up."""
    found = suggest(files, "xyzzy plugh")
    assert len(found) == 2
    assert all(s.because == () for s in found)


def encoded(table: pa.Table) -> pa.Table:
    """Put two numbers beside each text: whether it speaks of tea with thanks, or without."""
    made = [bytes([100, 0]) if "Thank" in t else bytes([0, 100]) for t in table["text"].to_pylist()]
    return table.append_column("embedding", pa.array(made, pa.binary()))


def test_an_encoders_numbers_decide_where_words_do_not() -> None:
    """A message of unknown words is answered by its vector; without one the model refuses."""
    recipe = RECIPE | {"encoder": "0f" * 32, "numbers": 2}
    files = TRAINER.encode(TRAINER.fit(encoded(TEA).to_batches(), recipe))
    model = RepliesModel(files)
    for numbers, text in (([100, 0], "You are welcome."), ([0, 100], "Yes I do.")):
        best = model.suggest("xyzzy", 1, vector=np.array(numbers, np.int8))[0]
        assert (best.text, best.because) == (text, ())
    with pytest.raises(WorldError) as caught:
        model.suggest("xyzzy", 1)
    assert caught.value.code == "trainer.encoder"
    assert evaluate(files, encoded(TEA).to_batches()).top1 == 1.0


@pytest.mark.parametrize("column", [None, [b"x"] * TEA.num_rows, ["xx"] * TEA.num_rows])
def test_numbers_that_are_missing_are_refused(column: list[Any] | None) -> None:
    """Where the recipe names an encoder, rows without its numbers, or with others, are refused."""
    table = TEA if column is None else TEA.append_column("embedding", pa.array(column))
    with pytest.raises(InputError) as caught:
        TRAINER.fit(table.to_batches(), RECIPE | {"encoder": "0f" * 32, "numbers": 2})
    assert caught.value.code == "trainer.rows"


def test_spread_takes_back_what_is_only_often_sent() -> None:
    """With `spread`, an entry that most replies open with weighs less beside a rare one."""
    rows = table_of([("Do you like tea?", "Yes I do!")] * 30 + [("Thanks for it", "Welcome.")] * 8)
    lead = []
    for spread in (0, 4):
        files = TRAINER.encode(TRAINER.fit(rows.to_batches(), RECIPE | {"spread": spread}))
        score = {s.text: s.score for s in suggest(files, "xyzzy")}
        lead.append(score["Yes I do."] / score["Welcome."])
    assert lead[1] < lead[0]


def test_quality_stands_beside_coverage(files: dict[str, bytes]) -> None:
    """On pairs like those trained on all is right; what is not covered counts in coverage only."""
    more = table_of([*PAIRS, ("Do you like tea?", "My zebra does")] * 2)
    found = evaluate(files, more.to_batches())
    assert (found.top1, found.top3, found.mrr) == (1.0, 1.0, 1.0)
    assert found.coverage == pytest.approx(24 / 25)
    assert found.coverage_whole == pytest.approx(24 / 25)
    assert (found.inventory, found.k, found.pairs, found.covered) == (2, 3, 50, 48)
    assert found.baseline_top1 == pytest.approx(0.5)
    assert found.one_of_100 == 1.0


def test_nothing_covered_has_no_quality(files: dict[str, bytes]) -> None:
    """Where no held-out reply is in the inventory, accuracy is unknown, not zero."""
    found = evaluate(files, table_of([("a", "zebra")]).to_batches())
    assert found.top1 is None
    assert found.coverage == 0


def test_no_rows_make_an_empty_model() -> None:
    """A fit on nothing gives a model that suggests nothing and states no coverage."""
    files = TRAINER.encode(TRAINER.fit([], RECIPE))
    assert suggest(files, "hello") == ()
    assert json.loads(files["model.json"])["coverage"] is None


def test_the_release_holds_what_the_page_says(files: dict[str, bytes]) -> None:
    """Two files: format, recipe, inventory, coverage; features, popularity, int32 weights."""
    assert set(files) == {"model.json", "weights.safetensors"}
    assert set(json.loads(files["model.json"])) == {"format", "recipe", "inventory", "coverage"}
    tensors = load(files["weights.safetensors"])
    assert {name: str(t.dtype) for name, t in tensors.items()} == {
        "features": "int64",
        "popularity": "int32",
        "weights": "int32",
    }
    assert json.loads(files["model.json"])["coverage"] == {"opening": 10_000, "whole": 10_000}


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_damaged_model_is_refused(files: dict[str, bytes], name: str) -> None:
    """Cut off, of another shape, or missing: `trainer.model`."""
    broken: list[dict[str, bytes]] = [
        {**files, name: files[name][:-3]},
        {k: v for k, v in files.items() if k != name},
        {**files, "model.json": files["model.json"].replace(b'"Yes I do.",', b"")},
        {**files, "model.json": files["model.json"].replace(b"replies/v2", b"replies/v1")},
    ]
    for bad in broken:
        with pytest.raises(ByleaveError) as caught:
            RepliesModel(bad)
        assert caught.value.code == "trainer.model"


@pytest.mark.parametrize(
    "change",
    [
        {"k": 0},
        {"k": True},
        {"k": "5"},
        {"ridge": -1},
        {"features": 1 << 20},
        {"boundary": "word"},
        {"algorithm": "other"},
        {"surplus": 1},
        {"encoder": "ab"},
        {"numbers": 384},
        {"spread": 5},
        {"encoder": "ab" * 32},
        {"encoder": "ab" * 32, "numbers": 5_000},
    ],
)
def test_a_wrong_recipe_is_refused(change: dict[str, Any]) -> None:
    """Out of range, of another type or unknown: `trainer.recipe`."""
    with pytest.raises(ByleaveError) as caught:
        TRAINER.fit([], {**RECIPE, **change})
    assert caught.value.code == "trainer.recipe"


def test_wrong_rows_are_refused() -> None:
    """A missing column, a null, a place or a record twice: `trainer.rows`; nobody is named."""
    null = TEA.set_column(3, "author", pa.array([None] * len(TEA), pa.string()))
    twice = TEA.set_column(0, "record_id", pa.array([f"x{n}" for n in range(len(TEA))]))
    for bad in ([TEA.drop_columns(["text"])], [null], [TEA, TEA], [TEA, twice]):
        with pytest.raises(ByleaveError) as caught:
            TRAINER.fit([b for t in bad for b in t.to_batches()], RECIPE)
        assert caught.value.code == "trainer.rows"
        assert "tea" not in caught.value.message


def test_forgetting_what_is_not_held_is_refused() -> None:
    """A record that was never learned, or already forgotten: `trainer.not-held`."""
    state = TRAINER.forget(TRAINER.fit(TEA.to_batches(), RECIPE), TEA.slice(0, 2).to_batches())
    with pytest.raises(ByleaveError) as caught:
        TRAINER.forget(state, TEA.slice(1, 1).to_batches())
    assert caught.value.code == "trainer.not-held"


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
def test_a_damaged_state_is_refused(name: str) -> None:
    """Cut off or missing: `trainer.state`, before anything is forgotten with it."""
    files = dict(TRAINER.dump(TRAINER.fit(TEA.to_batches(), RECIPE)))
    for bad in ({**files, name: files[name][:-3]}, {k: v for k, v in files.items() if k != name}):
        with pytest.raises(ByleaveError) as caught:
            TRAINER.restore(bad)
        assert caught.value.code == "trainer.state"


@pytest.mark.real_data
def test_real_quality_beats_popularity(data_dir: Path) -> None:
    """On threads none of whose people were trained on, top-3 is well above popularity."""
    table = pq.read_table(data_dir / "persuasion-for-good" / "messages.parquet")
    table = table.rename_columns({"thread_id": "thread", "sender_id": "author"})
    record = [
        f"{t}#{s}"
        for t, s in zip(table["thread"].to_pylist(), table["seq"].to_pylist(), strict=True)
    ]
    table = table.append_column("record_id", pa.array(record))
    threads: dict[str, set[str]] = {}
    for author, thread in zip(
        table["author"].to_pylist(), table["thread"].to_pylist(), strict=True
    ):
        threads.setdefault(author, set()).add(thread)
    busy = {author for author, found in threads.items() if len(found) > 1}
    shy = {
        thread
        for thread in set(table["thread"].to_pylist())
        if not any(author in busy for author, found in threads.items() if thread in found)
    }
    held = pa.array([thread in shy for thread in table["thread"].to_pylist()])
    kept = pa.array([thread not in shy for thread in table["thread"].to_pylist()])
    model = TRAINER.encode(TRAINER.fit(table.filter(kept).to_batches(), TRAINER.default_recipe()))
    found = evaluate(model, table.filter(held).to_batches())
    assert found.top3 is not None
    assert found.baseline_top3 is not None
    assert found.top3 > 1.5 * found.baseline_top3
    assert found.coverage is not None
    assert 0.1 < found.coverage < 0.5
