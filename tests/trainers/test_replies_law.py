"""The law of unlearning, on rows that hypothesis draws and on the real messages."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from byleave.errors import EvidenceError
from byleave.testing import trainer_suite as suite
from byleave.trainers.replies import RepliesTrainer
from byleave.trainers.replies_state import ReplyState

TRAINER = RepliesTrainer()
SMALL: dict[str, Any] = {**TRAINER.default_recipe(), "k": 2, "features": 12, "ridge": 1}
ENCODED = SMALL | {"encoder": "ab" * 32, "numbers": 4, "spread": 1}
WORDS = ("hi", "Yes.", "No thanks!", "ok", "how are you?", "I would, sure", "really $5", "bye")

row = st.tuples(
    st.integers(0, 3),  # thread
    st.integers(0, 7),  # seq
    st.integers(0, 4),  # author
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
)
tables = st.lists(row, max_size=30, unique_by=lambda r: (r[0], r[1]))


def table_of(found: list[tuple[int, int, int, str]]) -> pa.Table:
    return pa.table(
        {
            "record_id": pa.array([f"r{t}-{s}" for t, s, _, _ in found], pa.string()),
            "thread": pa.array([f"t{t}" for t, _, _, _ in found], pa.string()),
            "seq": pa.array([s for _, s, _, _ in found], pa.int64()),
            "author": pa.array([f"m{a}" for _, _, a, _ in found], pa.string()),
            "text": pa.array([x for _, _, _, x in found], pa.string()),
            "embedding": pa.array([vector(x) for _, _, _, x in found], pa.binary()),
        }
    )


def vector(text: str) -> bytes:
    """Return four small numbers made of a text, as an encoder would have stored them."""
    return hashlib.sha256(text.encode()).digest()[:4]


@st.composite
def tables_and_requests(draw: Any) -> tuple[pa.Table, list[list[int]]]:
    found = draw(tables)
    places = draw(st.permutations(range(len(found))))
    gone = places[: draw(st.integers(0, len(places)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(gone)), max_size=3)))
    ends = [0, *cuts, len(gone)]
    requests = [gone[a:b] for a, b in pairwise(ends)]
    return table_of(found), requests


@settings(max_examples=40, deadline=None)
@given(tables_and_requests(), st.integers(1, 9))
def test_the_law_holds_with_an_encoders_numbers(
    drawn: tuple[pa.Table, list[list[int]]], size: int
) -> None:
    """Where stored features of an encoder are learned from, every line of the law holds too."""
    table, requests = drawn
    suite.forgets_as_if_never_seen(TRAINER, table, requests, recipe=ENCODED, size=size)
    suite.learns_again_what_it_forgot(TRAINER, table, requests[0], recipe=ENCODED)
    suite.survives_dump_and_restore(TRAINER, table, requests[0], recipe=ENCODED)
    order = list(reversed(range(table.num_rows)))
    suite.ignores_order_and_batches(TRAINER, table, order, size, recipe=ENCODED)


@settings(max_examples=60)
@given(tables_and_requests(), st.integers(1, 9), st.sampled_from(["sentence", "clause"]))
def test_forgetting_in_any_order_and_grouping_is_a_fit_without_the_rows(
    drawn: tuple[pa.Table, list[list[int]]], size: int, boundary: str
) -> None:
    """After each of any requests the released bytes equal a fit on what is left."""
    table, requests = drawn
    suite.forgets_as_if_never_seen(
        TRAINER, table, requests, recipe={**SMALL, "boundary": boundary}, size=size
    )


@settings(max_examples=40)
@given(tables_and_requests())
def test_learning_again_restores_the_first_model(drawn: tuple[pa.Table, list[list[int]]]) -> None:
    """Rows forgotten and learned again leave no trace of having been away."""
    table, requests = drawn
    for request in requests:
        suite.learns_again_what_it_forgot(TRAINER, table, request, recipe=SMALL)


@settings(max_examples=30)
@given(tables_and_requests())
def test_a_state_goes_to_disk_and_back(drawn: tuple[pa.Table, list[list[int]]]) -> None:
    """restore(dump(state)) encodes, dumps and forgets like the state; the state itself stays."""
    table, requests = drawn
    suite.survives_dump_and_restore(TRAINER, table, requests[0], recipe=SMALL)
    suite.leaves_the_old_state_alone(TRAINER, table, requests[0], recipe=SMALL)


@settings(max_examples=40)
@given(tables, st.randoms(use_true_random=False), st.integers(1, 9))
def test_order_and_batches_do_not_matter(
    found: list[tuple[int, int, int, str]], chance: random.Random, size: int
) -> None:
    """A permutation of the rows, cut anywhere, gives the same model and the same dump."""
    order = list(range(len(found)))
    chance.shuffle(order)
    suite.ignores_order_and_batches(TRAINER, table_of(found), order, size, recipe=SMALL)


def words_of(state: ReplyState) -> list[tuple[str, list[int]]]:
    """Return the record and the features of every covered context, as the inventory holds them."""
    words, found = state.inventory.words, []
    assert (np.diff(words.row) >= 0).all()
    for at, line in enumerate(state.inventory.contexts):
        mine = words.ids[words.column[words.row == at]]
        found.append((line.record, sorted(mine.tolist())))
    return sorted(found)


def pairs_of(state: ReplyState) -> list[tuple[object, object]]:
    """Return the places of every context and its reply, as the table holds them."""
    rows = zip(state.table.context.tolist(), state.table.reply.tolist(), strict=True)
    return sorted((state.book.places[a], state.book.places[b]) for a, b in rows)


@settings(max_examples=40)
@given(tables_and_requests())
def test_the_running_counters_equal_a_recount(drawn: tuple[pa.Table, list[list[int]]]) -> None:
    """Whatever was kept by adding and subtracting is what a fit counts from the rows left."""
    table, requests = drawn
    state = TRAINER.fit(table.to_batches(), SMALL)
    gone: set[int] = set()
    for request in requests:
        gone |= set(request)
        state = TRAINER.forget(state, suite.rows(table, request).to_batches())
        left = suite.rows(table, [at for at in range(table.num_rows) if at not in gone])
        fresh = TRAINER.fit(left.to_batches(), SMALL)
        assert pairs_of(state) == pairs_of(fresh)
        assert state.inventory.texts == fresh.inventory.texts
        assert words_of(state) == words_of(fresh)
        assert TRAINER.dump(state) == TRAINER.dump(fresh)


def test_a_state_with_counts_of_other_rows_is_refused() -> None:
    """Stored counts that cannot be those of the stored rows, and the former format, are refused."""
    found = [(n, s, (2 * n + s) % 9, "all right then") for n in range(12) for s in range(2)]
    files = dict(TRAINER.dump(TRAINER.fit(table_of(found).to_batches(), SMALL)))
    tensors = load(files["state.safetensors"])
    assert tensors["together_gram"].size > 1
    for name in ("together_features", "together_gram"):
        changed = {**tensors, name: tensors[name] + 1}
        with pytest.raises(EvidenceError) as wrong:
            TRAINER.restore({**files, "state.safetensors": save(changed)})
        assert wrong.value.code == "trainer.state"
    former = files["state.json"].replace(b"replies-state/v3", b"replies-state/v2")
    with pytest.raises(EvidenceError) as wrong:
        TRAINER.restore({**files, "state.json": former})
    assert wrong.value.code == "trainer.state"


def test_a_removed_row_joins_no_new_pair() -> None:
    """Of a, b, c without b, nothing is learned: c does not become a reply to a."""
    found = [(0, 0, 0, "hi"), (0, 1, 1, "yes"), (0, 2, 2, "bye")]
    table = table_of(found)
    state = TRAINER.forget(
        TRAINER.fit(table.to_batches(), SMALL), suite.rows(table, [1]).to_batches()
    )
    assert len(state.lines) == 2
    assert not len(state.table.context)


def test_a_text_of_fewer_than_k_members_is_nowhere_in_the_release() -> None:
    """One member's sentence, sent a hundred times, is in no released byte; k members' one is."""
    found = [(n, s, (2 * n + s) % 9, "all right then") for n in range(12) for s in range(2)]
    found += [(100 + n, s, s, "my zebra sings") for n in range(50) for s in range(2)]
    table = table_of(found)
    recipe = {**SMALL, "k": 5}
    suite.keeps_out_of_the_release(TRAINER, table, ["zebra", "sings"], recipe=recipe)
    with pytest.raises(AssertionError, match="below the threshold"):
        suite.keeps_out_of_the_release(TRAINER, table, ["all right then"], recipe=recipe)


def test_a_reply_vanishes_with_its_authors() -> None:
    """A text that five members sent is shown; when one of the five leaves, it is not."""
    found = [
        (n, s, n if s else 5 + n, "certainly" if s else "so?") for n in range(5) for s in (0, 1)
    ]
    table = table_of(found)
    recipe = {**SMALL, "k": 5}
    state = TRAINER.fit(table.to_batches(), recipe)
    assert b"Certainly." in TRAINER.encode(state)["model.json"]
    left = TRAINER.forget(state, suite.rows(table, [1]).to_batches())
    assert b"ertainly" not in TRAINER.encode(left)["model.json"]


@pytest.fixture(scope="module")
def messages(data_dir: Path) -> pa.Table:
    """The real messages, with the columns of the trainer."""
    table = pq.read_table(data_dir / "persuasion-for-good" / "messages.parquet")
    number = table["seq"].cast(pa.large_string())
    record = pc.binary_join_element_wise(
        table["thread_id"], number, pa.scalar("#", pa.large_string())
    )
    return pa.table(
        {
            "record_id": record,
            "thread": table["thread_id"],
            "seq": table["seq"],
            "author": table["sender_id"],
            "text": table["text"],
            "recipient": table["recipient_id"],
        }
    )


@pytest.mark.real_data
def test_real_members_are_forgotten_to_the_byte(messages: pa.Table) -> None:
    """1, then 10, then 100 real members withdraw: each model equals a fit without their messages."""
    members = sorted(set(messages["author"].to_pylist()))
    random.Random(7).shuffle(members)
    requests: list[list[int]] = []
    gone: set[int] = set()
    for start, end in ((0, 1), (1, 11), (11, 111)):
        some = pa.array(members[start:end], pa.large_string())
        either = pc.or_(
            pc.is_in(messages["author"], value_set=some),
            pc.is_in(messages["recipient"], value_set=some),
        ).to_pylist()
        requests.append([at for at, yes in enumerate(either) if yes and at not in gone])
        gone |= set(requests[-1])
    files = suite.forgets_as_if_never_seen(
        TRAINER, messages, requests, recipe=TRAINER.default_recipe()
    )
    whole = TRAINER.encode(TRAINER.fit(messages.to_batches(), TRAINER.default_recipe()))
    assert files != whole


@pytest.mark.real_data
def test_no_rare_real_text_is_released(messages: pa.Table) -> None:
    """No real word that fewer than five members ever wrote occurs in the released inventory."""
    writers: dict[str, set[str]] = {}
    for author, text in zip(
        messages["author"].to_pylist(), messages["text"].to_pylist(), strict=True
    ):
        for word in text.casefold().replace("’", "'").split():
            writers.setdefault(word.strip(".,!?;:()\"'"), set()).add(author)
    rare = {word for word, who in writers.items() if len(who) < 5}
    files = TRAINER.encode(TRAINER.fit(messages.to_batches(), TRAINER.default_recipe()))
    shown = files["model.json"].decode().casefold()
    inventory = shown[shown.index('"inventory"') : shown.index('"recipe"')]
    words = {word.strip('.,!?"[]:{}') for word in inventory.replace('","', " ").split()}
    assert words
    assert not words & rare
