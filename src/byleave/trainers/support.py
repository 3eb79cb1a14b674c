"""From pairs of messages to counts that at least k members stand behind, on both sides.

A *pair* is a context (one member's message) and the reply to it (another's). Every number that
goes on to the weights is a count of pairs in which at least k distinct members wrote the context
*and* at least k distinct members wrote the reply; a smaller count is taken as zero. So no weight
depends on anything that fewer than k people wrote (docs/spec/replies.md says what remains).
All integers: the order of the pairs cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Pairs", "count", "enough_members"]

Integers = npt.NDArray[np.int64]


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
    behind = _distinct_pairs(incidence, pairs.reply_author) >= k
    behind &= _distinct_pairs(incidence, pairs.context_author) >= k
    return Counts(features=ids[chosen], cross=cross, gram=np.where(behind, gram, 0))


def _supported(pairs: Pairs, k: int) -> tuple[Integers, Integers]:
    """Drop occurrences of features that fewer than k members stand behind; they have no cell."""
    ids, column = np.unique(pairs.feature, return_inverse=True)
    kept = enough_members(column, pairs.reply_author[pairs.row], len(ids), k)
    kept &= enough_members(column, pairs.context_author[pairs.row], len(ids), k)
    present = kept[column]
    return pairs.row[present], pairs.feature[present]


def _distinct_pairs(incidence: npt.NDArray[np.float64], who: Integers) -> Integers:
    """Count, for every two features, the members in whose pairs both occur together.

    One small product for each member: the number of members is the loop, not the rows.
    """
    size = incidence.shape[1]
    result = np.zeros((size, size), dtype=np.int64)
    order = np.argsort(who, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(who[order])) + 1):
        present = np.flatnonzero(incidence[rows].any(axis=0))
        block = incidence[np.ix_(rows, present)]
        result[np.ix_(present, present)] += (block.T @ block) > 0
    return result
