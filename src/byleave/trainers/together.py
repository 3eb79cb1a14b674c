"""How many pairs have two features, and how many members stand behind: kept, not counted again.

For every two of the features of a release: pairs that have both, distinct members who wrote the
replies of those, and distinct members who wrote the contexts. A pair that went is taken off and a
new one put on, by every two of its marks; a member counts no longer, or only now, where no pair of
theirs that stays has both. Only a feature that was not there before is counted over all pairs.
Integers: the result is the one of a count from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Incidence",
    "Integers",
    "Marks",
    "Together",
    "begins",
    "columns_of",
    "incidence",
    "together",
    "updated",
]

Integers: TypeAlias = npt.NDArray[np.int64]
Tallies: TypeAlias = npt.NDArray[np.int32]
"""Of pairs: fewer than 2^24."""
Marks: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]
"""Bits, in rows of whole words."""


_CELLS: Final = 1 << 11
"""Cells counted together: their bits are bytes for that long, 1 MiB for 512 features."""
_MOST: Final = 1 << 23
"""Couples of marks that are looked at together, 64 MiB; where more changed, all is counted."""
_DEAR: Final = 8
"""Couples that cost what one mark does when all pairs are counted."""
_ALWAYS: Final = 1 << 16
"""So many couples are looked at whatever it costs to count all."""
_FEW: Final = 8
"""Cells that are counted all at once in the time of one that is changed by itself."""
_WENT, _NEW = 1, 2
"""What a couple is of, beside 0: a pair that stays."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """Counts of two features; the last row and column are all covered pairs.

    Attributes:
        features: Ids, ascending; shape (f,).
        gram: Pairs that have both; shape (f + 1, f + 1).
        members: Distinct authors, of their replies and of their contexts; shape (2, f + 1, f + 1).

    Cost: 12 bytes for every two features.
    """

    features: Integers
    gram: Tallies
    members: Tallies


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Incidence:
    """Which features pairs have, mark by mark; the last column is a mark of every pair.

    Attributes:
        pairs: How many.
        columns: How many: features and one.
        row: The pair of each mark; marks of one pair follow one another.
        column: Its column, ascending in a row.
    """

    pairs: int
    columns: int
    row: Integers
    column: Integers

    def dense(self) -> Marks:
        """Return whether a pair has a feature; shape (pairs, columns)."""
        flat = np.zeros(self.pairs * self.columns, np.bool_)
        flat[self.row * self.columns + self.column] = True
        return flat.reshape(self.pairs, self.columns)

    def alone(self) -> Integers:
        """Count the pairs of each column."""
        return np.bincount(self.column, minlength=self.columns)

    def of_marks(self, some: Integers) -> Incidence:
        """Return the marks at these ascending places; pairs keep their numbers."""
        return Incidence(
            pairs=self.pairs, columns=self.columns, row=self.row[some], column=self.column[some]
        )

    def to_end(self) -> Integers:
        """Count the marks of each one's pair, from it to the last."""
        if not len(self.row):
            return np.zeros(0, np.int64)
        ends = np.append(np.flatnonzero(np.diff(self.row)) + 1, len(self.row))
        return np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(len(self.row))


def begins(ranked: Integers) -> Marks:
    """Say of each of these ascending numbers whether it is the first of its kind."""
    found = np.ones(len(ranked), np.bool_)
    found[1:] = ranked[1:] != ranked[:-1]
    return found


def columns_of(features: Integers, ids: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Say of each id whether it is one of these ascending features, and of those which."""
    at = np.searchsorted(features, ids)
    there = at < len(features)
    there[there] = features[at[there]] == ids[there]
    return there, at[there]


def incidence(pairs: int, row: Integers, column: Integers, features: int) -> Incidence:
    """Return these marks with one more of each pair.

    Args:
        pairs: How many.
        row: The pair of each mark, ascending.
        column: Its feature, ascending in a row.
        features: How many.

    Raises:
        OverflowError: 2^24 pairs or more, whose sums float32 does not hold.
    """
    if pairs >= 1 << 24:
        raise OverflowError("more covered pairs than can be multiplied exactly")
    rows, columns = np.empty((2, len(row) + pairs), np.int64)
    place = np.arange(len(row)) + row
    rows[place], columns[place] = row, column
    every = np.arange(pairs)
    last = np.cumsum(np.bincount(row, minlength=pairs)) + every
    rows[last], columns[last] = every, features
    return Incidence(pairs=pairs, columns=features + 1, row=rows, column=columns)


def together(features: Integers, has: Incidence, who: Integers) -> Together:
    """Count all pairs.

    Args:
        features: The features of the columns.
        has: Which of them each pair has.
        who: Who wrote the reply and the context of each pair; shape (pairs, 2).
    """
    dense = has.dense()
    bits = _bits(dense)
    both = [_distinct(has, bits, who[:, side]) for side in (0, 1)]
    return Together(features=features, gram=_both(dense), members=np.stack(both))


def updated(
    old: Together,
    features: Integers,
    before: tuple[Incidence, Integers],
    after: tuple[Incidence, Integers, Marks],
) -> Together:
    """Return what `together` would of the pairs after, reading little more than what changed.

    Args:
        old: The counts of the pairs before.
        features: The features of the pairs after.
        before: Pairs that went: which of `features` each has; who wrote its reply and its context.
        after: All pairs after, likewise; whether each is new.
    """
    (went, whose), (has, who, is_new) = before, after
    stayed, at = columns_of(old.features, features)
    enters = _Entering.of(has, np.flatnonzero(~stayed))
    marked = is_new[has.row]
    new, stays = has.of_marks(np.flatnonzero(marked)), has.of_marks(np.flatnonzero(~marked))
    if enters.couples + sum(int(some.to_end().sum()) for some in (went, new)) > _MOST:
        return together(features, has, who)
    kept, was = np.append(np.flatnonzero(stayed), len(features)), np.append(at, len(old.features))
    gram = _taken(old.gram, kept, was, has.columns)
    came, left = _cells(new), _cells(went)
    _put(gram, [came], [left])
    enters.count(gram)
    members = np.empty((2, *gram.shape), np.int32)
    for side in (0, 1):
        mine, theirs = who[:, side], whose[:, side]
        besides = _besides((stays, mine), (went, theirs), (new, mine))
        if besides is None:
            members[side] = _distinct(has, _bits(has.dense()), mine)
            continue
        members[side] = _taken(old.members[side], kept, was, has.columns)
        _put(members[side], [came, *besides[0]], [left, *besides[1]])
        enters.count(members[side], mine)
    return Together(features=features, gram=gram, members=members)


def _taken(old: Tallies, kept: Integers, was: Integers, size: int) -> Tallies:
    """Return a square of this size whose cells at `kept` are those of the old one at `was`."""
    if len(kept) == size == len(old):
        return old.copy()
    source = np.zeros(size, np.int64)  # rows and columns that are not kept hold whatever
    source[kept] = was
    return old.take(source, axis=0).take(source, axis=1)


def _put(counts: Tallies, more: list[Integers], less: list[Integers]) -> None:
    """Add one for each of the first cells, on or above the diagonal, and its mirror; then less."""
    if sum(map(len, [*more, *less])) * _FEW < counts.size:
        flat, columns = counts.reshape(-1), len(counts)
        for sign, cells in [(1, cells) for cells in more] + [(-1, cells) for cells in less]:
            row, column = np.divmod(cells, columns)
            np.add.at(flat, cells, np.int32(sign))
            np.add.at(flat, (column * columns + row)[row != column], np.int32(sign))
        return
    change = np.bincount(np.concatenate(more), minlength=counts.size)
    change -= np.bincount(np.concatenate(less), minlength=counts.size)
    upper = change.astype(np.int32).reshape(counts.shape)
    counts += upper
    np.fill_diagonal(upper, 0)
    counts += upper.T


def _couples(base: Integers, begin: Integers, many: Integers, second: Integers) -> Integers:
    """Return base[i] + second[begin[i] + n] for every i and every n below many[i]."""
    ends = np.cumsum(many)
    shift = np.repeat(begin - ends + many, many)
    shift += np.arange(len(shift))
    found = np.repeat(base, many)
    found += second[shift]
    return found


def _cells(marks: Incidence) -> Integers:
    """Return the cell of every two marks of one pair, on or above the diagonal."""
    base = marks.column * marks.columns
    return _couples(base, np.arange(len(base)), marks.to_end(), marks.column)


def _besides(
    *parts: tuple[Incidence, Integers],
) -> tuple[list[Integers], list[Integers]] | None:
    """Return cells that counts of members gain, and that they lose, beside those of pairs.

    None, but where a member has several pairs with one feature: only there are pairs compared.

    Args:
        parts: Marks of pairs that stay, that went and that are new; who wrote them, by pair.

    Returns:
        On and above the diagonal; None where counting all pairs is less work.
    """
    columns = parts[0][0].columns
    place = np.zeros(1 + max(int(who.max(initial=0)) for _, who in parts), np.int64)
    for marks, who in parts[1:]:
        place[who[marks.row]] = 1
    place = np.where(place > 0, (np.cumsum(place) - 1) * columns, -columns)
    cells = [place[who][marks.row] + marks.column for marks, who in parts]  # of member and feature
    moved = np.concatenate(cells[1:])
    often = np.bincount(moved, minlength=int(place.max()) + columns)
    at = np.flatnonzero(cells[0] >= 0)
    some = [at[often[cells[0][at]] > 0]]
    often += np.bincount(cells[0][some[0]], minlength=len(often))
    some += [np.flatnonzero(often[mine] > 1) for mine in cells[1:]]
    found = [
        (m.of_marks(at), mine[at]) for (m, _), mine, at in zip(parts, cells, some, strict=True)
    ]
    many = [marks.to_end() for marks, _ in found]
    most = min(_MOST, max(_DEAR * len(parts[0][0].row), _ALWAYS))
    if sum(int(to_end.sum()) for to_end in many) > most:
        return None
    keys = [
        _couples(mine * (columns << 2) + tag, np.arange(len(mine)), to_end, marks.column << 2)
        for tag, ((marks, mine), to_end) in enumerate(zip(found, many, strict=True))
    ]
    return _compared(np.concatenate(keys), columns**2)


def _compared(keys: Integers, cells: int) -> tuple[list[Integers], list[Integers]]:
    """Return the cells that counts of members gain and lose beside those of pairs.

    Args:
        keys: Member, cell and, in the last two bits, what it is of; in any order.
        cells: How many cells there are.
    """
    keys.sort()
    which, tag = keys >> 2, keys & 3
    first = np.flatnonzero(begins(which))
    last = np.append(first, len(keys))[1:] - 1
    gained = first[tag[first] == _NEW]
    lost = first[(tag[first] == _WENT) & (tag[last] == _WENT)]
    more, less = (
        [which[some] % cells for some in both]
        for both in ((tag == _WENT, gained), (tag == _NEW, lost))
    )
    return more, less


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Entering:
    """Features that are new among the kept, with every feature of the pairs that have them.

    Attributes:
        has: All marks.
        features: Their columns, ascending.
        at: The marks of these columns.
        base: Which of `features` each is, times all columns.
        begin: The first mark of its pair.
        many: Marks of its pair.
        couples: All of these.
    """

    has: Incidence
    features: Integers
    at: Integers
    base: Integers
    begin: Integers
    many: Integers
    couples: int

    @classmethod
    def of(cls, has: Incidence, features: Integers) -> _Entering:
        """Find the pairs that have one of these columns."""
        which = np.full(has.columns, -1, np.int64)
        which[features] = np.arange(len(features))
        found = which[has.column]
        at = np.flatnonzero(found >= 0)
        sizes = np.bincount(has.row, minlength=has.pairs)
        pair = has.row[at]
        many = sizes[pair]
        return cls(
            has=has,
            features=features,
            at=at,
            base=found[at] * has.columns,
            begin=(np.cumsum(sizes) - sizes)[pair],
            many=many,
            couples=int(many.sum()),
        )

    def count(self, counts: Tallies, who: Integers | None = None) -> None:
        """Put the counts of these features into all: of pairs, or of who wrote them."""
        if not len(self.features):
            return
        cells, base = len(self.features) * self.has.columns, self.base
        if who is not None:
            base = base + who[self.has.row[self.at]] * cells
        found = _couples(base, self.begin, self.many, self.has.column)
        if who is not None:
            found.sort()
            found = found[begins(found)] % cells
        rows = np.bincount(found, minlength=cells).reshape(-1, self.has.columns)
        counts[self.features] = rows
        counts[:, self.features] = rows.T


@dataclass(frozen=True, slots=True, eq=False)
class _Reach:
    """What each cell, a column and a member, has together: the features of all its pairs.

    Attributes:
        bits: The features of each pair.
        row: The pairs of the cells, one cell after the other.
        cell: The cells, ascending.
        starts: Where each begins in `row`.
    """

    bits: Words
    row: Integers
    cell: Integers
    starts: Integers

    @classmethod
    def of(cls, bits: Words, row: Integers, cell: Integers) -> _Reach:
        """Sort the pairs of all cells."""
        order = np.argsort(cell)
        ranked = cell[order]
        starts = np.flatnonzero(begins(ranked))
        return cls(bits, row[order], ranked[starts], starts)

    def parts(self) -> Iterator[tuple[Integers, Words]]:
        """Yield the cells and their bits, some at a time."""
        for low in range(0, len(self.cell), _CELLS):
            starts = self.starts[low : low + _CELLS]
            high = low + len(starts)
            end = self.starts[high] if high < len(self.starts) else len(self.row)
            block = self.bits[self.row[starts[0] : end]]
            yield self.cell[low:high], np.bitwise_or.reduceat(block, starts - starts[0], axis=0)


def _tally(found: Tallies, column: Integers, bits: Words) -> None:
    """Add one for every bit to the row of its column; columns are ascending.

    A loop over columns, and sums of at most 255 rows at a time, so that they fit a byte.
    """
    ones = np.unpackbits(bits.view(np.uint8), axis=1, count=len(found[0]))
    starts = np.flatnonzero(begins(column))
    ends = [*starts[1:].tolist(), len(column)]
    sums = np.empty((len(starts), ones.shape[1]), np.int32)
    small = np.empty(ones.shape[1], np.uint8)
    for at, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
        sums[at] = np.add.reduce(ones[start : min(start + 255, end)], axis=0, out=small)
        for low in range(start + 255, end, 255):
            sums[at] += np.add.reduce(ones[low : min(low + 255, end)], axis=0, out=small)
    found[column[starts]] += sums


def _bits(has: Marks) -> Words:
    """Return each row as bits, in whole words."""
    packed = np.packbits(has, axis=1)
    whole = np.zeros((len(has), -(-packed.shape[1] // 8) * 8), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return whole.view(np.uint64)


def _both(has: Marks) -> Tallies:
    """Count the rows that have both, for every two columns.

    A product of float32: sums of fewer than 2^24 ones are exact, whatever the processor.
    """
    one = has.astype(np.float32)
    found: Tallies = (one.T @ one).astype(np.int32)
    return found


def _distinct(has: Incidence, bits: Words, who: Integers) -> Tallies:
    """Count the members one of whose pairs has both, for every two columns."""
    size = 1 + int(who.max(initial=0))
    found = np.zeros((has.columns,) * 2, np.int32)
    for cell, reach in _Reach.of(bits, has.row, has.column * size + who[has.row]).parts():
        _tally(found, cell // size, reach)
    return found
