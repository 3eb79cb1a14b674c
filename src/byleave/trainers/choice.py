"""A conditional logit fitted in whole numbers: which of many things somebody chose.

McFadden's model (1974): the chance of a thing among those on offer is proportional to
exp(x . b). Its weights have no closed form, and Newton's iterations in floating point end in other
last bits on another processor. Here every number is an integer: features are small whole numbers,
weights and shares are in units of 2^-20, the exponential is a table made by square roots of
integers, and each Newton step is solved in fractions and rounded half up. So the weights are a
function of the choices alone, on every machine: what `byleave.training.trainer` asks for.

What is on offer to one member is a histogram of feature patterns: the cost of a step is the number
of different patterns that members see, not members times things.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_ON_OFFER", "UNIT", "Choices", "fit_choice"]

UNIT: Final = 1 << 20
"""One, in the units of weights and shares."""
MOST_ON_OFFER: Final = 1 << 15
"""Things on offer at once: with it no product exceeds 63 bits."""
_EXP_BITS: Final = 24
_LOG2_E: Final = 1549082005
"""log2(e) in units of 2^-30."""
_LN_2: Final = 11629080
"""ln(2) in units of 2^-24."""
_STEPS: Final = 40
_FARTHEST: Final = 40
"""Powers of two below the best at which a thing has no chance left."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Who was offered which patterns, and what they chose.

    Attributes:
        who: Ordinal of the member, ascending; every ordinal below the largest occurs; shape (cells,).
        pattern: The features of a pattern on offer, 0 to 16; shape (cells, features).
        offered: Things of that pattern on offer to that member, positive; shape (cells,).
        times: Choices each member made, positive; shape (members,).
        chosen: Sum of the features of what was chosen, over all choices; shape (features,).
    """

    who: Longs
    pattern: Longs
    offered: Longs
    times: Longs
    chosen: Longs


def fit_choice(choices: Choices, ridge: int) -> Longs:
    """Return the weights, in units of 2^-20, that Newton's steps end at.

    Args:
        choices: At least one.
        ridge: Pull towards zero, positive: the prior is normal with variance 1 / ridge.

    Each step is at most one in any weight; steps end when none moves by more than a unit.
    Cost: cells times features squared, at most 40 times.
    """
    features = choices.pattern.shape[1]
    weights = np.zeros(features, np.int64)
    for _ in range(_STEPS):
        expected, spread = _moments(choices, weights)
        pull = choices.chosen * UNIT - expected - ridge * weights
        step = _solved(spread + ridge * UNIT * np.eye(features, dtype=np.int64), pull)
        weights = weights + np.clip(step, -UNIT, UNIT)
        if np.abs(step).max(initial=0) <= 1:
            break
    return weights


def _moments(choices: Choices, weights: Longs) -> tuple[Longs, Longs]:
    """Return the expected sum of features and its covariance, in units of 2^-20."""
    score = choices.pattern @ weights
    first = np.flatnonzero(np.diff(choices.who, prepend=-1))
    best = np.maximum.reduceat(score, first)
    odds = choices.offered * _exp(score - best[choices.who])
    share = (odds * UNIT) // np.add.reduceat(odds, first)[choices.who]
    weighed = share[:, None] * choices.pattern
    mean = np.add.reduceat(weighed, first, axis=0)
    often = choices.times[choices.who][:, None]
    second = (weighed * often).T @ choices.pattern
    square = (mean * choices.times[:, None]).T
    # The product of two means has 40 bits behind the point: 20 of them go, downwards.
    outer = np.stack([(row[:, None] * mean // UNIT).sum(axis=0) for row in square])
    return (mean * choices.times[:, None]).sum(axis=0), second - (outer + outer.T) // 2


def _exp(exponent: Longs) -> Longs:
    """Return exp(exponent), in units of 2^-24, of exponents at most 0 in units of 2^-20."""
    binary = (np.maximum(exponent, -_FARTHEST * UNIT) * _LOG2_E) >> 30
    whole, rest = binary >> 20, binary & (UNIT - 1)
    fine = (1 << _EXP_BITS) + ((rest & 1023) * _LN_2 >> 20)
    near = (_powers()[rest >> 10] * fine) >> _EXP_BITS
    return np.asarray(near >> np.minimum(-whole, 62))


@cache
def _powers() -> Longs:
    """Return 2^(i / 1024) for i from 0 to 1023 in units of 2^-24, by square roots of integers."""
    bits = 120
    root = 2 << bits
    for _ in range(10):
        root = isqrt(root << bits)
    value, table = 1 << bits, []
    for _ in range(1024):
        table.append(value >> (bits - _EXP_BITS))
        value = value * root >> bits
    return np.array(table, np.int64)


def _solved(matrix: Longs, right: Longs) -> Longs:
    """Solve matrix @ x = right in fractions; return x in units of 2^-20, half-way upwards."""
    size = len(right)
    rows = [
        [Fraction(int(v)) for v in line] + [Fraction(int(r) * UNIT)]
        for line, r in zip(matrix, right, strict=True)
    ]
    for at in range(size):
        pivot = next(row for row in range(at, size) if rows[row][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for below in range(size):
            if below != at and rows[below][at]:
                factor = rows[below][at] / rows[at][at]
                rows[below] = [b - factor * a for a, b in zip(rows[at], rows[below], strict=True)]
    found = [rows[at][size] / rows[at][at] for at in range(size)]
    return np.array([(2 * x.numerator + x.denominator) // (2 * x.denominator) for x in found])
