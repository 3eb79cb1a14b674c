"""What a release of `content` answers, and how its quality is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from byleave.errors import EvidenceError
from byleave.trainers.content import ContentTrainer
from byleave.trainers.content_model import ContentModel, evaluate
from byleave.training.trainer import ModelFiles
from tests.trainers.test_content_law import table_of

RECIPE = {**ContentTrainer().default_recipe(), "k": 2, "ridge": 2}


def fitted(rows: list[tuple[int, int, int]]) -> ModelFiles:
    """Return a model of (member, item, day)."""
    return ContentTrainer().encode(ContentTrainer().fit(table_of(rows).to_batches(), RECIPE))


PAIRS = (
    [(m, i, 0) for m in range(6) for i in (1, 2)]
    + [(m, i, 0) for m in range(6, 12) for i in (3, 4)]
    + [(m, 5, 50) for m in range(20, 29)]
)


def test_what_is_held_together_is_suggested_together() -> None:
    """Whoever holds one of a pair gets the other first, because of the one."""
    model = ContentModel(fitted(PAIRS))
    first = model.suggest(["i1"], 3)[0]
    assert (first.item, first.why, first.because) == ("i2", "history", ("i1",))
    assert model.suggest(["i3", "nobody has it"], 3)[0].item == "i4"


def test_whoever_gave_nothing_gets_what_many_hold() -> None:
    """Without a history the answer is the trend and the most held, never more than asked, no repeats."""
    model = ContentModel(fitted(PAIRS))
    found = model.suggest((), 4)
    assert found[0].item == "i5"
    assert {s.why for s in found} == {"trend", "popular"}
    assert len({s.item for s in found}) == 4
    assert len(model.suggest(("i1",), 99)) == 4


def test_nothing_held_is_suggested() -> None:
    """What the member holds already is never suggested."""
    model = ContentModel(fitted(PAIRS))
    for history in (["i1"], ["i1", "i2", "i5"], list(model.items)):
        assert not {s.item for s in model.suggest(history, 5)} & set(history)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([1, 2**20, 2**30, 2**31 - 1]),
    st.integers(0, 2**32),
    st.lists(st.integers(0, 4), max_size=9),
)
def test_scores_are_sums_that_never_overflow(most: int, seed: int, history: list[int]) -> None:
    """Rows are added up in 32 bits only as far as their largest weight allows."""
    files = fitted(PAIRS)
    size = len(ContentModel(files).items)
    draw = np.random.default_rng(seed)
    weights = draw.integers(-most - 1, most, (size, size), dtype=np.int32, endpoint=True)
    tensors = {**load(files["weights.safetensors"]), "weights": weights}
    model = ContentModel({**files, "weights.safetensors": save(tensors)})
    wanted = weights.astype(np.int64)[history].sum(axis=0)
    assert (model.scores(history) == wanted).all()


TEXTS = [["i1", "bread and butter"], ["i9", "the bread of Lyon"], ["i8", "steel"], ["i2", "bread"]]


def test_an_item_that_nobody_holds_is_found_by_its_text() -> None:
    """One suggestion in four is a new item whose words are those of what is held, and says which."""
    recipe = RECIPE | {"texts": TEXTS}
    trainer = ContentTrainer()
    files = trainer.encode(trainer.fit(table_of(PAIRS).to_batches(), recipe))
    found = ContentModel(files).suggest(["i1"], 4)
    assert len(found) == 4
    assert (found[3].item, found[3].why, found[3].because) == ("i9", "similar", ("i1",))
    assert "i8" not in {s.item for s in found}
    assert "similar" not in {s.why for s in ContentModel(files).suggest(["i1"], 3)}
    assert "similar" not in {s.why for s in ContentModel(files).suggest((), 8)}


def test_texts_may_come_after_the_fit() -> None:
    """An item that is newer than the release is given when asking."""
    model = ContentModel(fitted(PAIRS), texts=dict(TEXTS))
    assert [s.item for s in model.suggest(["i1"], 4) if s.why == "similar"] == ["i9"]
    assert [s for s in model.suggest(["i1", "i9"], 4) if s.why == "similar"] == []


def test_a_hidden_half_that_is_never_seen_is_not_recalled() -> None:
    """Recall counts hidden items only: a model of pairs finds each hidden half, popularity does not."""
    held_out = table_of([(m, i, 0) for m in range(6) for i in (1, 2)]).to_batches()
    quality = evaluate(fitted(PAIRS), held_out, n=1)
    assert (quality.members, quality.recall, quality.coverage) == (6, 1.0, 1.0)
    assert quality.popularity == 0.0
    strangers = evaluate(fitted(PAIRS), table_of([(0, 8, 0), (0, 9, 0)]).to_batches())
    assert (strangers.members, strangers.left_out, strangers.recall) == (0, 1, None)


@pytest.mark.parametrize("broken", ["head", "weights", "shape", "trainer"])
def test_damaged_models_are_refused(broken: str) -> None:
    """A model whose files are damaged, do not fit or are another trainer's is refused."""
    from safetensors.numpy import load, save

    files = dict(fitted(PAIRS))
    tensors = load(files["weights.safetensors"])
    tensors["popularity"] = tensors["popularity"][:-1]
    files |= {
        "head": {"model.json": files["model.json"][:-1]},
        "weights": {"weights.safetensors": files["weights.safetensors"][:40]},
        "shape": {"weights.safetensors": save(tensors)},
        "trainer": {"model.json": files["model.json"].replace(b"content/v2", b"replies/v2")},
    }[broken]
    with pytest.raises(EvidenceError) as caught:
        ContentModel(files)
    assert caught.value.code == "trainer.model"


@pytest.mark.real_data
def test_real_members_are_served_better_than_by_popularity(data_dir: Path) -> None:
    """On the real survey, held-out members find more of what they hold than by popularity alone."""
    table = pq.read_table(data_dir / "freecodecamp-2016" / "member_items.parquet")
    item = pc.binary_join_element_wise(
        table["kind"].cast(pa.string()), table["item"].cast(pa.string()), ":"
    )
    rows = pa.table(
        {
            "record_id": pa.array(range(table.num_rows)).cast(pa.string()),
            "member": table["member_id"].cast(pa.string()),
            "item": item,
        }
    )
    members = np.array(sorted(pc.unique(rows["member"]).to_pylist()))
    asked = pa.array(members[np.random.default_rng(0).permutation(len(members))[:1500]])
    out = pc.is_in(rows["member"], value_set=asked)
    trainer = ContentTrainer()
    state = trainer.fit(rows.filter(pc.invert(out)).to_batches(), trainer.default_recipe())
    quality = evaluate(trainer.encode(state), rows.filter(out).to_batches(), n=5)
    assert quality.recall is not None
    assert quality.popularity is not None
    assert quality.recall > quality.popularity
