"""The conditional logit in whole numbers, and RP3beta on its grid, against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.trainers.choice import UNIT, Choices, fit_choice
from byleave.trainers.walk import walk_weights


def drawn(seed: int, members: int = 300, jobs: int = 20) -> tuple[Choices, list[np.ndarray]]:
    """Draw choices by the model itself, and return them with what each member was offered."""
    draw = np.random.default_rng(seed)
    truth = np.array([0.6, -0.4, 0.2])
    who, patterns, offered, seen = [], [], [], []
    chosen = np.zeros(3, np.int64)
    for member in range(members):
        x = draw.integers(0, 6, (jobs, 3))
        odds = np.exp(x @ truth)
        chosen += x[draw.choice(jobs, p=odds / odds.sum())]
        kinds, many = np.unique(x, axis=0, return_counts=True)
        who += [member] * len(kinds)
        patterns.append(kinds)
        offered.append(many)
        seen.append(x)
    choices = Choices(
        who=np.array(who),
        pattern=np.concatenate(patterns),
        offered=np.concatenate(offered),
        times=np.ones(members, np.int64),
        chosen=chosen,
    )
    return choices, seen


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_weights_are_where_the_gradient_vanishes(seed: int) -> None:
    """At the integer weights, the gradient of the likelihood in floating point is nearly zero."""
    choices, seen = drawn(seed)
    weights = fit_choice(choices, 4) / UNIT
    gradient = choices.chosen - 4 * weights
    for x in seen:
        odds = np.exp(x @ weights)
        gradient = gradient - (odds / odds.sum()) @ x
    assert np.abs(gradient).max() < 0.02  # of some 700 that each sum comes to
    assert np.abs(weights - [0.6, -0.4, 0.2]).max() < 0.2


def test_who_is_called_what_changes_nothing() -> None:
    """Members in another order give the same weights to the last bit."""
    choices, _ = drawn(5)
    order = np.argsort(-choices.who, kind="stable")
    turned = Choices(
        who=(choices.who.max() - choices.who)[order],
        pattern=choices.pattern[order],
        offered=choices.offered[order],
        times=choices.times[::-1],
        chosen=choices.chosen,
    )
    assert (fit_choice(choices, 4) == fit_choice(turned, 4)).all()


def test_weights_that_are_pulled_hard_stay_near_zero() -> None:
    """A ridge far above what the data say leaves nothing of them."""
    choices, _ = drawn(7)
    assert np.abs(fit_choice(choices, 1 << 24)).max() < UNIT // 1000


@settings(deadline=None, max_examples=40)
@given(
    st.sets(st.tuples(st.integers(0, 8), st.integers(0, 6)), min_size=1),
    st.integers(0, 4),
    st.integers(1, 2),
)
def test_a_walk_is_its_definition(pairs: set[tuple[int, int]], quarters: int, k: int) -> None:
    """Each weight is the chance of three steps over a power of the holders, within the grid."""
    member, item = (np.array(side) for side in zip(*sorted(pairs), strict=True))
    targets = np.ones(7, np.bool_)
    found = walk_weights(member, item, targets, k=k, quarters=quarters, most=99)
    got = {(int(i), int(j)): int(w) for i, j, w in zip(*found, strict=True)}
    has = np.zeros((9, 7))
    has[member, item] = 1
    length, holders = has.sum(axis=1), has.sum(axis=0)
    for i in range(7):
        for j in range(7):
            both = has[:, i] * has[:, j]
            if i == j or both.sum() < k:
                assert (i, j) not in got
                continue
            chance = (both / np.maximum(length, 1)).sum() / holders[i]
            weight = chance / holders[j] ** (quarters / 4)
            assert math.isclose(got[i, j] / 2**30, weight, abs_tol=2**-18)


def test_only_the_nearest_are_kept() -> None:
    """With `most` neighbours each target keeps its largest weights."""
    member, item = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    start, to, weight = walk_weights(
        member, item, np.array([True, False, True, False]), k=1, quarters=0, most=2
    )
    assert to.tolist() == [0, 0, 2, 2]
    assert start.tolist() == [1, 2, 0, 1]
    assert len(set(weight.tolist())) == 1
