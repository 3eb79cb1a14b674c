"""Counts of features together, changed by what went and came, against a count from scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.trainers import together as together_module
from byleave.trainers.together import columns_of, incidence, together, updated

pair = st.tuples(
    st.integers(0, 9),  # who wrote the reply
    st.integers(0, 9),  # who wrote the context
    st.frozensets(st.integers(10, 17), max_size=4),
)


def marks(found: list[Any], features: Any) -> Any:
    row = np.array([at for at, p in enumerate(found) for _ in p[2]], np.int64)
    ids = np.array([f for p in found for f in sorted(p[2])], np.int64)
    there, column = columns_of(features, ids)
    return incidence(len(found), row[there], column, len(features))


def authors(found: list[Any]) -> Any:
    return np.array([p[:2] for p in found], np.int64).reshape(-1, 2)


@pytest.mark.parametrize(
    "limits", [{}, {"_MOST": 1}, {"_DEAR": 0, "_ALWAYS": 1}, {"_FEW": 0}, {"_FEW": 99}], ids=str
)
def test_changed_counts_are_those_of_a_count_from_scratch(
    limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs that stay, go and are new, under features that change: every count is a fresh one."""
    for name, value in limits.items():
        monkeypatch.setattr(together_module, name, value)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.tuples(pair, st.sampled_from("sssssgn")), max_size=40),
        st.frozensets(st.integers(10, 17)),
        st.frozensets(st.integers(10, 17)),
    )
    def holds(drawn: list[Any], first: frozenset[int], second: frozenset[int]) -> None:
        are_fresh(drawn, first, second)

    holds()


def are_fresh(drawn: list[Any], first: frozenset[int], second: frozenset[int]) -> None:
    had = [p for p, fate in drawn if fate != "n"]
    gone = [p for p, fate in drawn if fate == "g"]
    has = [p for p, fate in drawn if fate != "g"]
    new = np.array([fate == "n" for _, fate in drawn if fate != "g"], np.bool_)
    before, after = (np.array(sorted(some), np.int64) for some in (first, second))
    old = together(before, marks(had, before), authors(had))
    changed = updated(
        old,
        after,
        (marks(gone, after), authors(gone)),
        (marks(has, after), authors(has), new),
    )
    fresh = together(after, marks(has, after), authors(has))
    assert (changed.gram == fresh.gram).all()
    assert (changed.members == fresh.members).all()
    for a, f in enumerate(after.tolist()):
        for side in (0, 1):
            assert fresh.members[side, a, -1] == len({p[side] for p in has if f in p[2]})
