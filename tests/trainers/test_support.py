"""Counts that at least k members stand behind, against a count in sets."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.trainers.support import Occurrences, Pairs, count, numbered

pair = st.tuples(
    st.integers(0, 5), st.integers(0, 5), st.integers(0, 2), st.frozensets(st.integers(10, 15))
)


def columns(found: list[tuple[int, int, int, frozenset[int]]]) -> Pairs:
    ids, column = numbered(np.array([f for p in found for f in sorted(p[3])], dtype=np.int64))
    row = np.array([at for at, p in enumerate(found) for _ in p[3]], dtype=np.int64)
    return Pairs(
        context_author=np.array([p[0] for p in found], dtype=np.int64),
        reply_author=np.array([p[1] for p in found], dtype=np.int64),
        label=np.array([p[2] for p in found], dtype=np.int64),
        words=Occurrences(row=row, column=column, ids=ids),
    )


@settings(max_examples=150)
@given(st.lists(pair, min_size=1, max_size=40), st.integers(1, 4))
def test_every_count_has_k_members_on_each_side(
    found: list[tuple[int, int, int, frozenset[int]]], k: int
) -> None:
    """A cell is the number of its pairs where k members wrote each side of them, else zero."""
    cross: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    gram: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for context, reply, label, features in found:
        for f in features:
            cross[f, label].append((context, reply))
            for g in features:
                gram[f, g].append((context, reply))

    def backed(who: list[tuple[int, int]]) -> int:
        enough = all(len({pair[side] for pair in who}) >= k for side in (0, 1))
        return len(who) if enough else 0

    counts = count(columns(found), 3, k, 100)
    ids = counts.features.tolist()
    assert ids == sorted({f for (f, label), who in cross.items() if backed(who)})
    for a, f in enumerate(ids):
        assert counts.cross[a].tolist() == [backed(cross[f, label]) for label in range(3)]
        assert counts.gram[a, :-1].tolist() == [backed(gram[f, g]) for g in ids]
    assert counts.cross[-1].tolist() == [sum(p[2] == label for p in found) for label in range(3)]
    assert (counts.gram == counts.gram.T).all()


def test_the_most_used_features_are_kept() -> None:
    """Beyond the limit, features with the largest kept counts stay; ties go to the lower id."""
    found = [(n, n + 9, 0, frozenset({1, 2, 3} if n < 3 else {3})) for n in range(6)]
    assert count(columns(found), 1, 2, 2).features.tolist() == [1, 3]
