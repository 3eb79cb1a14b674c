"""How many pairs have two features, and how many members stand behind: kept, not counted again.

For every two of the features of a release: pairs that have both, distinct members who wrote the
replies of those, and distinct members who wrote the contexts. All are sums over members, so what
a member's pairs were is taken off and what they are is put on; only a feature that was not there
before is counted over all pairs. Integers: the result is the one of a count from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Integers", "Marks", "Together", "columns_of", "incidence", "together", "updated"]

Integers: TypeAlias = npt.NDArray[np.int64]
Tallies: TypeAlias = npt.NDArray[np.int32]
"""Of pairs: fewer than 2^24."""
Marks: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]
"""Bits, in rows of whole words."""


_CELLS: Final = 1 << 11
"""Cells counted together: their bits are bytes for that long, 1 MiB for 512 features."""


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


def columns_of(features: Integers, ids: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Say of each id whether it is one of these ascending features, and of those which."""
    at = np.searchsorted(features, ids)
    there = at < len(features)
    there[there] = features[at[there]] == ids[there]
    return there, at[there]


def incidence(rows: int, row: Integers, column: Integers, features: int) -> Marks:
    """Return whether a row has a feature; the last column is true; shape (rows, features + 1).

    Raises:
        OverflowError: 2^24 rows or more, whose sums float32 does not hold.
    """
    if rows >= 1 << 24:
        raise OverflowError("more covered pairs than can be multiplied exactly")
    flat = np.zeros(rows * (features + 1), np.bool_)
    flat[row * (features + 1) + column] = True
    has = flat.reshape(rows, features + 1)
    has[:, -1] = True
    return has


def together(features: Integers, has: Marks, who: Integers) -> Together:
    """Count all pairs.

    Args:
        features: The features of the columns.
        has: Whether a pair has a feature; shape (pairs, f + 1).
        who: Who wrote the reply and the context of each pair; shape (pairs, 2).
    """
    both = [_distinct(has, who[:, side]) for side in (0, 1)]
    return Together(features=features, gram=_both(has), members=np.stack(both))


def updated(
    old: Together,
    features: Integers,
    before: tuple[Marks, Integers, npt.NDArray[np.bool_]],
    after: tuple[Marks, Integers, npt.NDArray[np.bool_]],
) -> Together:
    """Return what `together` would of the pairs after, reading little more than what changed.

    Args:
        old: The counts of the pairs before.
        features: The features of the pairs after.
        before: Pairs before, at least all of any member who wrote on a side of a changed one:
            which of `features` each has; who wrote its reply and its context; whether it went.
        after: All pairs after, likewise; whether each is new.
    """
    has, who, new = after
    had, whose, went = before
    stayed, at = columns_of(old.features, features)
    kept = np.append(np.flatnonzero(stayed), len(features))
    was = np.append(at, len(old.features))
    gram = _taken(old.gram, kept, was, len(features) + 1)
    for marks, moves, sign in ((has, new, 1), (had, went, -1)):
        if moves.any():
            gram += sign * _both(marks[moves])
    enters = np.flatnonzero(~stayed)
    met = has[:, enters].any(axis=1)
    entering = _Marked.of(has[met], who[met], new[met]).of_columns(enters)
    gram[enters] = entering.together(len(enters), len(gram))
    gram[:, enters] = gram[enters].T
    members = np.zeros((2, *gram.shape), np.int32)
    size = 1 + max(int(who.max(initial=0)), int(whose.max(initial=0)))
    moved = np.zeros((2, size), np.bool_)
    for side in (0, 1):
        moved[side, whose[went, side]] = True
        moved[side, who[new, side]] = True
    theirs = [moved[side, who[:, side]] for side in (0, 1)]
    either = theirs[0] | theirs[1]
    earlier = _Marked.of(had, whose, went)
    later = _Marked.of(has[either], who[either], new[either])
    for side in (0, 1):
        if 2 * np.count_nonzero(theirs[side]) > len(who):
            members[side] = _distinct(has, who[:, side])
            continue
        found = _taken(old.members[side], kept, was, len(features) + 1)
        _move(found, earlier.of_side(side, moved[side]), later.of_side(side, moved[side]), size)
        if len(enters):
            found[enters] = entering.members(len(enters), len(gram), side, size)
            found[:, enters] = found[enters].T
        members[side] = found
    return Together(features=features, gram=gram, members=members)


def _taken(old: Tallies, kept: Integers, was: Integers, size: int) -> Tallies:
    """Return a square of this size whose cells at `kept` are those of the old one at `was`."""
    if len(kept) == size == len(old):
        return old.copy()
    source = np.zeros(size, np.int64)  # rows and columns that are not kept hold whatever
    source[kept] = was
    return old.take(source, axis=0).take(source, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Marked:
    """The marks of some pairs, one by one.

    Attributes:
        bits: The features of each pair.
        row: The pair of each mark.
        column: Its column.
        who: Who wrote the pair's reply and context; of a side: that member; by mark.
        moves: Whether its pair went, or is new.
    """

    bits: Words
    row: Integers
    column: Integers
    who: Integers
    moves: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, has: Marks, who: Integers, moves: npt.NDArray[np.bool_]) -> _Marked:
        """Take the marks of pairs."""
        row, column = _set(has)
        return cls(_bits(has), row, column, who[row], moves[row])

    def of_side(self, side: int, moved: npt.NDArray[np.bool_]) -> _Marked:
        """Return the marks of members who moved on one side."""
        some = np.flatnonzero(moved[self.who[:, side]])
        columns = (self.row[some], self.column[some], self.who[some, side], self.moves[some])
        return _Marked(self.bits, *columns)

    def of_columns(self, columns: Integers) -> _Marked:
        """Return the marks of these ascending columns, numbered from 0."""
        there, at = columns_of(columns, self.column)
        some = np.flatnonzero(there)
        return _Marked(self.bits, self.row[some], at, self.who[some], self.moves[some])

    def together(self, columns: int, width: int) -> Tallies:
        """Count the pairs that have both, for each of so many columns and every column."""
        found = np.zeros((columns, width), np.int32)
        order = np.argsort(self.column)
        for mine in _parts(order, _CELLS):
            _tally(found, self.column[mine], self.bits[self.row[mine]], 1)
        return found

    def members(self, columns: int, width: int, side: int, size: int) -> Tallies:
        """Count the members on a side one of whose pairs has both; arguments as above."""
        found = np.zeros((columns, width), np.int32)
        cell = self.column * size + self.who[:, side]
        reach = _Reach.of(self.bits, self.row, cell)
        for mine in _parts(reach.cell, _CELLS):
            _tally(found, mine // size, reach.at(mine), 1)
        return found


def _move(found: Tallies, before: _Marked, after: _Marked, size: int) -> None:
    """Change counts of members by those one of whose pairs went or is new.

    A member's cell (i, j) can have changed only where a pair of theirs with i went or is new: of
    these (i, member), the features of the pairs before and of those after are compared as bits.

    Args:
        found: The counts.
        before: Marks of these members before.
        after: After.
        size: Above every member.
    """
    changed = np.zeros(len(found) * size, np.bool_)
    sides = []
    for marked in (before, after):
        cell = marked.column * size + marked.who
        changed[cell[marked.moves]] = True
        sides.append((marked.bits, marked.row, cell))
    cells = np.flatnonzero(changed)
    earlier, later = (
        _Reach.of(bits, row[changed[cell]], cell[changed[cell]]) for bits, row, cell in sides
    )
    change = np.zeros_like(found)
    for mine in _parts(cells, _CELLS):
        column = mine // size
        first = int(column[0]) // 64  # what is before a column was counted with that column
        were, are = earlier.at(mine, first), later.at(mine, first)
        _tally(change[:, 64 * first :], column, are & ~were, 1)
        _tally(change[:, 64 * first :], column, were & ~are, -1)
    upper = np.triu(change)
    found += upper
    found += np.triu(upper, 1).T


def _parts(cells: Integers, many: int) -> Iterator[Integers]:
    for low in range(0, len(cells), many):
        yield cells[low : low + many]


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
        starts = np.flatnonzero(np.diff(ranked, prepend=-1))
        return cls(bits, row[order], ranked[starts], starts)

    def at(self, cells: Integers, word: int = 0) -> Words:
        """Return the bits of these ascending cells from a word on; none where one has no pair."""
        bits = self.bits[:, word:]
        found = np.zeros((len(cells), bits.shape[1]), np.uint64)
        low, high = np.searchsorted(self.cell, [cells[0], cells[-1] + 1])
        if low == high:
            return found
        starts = self.starts[low:high]
        end = self.starts[high] if high < len(self.starts) else len(self.row)
        block = bits[self.row[starts[0] : end]]
        joined = np.bitwise_or.reduceat(block, starts - starts[0], axis=0)
        there, at = columns_of(cells, self.cell[low:high])
        found[at] = joined[there]
        return found


def _tally(found: Tallies, column: Integers, bits: Words, sign: int) -> None:
    """Add `sign` for every bit to the row of its column; columns are ascending.

    A loop over columns, and sums of at most 255 rows at a time, so that they fit a byte.
    """
    some = bits.any(axis=1)
    column, bits = column[some], bits[some]
    if not len(column):
        return
    ones = np.unpackbits(bits.view(np.uint8), axis=1, count=len(found[0]))
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = [*starts[1:].tolist(), len(column)]
    sums = np.empty((len(starts), ones.shape[1]), np.int32)
    small = np.empty(ones.shape[1], np.uint8)
    for at, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
        sums[at] = np.add.reduce(ones[start : min(start + 255, end)], axis=0, out=small)
        for low in range(start + 255, end, 255):
            sums[at] += np.add.reduce(ones[low : min(low + 255, end)], axis=0, out=small)
    if sign > 0:
        found[column[starts]] += sums
    else:
        found[column[starts]] -= sums


def _set(has: Marks) -> tuple[Integers, Integers]:
    """Return row and column of each mark; many times faster than `np.nonzero`."""
    row, column = np.divmod(np.flatnonzero(has), has.shape[1] or 1)
    return row, column


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


def _distinct(has: Marks, who: Integers) -> Tallies:
    """Count the members one of whose pairs has both, for every two columns."""
    size = 1 + int(who.max(initial=0))
    marked = _Marked.of(has, who[:, None], np.zeros(len(has), np.bool_))
    return marked.members(has.shape[1], has.shape[1], 0, size)
