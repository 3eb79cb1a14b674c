"""From pairs of messages to counts that at least k members stand behind, on both sides.

A *pair* is a context (one member's message) and the reply to it (another's). Every number that
goes on to the weights is a count of pairs in which at least k distinct members wrote the context
*and* at least k distinct members wrote the reply; a smaller count is taken as zero. So no weight
depends on anything that fewer than k people wrote (docs/spec/replies.md says what remains).
All integers: the order of the pairs cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Pairs", "count", "enough_members", "with_vectors"]

Integers = npt.NDArray[np.int64]

_PORTION: Final = 1 << 21
"""Feature pairs looked at together: bounds the memory of `count`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Covered pairs, in any order.

    Attributes:
        context_author: Ordinal of who wrote the context; shape (pairs,).
        reply_author: Ordinal of who wrote the reply; shape (pairs,).
        label: Which inventory entry the reply opens with; shape (pairs,).
        row: Which pair a feature belongs to; shape (features present,).
        feature: The feature's id; shape (features present,); no id twice in one pair.
    """

    context_author: Integers
    reply_author: Integers
    label: Integers
    row: Integers
    feature: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the weights are made of.

    Attributes:
        features: Ids with at least one kept cell, ascending; shape (f,).
        cross: Pairs by (feature, label); the last row counts all pairs; shape (f + 1, labels).
        gram: Pairs by (feature, feature); the last row and column are all pairs.
    """

    features: Integers
    cross: Integers
    gram: Integers


def enough_members(cell: Integers, who: Integers, cells: int, k: int) -> npt.NDArray[np.bool_]:
    """Say of each cell whether at least k distinct members occur in it.

    Args:
        cell: Cell of each occurrence, in [0, cells).
        who: Member ordinal of each occurrence, non-negative.
        cells: How many cells there are.
        k: The threshold.
    """
    if not len(cell):
        return np.zeros(cells, dtype=np.bool_)
    members = int(who.max()) + 1
    once = np.unique(cell * members + who)
    return np.asarray(np.bincount(once // members, minlength=cells) >= k)


def count(pairs: Pairs, labels: int, k: int, most_features: int) -> Counts:
    """Count pairs by feature and label, and by feature and feature.

    Args:
        pairs: The covered pairs.
        labels: Size of the inventory.
        k: Distinct members needed behind a count, on each side.
        most_features: Keep no more than this many features: those with the largest kept counts.
    """
    row, feature = _supported(pairs, k)
    ids, column = np.unique(feature, return_inverse=True)
    label = pairs.label[row]
    cells = len(ids) * labels
    cell = column * labels + label
    kept = enough_members(cell, pairs.reply_author[row], cells, k)
    kept &= enough_members(cell, pairs.context_author[row], cells, k)
    full = np.where(kept, np.bincount(cell, minlength=cells), 0).reshape(len(ids), labels)
    weight = full.sum(axis=1)
    # Largest kept counts first, then ids: `ids` is ascending and the sort is stable.
    chosen = np.sort(np.argsort(-weight, kind="stable")[:most_features])
    chosen = chosen[weight[chosen] > 0]
    place = np.full(len(ids), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    present = place[column] >= 0
    incidence = np.zeros((len(pairs.label), len(chosen) + 1), dtype=np.float64)
    incidence[row[present], place[column[present]]] = 1
    incidence[:, -1] = 1
    cross = np.zeros((len(chosen) + 1, labels), dtype=np.int64)
    cross[:-1] = full[chosen]
    cross[-1] = np.bincount(pairs.label, minlength=labels)
    # float64 products of 0 and 1: exact below 2^53 whatever the threads and the processor do.
    gram = (incidence.T @ incidence).astype(np.int64)
    behind = _backed(incidence, pairs.reply_author, gram, k)
    behind &= _backed(incidence, pairs.context_author, gram, k)
    return Counts(features=ids[chosen], cross=cross, gram=np.where(behind, gram, 0))


def with_vectors(
    counts: Counts, pairs: Pairs, vectors: Integers, labels: int, word: int
) -> tuple[Integers, Integers]:
    """Put the numbers of a frozen encoder beside the words of each context.

    Sums of a number over the pairs of a feature, or of a label: a kept feature and a label have at
    least k members behind them on each side, so every sum does.

    Args:
        counts: What `count` returned for the pairs.
        pairs: The covered pairs.
        vectors: What the encoder made of each context, -127 to 127; shape (pairs, numbers).
        labels: Size of the inventory.
        word: What a feature counts beside the numbers.

    Returns:
        Gram and cross matrix over features, all pairs, numbers: exact below 2^53.
    """
    known = len(counts.features)
    place = np.searchsorted(counts.features, pairs.feature)
    there = place < known
    there[there] = counts.features[place[there]] == pairs.feature[there]
    has = np.zeros((len(vectors), known + 1))
    has[pairs.row[there], place[there]] = word
    has[:, -1] = word
    chose = np.zeros((len(vectors), labels))
    chose[np.arange(len(vectors)), pairs.label] = 1
    numbers = vectors.astype(np.float64)
    side = has.T @ numbers
    gram = np.block([[counts.gram * word**2, side], [side.T, numbers.T @ numbers]])
    cross = np.vstack([counts.cross * word, numbers.T @ chose])
    return gram.astype(np.int64), cross.astype(np.int64)


def _supported(pairs: Pairs, k: int) -> tuple[Integers, Integers]:
    """Drop occurrences of features that fewer than k members stand behind; they have no cell."""
    ids, column = np.unique(pairs.feature, return_inverse=True)
    kept = enough_members(column, pairs.reply_author[pairs.row], len(ids), k)
    kept &= enough_members(column, pairs.context_author[pairs.row], len(ids), k)
    present = kept[column]
    return pairs.row[present], pairs.feature[present]


def _backed(
    incidence: npt.NDArray[np.float64], who: Integers, gram: Integers, k: int
) -> npt.NDArray[np.bool_]:
    """Say of every two features whether at least k members' pairs have both together.

    A cell above (k - 1) times the pairs of the busiest member needs no look; nor does one below k.

    Args:
        incidence: 1 where a pair has a feature; shape (pairs, features).
        who: Member ordinal of each pair.
        gram: How many pairs have both.
        k: The threshold.
    """
    if not len(who):
        return np.zeros(gram.shape, dtype=np.bool_)
    sure = gram > (k - 1) * int(np.bincount(who).max())
    open_cells = np.triu((gram >= k) & ~sure)
    found = _distinct(incidence, who, open_cells) >= k
    return np.asarray(sure | found | found.T)


def _distinct(
    incidence: npt.NDArray[np.float64], who: Integers, cells: npt.NDArray[np.bool_]
) -> Integers:
    """Count, for the marked cells, the members in whose pairs both features occur together."""
    size = incidence.shape[1]
    order = np.argsort(who, kind="stable")
    row, column = np.nonzero(incidence[order])
    member = who[order]
    length = np.bincount(row, minlength=len(order))
    first = np.cumsum(length) - length
    # Whole members at a time, so that nobody is counted in two portions.
    cost = np.cumsum(length**2)
    changes = np.flatnonzero(np.diff(member)) + 1
    result = np.zeros(size * size, dtype=np.int64)
    start = 0
    while start < len(order):
        spent = cost[start - 1] if start else 0
        ends = changes[(changes > start) & (cost[changes - 1] - spent <= _PORTION)]
        later = changes[changes > start]
        stop = int(ends[-1] if len(ends) else later[0] if len(later) else len(order))
        if cost[-1] - spent <= _PORTION:
            stop = len(order)
        left, right = _within(length[start:stop], first[start])
        marked = cells[column[left], column[right]]
        left, right = left[marked], right[marked]
        key = (column[left] * size + column[right]) * (int(member[-1]) + 1) + member[row[left]]
        key.sort()
        once = key[np.diff(key, prepend=-1) > 0]
        result += np.bincount(once // (int(member[-1]) + 1), minlength=size * size)
        start = stop
    return result.reshape(size, size)


def _within(length: Integers, first: int) -> tuple[Integers, Integers]:
    """Return the places of every two items of one run, for runs that follow one another.

    Args:
        length: Length of each run.
        first: Place of the first item of the first run.
    """
    partners = np.repeat(length, length)
    left = np.repeat(np.arange(len(partners)), partners)
    begin = np.repeat(np.cumsum(length) - length, length)
    right = begin[left] + np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    return left + first, right + first
