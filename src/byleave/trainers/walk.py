"""RP3beta on a whole-number grid: jobs reached by three steps of a random walk.

From a thing somebody has, to a member who has it, to another thing of theirs (Paudel et al.,
"Updatable, Accurate, Diverse, and Scalable Recommendations", ACM TiiS 2016): the chance of ending
at j from i, divided by (holders of j)^beta. Counts are the members of both, each worth 2^24 over
the number of things they have, rounded; nothing else is learned. No dense matrix is made: for
catalogues of many jobs with few holders each. Weights are integers in units of 2^-30, rounded down.

Cost: for each member the square of what they have, in portions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["GRID_BITS", "walk_weights"]

GRID_BITS: Final = 30
_SHARE_BITS: Final = 24
_PORTION: Final = 1 << 22
"""Cells looked at together: bounds the memory."""

Longs = npt.NDArray[np.int64]


def walk_weights(
    member: Longs, item: Longs, targets: npt.NDArray[np.bool_], *, k: int, quarters: int, most: int
) -> tuple[Longs, Longs, Longs]:
    """Return the weights that are not zero, as (from, to, weight), by `to` and then falling weight.

    Args:
        member: Ordinal of the member of each holding, no holding twice.
        item: Ordinal of its item.
        targets: Which items may be ended at.
        k: Members behind a pair, at least.
        quarters: Beta in quarters, 0 to 4.
        most: Weights kept for each target, the largest, then the smaller `from`.
    """
    items = len(targets)
    order = np.lexsort((item, member))
    member, item = member[order], item[order]
    length = np.bincount(member)
    share = ((1 << _SHARE_BITS) + length // 2) // np.maximum(length, 1)
    holders = np.bincount(item, minlength=items)
    cells, sums, counts = (np.zeros(0, np.int64) for _ in range(3))
    for left, right in _portions(length):
        apart = (left != right) & targets[item[right]]
        key = item[right[apart]] * items + item[left[apart]]
        found, at = np.unique(np.concatenate([cells, key]), return_inverse=True)
        both = np.concatenate([sums, share[member[left[apart]]]])
        many = np.concatenate([counts, np.ones(len(key), np.int64)])
        cells, sums, counts = found, _summed(at, both, len(found)), _summed(at, many, len(found))
    kept = counts >= k
    to, start = np.divmod(cells[kept], items)
    # sums <= 2^24 holders(start): the chance has 40 bits behind the point, then 30 over the power.
    chance = (sums[kept] << 16) // holders[start]
    weight = (chance << (GRID_BITS - 20)) // _powers(holders, quarters)[to]
    best = np.lexsort((start, -weight, to))
    to, start, weight = to[best], start[best], weight[best]
    first = np.searchsorted(to, to)
    keep = (np.arange(len(to)) - first < most) & (weight > 0)
    return start[keep], to[keep], weight[keep]


def _powers(holders: Longs, quarters: int) -> Longs:
    """Return holders^(quarters / 4) in units of 2^-20, rounded down; loops over items."""
    roots = [isqrt(isqrt(int(many) ** quarters << 80)) for many in holders]
    return np.maximum(np.array(roots, np.int64), 1)


def _summed(at: Longs, values: Longs, size: int) -> Longs:
    """Return the sums of values by place; exact, which `bincount` with weights is not."""
    total = np.zeros(size, np.int64)
    np.add.at(total, at, values)
    return total


def _portions(length: Longs) -> Iterator[tuple[Longs, Longs]]:
    """Yield the places of every two holdings of one member, some whole members at a time."""
    length = length[length > 0]
    cost = np.cumsum(length**2)
    first = np.cumsum(length) - length
    start = 0
    while start < len(cost):
        spent = int(cost[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(cost, spent + _PORTION, side="right")))
        some = length[start:stop]
        partners = np.repeat(some, some)
        left = np.repeat(np.arange(len(partners)), partners)
        begin = np.repeat(np.cumsum(some) - some, some)
        inner = np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
        yield left + first[start], begin[left] + inner + first[start]
        start = stop
