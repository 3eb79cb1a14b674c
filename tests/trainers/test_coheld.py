"""Counts of items held together, and rows found by how their records end, against plain Python."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.trainers import coheld
from byleave.trainers.coheld import add_held, alone, matrix, no_counts
from byleave.trainers.holding_rows import Rows, tails

ITEMS = 9
rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, ITEMS - 1)), max_size=40)
Found = list[tuple[int, int]]


def counted(found: Found, counts: coheld.CoHeld, *, less: bool = False) -> None:
    member, item = (np.array([row[at] for row in found], np.int32) for at in (0, 1))
    if found:
        add_held(counts, member, item, less=less)


@pytest.mark.parametrize("dear", [0, 1 << 40], ids=["couples", "products"])
@pytest.mark.parametrize("members", [6, 1 << 16], ids=["2 bytes", "4 bytes"])
def test_counts_are_those_of_sets(dear: int, members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted either way, what is put on and taken off leaves how many members hold both."""
    monkeypatch.setattr(coheld, "_DEAR", dear)
    monkeypatch.setattr(coheld, "_COUPLES", 5)  # several turns
    monkeypatch.setattr(coheld, "_STRIPE", 4)
    monkeypatch.setattr(coheld, "_BLOCK", 2)

    @settings(max_examples=60, deadline=None)
    @given(rows, st.sets(st.integers(0, 5)))
    def holds(found: Found, leave: set[int]) -> None:
        counts = no_counts(ITEMS, members)
        counted(found, counts)
        counted([row for row in found if row[0] in leave], counts, less=True)
        held = {m: {i for n, i in found if n == m} for m, _ in found if m not in leave}
        half = matrix(counts, ITEMS)
        for a, b in combinations_with_replacement(range(ITEMS), 2):
            assert half[b, a] == sum({a, b} <= items for items in held.values())
        assert (np.triu(half, 1) == 0).all()
        assert (alone(counts, ITEMS) == np.diag(half)).all()

    holds()


names = st.text("aé0", max_size=3).map(lambda text: text + "-the same end" * (len(text) % 2))


@settings(max_examples=150, deadline=None)
@given(st.lists(names, unique=True), st.data())
def test_records_are_found_where_they_are(found: list[str], data: st.DataObject) -> None:
    """Of rows that are there, those whose record is named, however alike the records end."""
    texts = pa.array(["?", *found, "?"], pa.large_string()).slice(1, len(found))
    zero = np.zeros(len(found), np.int32)
    held = Rows.of(texts, zero, zero, zero)
    gone = data.draw(st.sets(st.sampled_from(found))) if found else set()
    left = held.without(held.places(pa.array(sorted(gone), pa.large_string())))
    asked = data.draw(st.sets(st.sampled_from([*found, "another"])))
    where = left.places(pa.array(sorted(asked), pa.large_string()))
    assert where.tolist() == [at for at, name in enumerate(found) if name in asked - gone]
    assert left.present().record.to_pylist() == [name for name in found if name not in gone]
    assert left.joined(held).record.to_pylist()[-len(found) or len(found) :] == found
    assert (tails(texts) == tails(pa.array(found, pa.large_string()))).all()
