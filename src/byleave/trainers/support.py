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

from byleave.trainers.together import (
    Incidence,
    Integers,
    Marks,
    Together,
    begins,
    columns_of,
    incidence,
    together,
)

__all__ = [
    "Chosen",
    "Counts",
    "Occurrences",
    "Pairs",
    "backed",
    "choose",
    "count",
    "distinct_members",
    "enough_members",
    "numbered",
    "with_vectors",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occurrences:
    """Which features the contexts of pairs have; no feature twice in one.

    Attributes:
        row: Which pair, ascending; shape (features present,).
        column: Which of `ids`, ascending in a pair; shape (features present,).
        ids: Features, ascending; also some that no context has any more.
    """

    row: Integers
    column: Integers
    ids: Integers

    def of_rows(self, place: Integers) -> Occurrences:
        """Return those of some rows, under other numbers.

        Args:
            place: The number of each row, ascending, or -1 of one that is left out.
        """
        row = place[self.row]
        there = np.flatnonzero(row >= 0)
        return Occurrences(row=row[there], column=self.column[there], ids=self.ids)

    def joined(self, other: Occurrences) -> Occurrences:
        """Return both."""
        ids = np.union1d(self.ids, other.ids)
        columns = [np.searchsorted(ids, some.ids)[some.column] for some in (self, other)]
        row, column = np.concatenate([self.row, other.row]), np.concatenate(columns)
        order = np.argsort(row, kind="stable")
        return Occurrences(row=row[order], column=column[order], ids=ids)

    def among(self, features: Integers) -> tuple[Integers, Integers]:
        """Return row and place of each that is one of these features, which are ascending."""
        there, at = columns_of(self.ids, features)
        place = np.full(len(self.ids), -1, np.int64)
        place[at] = np.flatnonzero(there)
        return self._at(place)

    def of_columns(self, kept: Marks) -> Occurrences:
        """Return those of some features."""
        row, column = self._at(np.where(kept, np.cumsum(kept) - 1, -1))
        return Occurrences(row=row, column=column, ids=self.ids[kept])

    def _at(self, place: Integers) -> tuple[Integers, Integers]:
        """Return row and new column of those whose column has a place."""
        column = place[self.column]
        there = np.flatnonzero(column >= 0)
        return self.row[there], column[there]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Covered pairs, in any order.

    Attributes:
        context_author: Ordinal of who wrote the context; shape (pairs,).
        reply_author: Ordinal of who wrote the reply; shape (pairs,).
        label: Which inventory entry the reply opens with; shape (pairs,).
        words: The features of the contexts.
    """

    context_author: Integers
    reply_author: Integers
    label: Integers
    words: Occurrences


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
        has: Which of them each covered pair has.
    """

    features: Integers
    cross: Integers
    has: Incidence


def enough_members(cell: Integers, who: Integers, cells: int, k: int) -> npt.NDArray[np.bool_]:
    """Say of each cell whether at least k distinct members occur in it; arguments as below."""
    return distinct_members(cell, who, cells) >= k


def distinct_members(cell: Integers, who: Integers, cells: int) -> Integers:
    """Count the distinct members in each cell.

    Args:
        cell: Cell of each occurrence, in [0, cells).
        who: Member ordinal of each occurrence, non-negative.
        cells: How many cells there are.
    """
    if not len(cell):
        return np.zeros(cells, np.int64)
    members = int(who.max()) + 1
    both = np.sort(cell * members + who)
    once = both[begins(both)]
    return np.bincount(once // members, minlength=cells)


def _backed_cells(cell: Integers, row: Integers, pairs: Pairs, k: int) -> tuple[Integers, Integers]:
    """Return the cells that k members on each side are behind, ascending, and pairs in each.

    Args:
        cell: Cell of each occurrence.
        row: Its pair.
        pairs: The pairs.
        k: The threshold.
    """
    many_pairs = max(len(pairs.label), 1)
    ranked = np.sort(cell * many_pairs + row)
    of = ranked // many_pairs
    first = np.flatnonzero(begins(of))
    many = np.diff(first, append=len(of))
    enough = many >= k  # fewer pairs have fewer members still
    some = ranked[np.repeat(enough, many)] % many_pairs
    cells, many = of[first[enough]], many[enough]
    at = np.repeat(np.arange(len(cells)), many)
    kept = np.ones(len(cells), np.bool_)
    for who in (pairs.reply_author, pairs.context_author):
        kept &= enough_members(at, who[some], len(cells), k)
    return cells[kept], many[kept]


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
    words = pairs.words
    often = np.bincount(words.column, minlength=len(words.ids)) >= k  # a rarer one has no kept cell
    some = words.of_columns(often)
    cell = some.column * labels + pairs.label[some.row]
    cells, many = _backed_cells(cell, some.row, pairs, k)
    of = cells // max(labels, 1)
    weight = np.zeros(len(some.ids), np.int64)
    np.add.at(weight, of, many)
    # Largest kept counts first, then ids: `ids` is ascending and the sort is stable.
    chosen = np.sort(np.argsort(-weight, kind="stable")[:most_features])
    chosen = chosen[weight[chosen] > 0]
    cross = np.zeros((len(chosen) + 1, labels), dtype=np.int64)
    stands, at = columns_of(chosen, of)
    cross[at, cells[stands] % max(labels, 1)] = many[stands]
    cross[-1] = np.bincount(pairs.label, minlength=labels)
    features = some.ids[chosen]
    return Chosen(
        features=features,
        cross=cross,
        has=incidence(len(pairs.label), *some.among(features), len(chosen)),
    )


def numbered(ids: Integers) -> tuple[Integers, Integers]:
    """Return the distinct ids, ascending, and of each id which it is."""
    order = np.argsort(ids)  # not stable, and twice as fast; equal ids get the same number
    ranked = ids[order]
    first = begins(ranked)
    column = np.empty(len(ids), np.int64)
    column[order] = np.cumsum(first) - 1
    return ranked[first], column


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
    row, column = pairs.words.among(counts.features)
    has = np.zeros((len(vectors), len(counts.features) + 1))
    has[row, column] = word
    has[:, -1] = word
    chose = np.zeros((len(vectors), labels))
    chose[np.arange(len(vectors)), pairs.label] = 1
    numbers = vectors.astype(np.float64)
    side = has.T @ numbers
    gram = np.block([[counts.gram * word**2, side], [side.T, numbers.T @ numbers]])
    cross = np.vstack([counts.cross * word, numbers.T @ chose])
    return gram.astype(np.int64), cross.astype(np.int64)
