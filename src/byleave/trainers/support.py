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

from byleave.trainers.together import Integers, Marks, Together, incidence, together

__all__ = [
    "Chosen",
    "Counts",
    "Pairs",
    "backed",
    "choose",
    "count",
    "enough_members",
    "with_vectors",
]


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """The features that a release will have.

    Attributes:
        features: As in `Counts`.
        cross: As in `Counts`.
        has: Whether a covered pair has a feature; its last column is true; shape (pairs, f + 1).
    """

    features: Integers
    cross: Integers
    has: Marks


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
    both = np.sort(cell * members + who)
    once = both[np.diff(both, prepend=-1) > 0]
    return np.asarray(np.bincount(once // members, minlength=cells) >= k)


def count(pairs: Pairs, labels: int, k: int, most_features: int) -> Counts:
    """Count pairs by feature and label, and by feature and feature, all of them.

    Args:
        pairs: The covered pairs.
        labels: Size of the inventory.
        k: Distinct members needed behind a count, on each side.
        most_features: Keep no more than this many features: those with the largest kept counts.
    """
    chosen = choose(pairs, labels, k, most_features)
    who = np.stack([pairs.reply_author, pairs.context_author], axis=1)
    return backed(chosen, together(chosen.features, chosen.has, who), k)


def choose(pairs: Pairs, labels: int, k: int, most_features: int) -> Chosen:
    """Count pairs by feature and label, and take the features with the largest kept counts.

    Args:
        pairs: As for `count`.
        labels: As for `count`.
        k: As for `count`.
        most_features: As for `count`.
    """
    ids, column = _numbered(pairs.feature)
    often = np.bincount(column, minlength=len(ids)) >= k  # a rarer feature has no kept cell
    present = often[column]
    row, column, ids = pairs.row[present], (np.cumsum(often) - 1)[column[present]], ids[often]
    cells = len(ids) * labels
    cell = column * labels + pairs.label[row]
    many = np.bincount(cell, minlength=cells)
    look = many[cell] >= k
    kept = np.ones(cells, np.bool_)
    for who in (pairs.reply_author, pairs.context_author):
        kept &= enough_members(cell[look], who[row[look]], cells, k)
    full = np.where(kept, many, 0).reshape(len(ids), labels)
    weight = full.sum(axis=1)
    # Largest kept counts first, then ids: `ids` is ascending and the sort is stable.
    chosen = np.sort(np.argsort(-weight, kind="stable")[:most_features])
    chosen = chosen[weight[chosen] > 0]
    place = np.full(len(ids), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    present = place[column] >= 0
    cross = np.zeros((len(chosen) + 1, labels), dtype=np.int64)
    cross[:-1] = full[chosen]
    cross[-1] = np.bincount(pairs.label, minlength=labels)
    return Chosen(
        features=ids[chosen],
        cross=cross,
        has=incidence(len(pairs.label), row[present], place[column[present]], len(chosen)),
    )


def _numbered(ids: Integers) -> tuple[Integers, Integers]:
    """Return the distinct ids, ascending, and of each id which it is."""
    order = np.argsort(ids)  # not stable, and twice as fast; equal ids get the same number
    ranked = ids[order]
    starts = np.ones(len(ids), np.bool_)
    starts[1:] = ranked[1:] != ranked[:-1]
    column = np.empty(len(ids), np.int64)
    column[order] = np.cumsum(starts) - 1
    return ranked[starts], column


def backed(chosen: Chosen, counted: Together, k: int) -> Counts:
    """Take every count of two features that fewer than k members stand behind as zero."""
    enough = (counted.members >= k).all(axis=0)
    gram = np.where(enough, counted.gram, 0).astype(np.int64)
    return Counts(features=chosen.features, cross=chosen.cross, gram=gram)


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
