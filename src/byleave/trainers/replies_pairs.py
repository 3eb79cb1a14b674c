"""Rows of `replies` as far as training needs them, and the pairs they make.

Pairs name rows by number, so that taking rows out filters columns of numbers: no text is read
again, and no object of a row that stays is touched. Private.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from byleave.trainers.together import Integers, Marks
from byleave.trainers.wording import MAX_PIECES, Opening

__all__ = ["Book", "Key", "Line", "PairTable", "extend", "links", "shrink"]

Key: TypeAlias = tuple[str, int]
"""Thread, and the row's number in it."""

_T = TypeVar("_T", bound=Hashable)

Pair: TypeAlias = tuple[Key, "Line", "Line"]
"""Place of the context, the context, the reply."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One row, as far as training needs it.

    Attributes:
        record: Record id.
        author: Who wrote it.
        features: Ids of its features as a context, ascending; int64.
        openings: Its openings as a reply, shortest first.
        complete: Whether the last opening is all of it.
        vector: What a frozen encoder made of it, as it is stored with the row; int8, of no length
            where the recipe names no encoder.
    """

    record: str
    author: str
    features: npt.NDArray[np.int64]
    openings: tuple[Opening, ...]
    complete: bool
    vector: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Book:
    """Rows by number, and which of them a state has.

    A state that forgot shares the rows with the one it came of, until either learns; what is
    dumped, counted or released is of the rows that are there.

    Attributes:
        lines: The rows.
        places: Their places.
        of_place: The number of the row at each place.
        of_record: The number of each record.
        there: Whether the state has the row.
    """

    lines: Sequence[Line]
    places: Sequence[Key]
    of_place: Mapping[Key, int]
    of_record: Mapping[str, int]
    there: Marks

    @classmethod
    def empty(cls) -> Book:
        """Return the book of no row."""
        return cls(lines=(), places=(), of_place={}, of_record={}, there=np.zeros(0, np.bool_))

    def present(self) -> dict[Key, Line]:
        """Return the rows that are there, by place."""
        return {self.places[at]: self.lines[at] for at in np.flatnonzero(self.there).tolist()}

    def has_place(self, place: Key) -> bool:
        """Say whether a row is there at this place."""
        at = self.of_place.get(place)
        return at is not None and bool(self.there[at])

    def has_record(self, record: str) -> bool:
        """Say whether this record is there."""
        at = self.of_record.get(record)
        return at is not None and bool(self.there[at])

    def rows(self, records: Sequence[str]) -> Integers | None:
        """Return the numbers of these records; None where one is not there, or named twice."""
        found = [self.of_record.get(record, -1) for record in records]
        rows = np.array(found, np.int64)
        if len(rows) and (rows.min() < 0 or not self.there[rows].all()):
            return None
        once = np.zeros(len(self.there), np.bool_)
        once[rows] = True
        return rows if np.count_nonzero(once) == len(rows) else None

    def without(self, rows: Integers) -> Book:
        """Return the book without the rows of these numbers: one byte a row is copied."""
        there = self.there.copy()
        there[rows] = False
        return replace(self, there=there)

    def joined(self, fresh: Mapping[Key, Line]) -> tuple[Book, Integers]:
        """Return the rows that are there and these, and the new number of each row, or -1."""
        number = np.where(self.there, np.cumsum(self.there) - 1, -1)
        held = self.present() | dict(fresh)
        places, lines = tuple(held), tuple(held.values())
        return Book(
            lines=lines,
            places=places,
            of_place={place: at for at, place in enumerate(places)},
            of_record={line.record: at for at, line in enumerate(lines)},
            there=np.ones(len(lines), np.bool_),
        ), number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairTable:
    """All pairs, in any order, as columns. Ordinals are of this table alone; gaps are of who left.

    Attributes:
        context: Number of the row of each pair that is replied to.
        reply: Number of the row that replies.
        who: Ordinals of who wrote the reply and the context; shape (pairs, 2).
        says: Ordinals of the folded openings of the reply, shortest first, then -1; shape
            (pairs, MAX_PIECES).
        spells: Ordinals of its openings as they are spelled, likewise.
        whole: Ordinal of the folded opening that is all of the reply, or -1; shape (pairs,).
    """

    context: Integers
    reply: Integers
    who: Integers
    says: Integers
    spells: Integers
    whole: Integers

    @classmethod
    def empty(cls) -> PairTable:
        """Return the table of no pair."""
        none, nothing = np.zeros(0, np.int64), np.zeros((0, MAX_PIECES), np.int64)
        return cls(
            context=none,
            reply=none,
            who=np.zeros((0, 2), np.int64),
            says=nothing,
            spells=nothing,
            whole=none,
        )

    def renumbered(self, number: Integers) -> PairTable:
        """Return the table where each row has another number."""
        return replace(self, context=number[self.context], reply=number[self.reply])


def links(lines: Mapping[Key, Line], touched: Collection[Key]) -> Iterator[Pair]:
    """Yield every pair in `lines` that has a row at one of these places, once.

    Args:
        lines: Rows by place.
        touched: Places, each once.
    """
    for thread, seq in touched:
        for before in (seq - 1, seq):
            if before == seq - 1 and (thread, before) in touched:
                continue  # met as its own `seq`
            context, reply = lines.get((thread, before)), lines.get((thread, before + 1))
            if context is not None and reply is not None and context.author != reply.author:
                yield (thread, before), context, reply


def extend(table: PairTable, book: Book, pairs: Iterable[Pair]) -> PairTable:
    """Return the table with these pairs after its own.

    A loop over the pairs that are new, and over all to find the ordinals that are in use.

    Args:
        table: Pairs of rows of the book.
        book: The rows.
        pairs: Pairs of them that the table has not.
    """
    members, folded, spelled = _ordinals(table, book.lines)
    rows: list[tuple[int, int]] = []
    who: list[tuple[int, int]] = []
    says: list[list[int]] = []
    spells: list[list[int]] = []
    whole: list[int] = []
    for (thread, seq), context, reply in pairs:
        found = [folded(opening.folded) for opening in reply.openings]
        rest = [-1] * (MAX_PIECES - len(found))
        rows.append((book.of_place[thread, seq], book.of_place[thread, seq + 1]))
        who.append((members(reply.author), members(context.author)))
        says.append(found + rest)
        spells.append([spelled(opening) for opening in reply.openings] + rest)
        whole.append(found[-1] if reply.complete else -1)
    wide = (-1, MAX_PIECES)
    both = np.array(rows, np.int64).reshape(-1, 2)
    return PairTable(
        context=np.concatenate([table.context, both[:, 0]]),
        reply=np.concatenate([table.reply, both[:, 1]]),
        who=np.concatenate([table.who, np.array(who, np.int64).reshape(-1, 2)]),
        says=np.concatenate([table.says, np.array(says, np.int64).reshape(wide)]),
        spells=np.concatenate([table.spells, np.array(spells, np.int64).reshape(wide)]),
        whole=np.concatenate([table.whole, np.array(whole, np.int64)]),
    )


def shrink(table: PairTable, there: Marks) -> tuple[PairTable, Marks]:
    """Return the table without the pairs of rows that are not there, and which of its pairs stay.

    The columns are copied.
    """
    stays = there[table.context] & there[table.reply]
    left = np.flatnonzero(stays)
    return PairTable(
        context=table.context[left],
        reply=table.reply[left],
        who=table.who.take(left, axis=0),
        says=table.says.take(left, axis=0),
        spells=table.spells.take(left, axis=0),
        whole=table.whole[left],
    ), stays


class _Ordinals(dict[_T, int]):
    """The ordinal of each name; one that is new gets the next."""

    def __init__(self, used: Integers) -> None:
        super().__init__()
        self._next = 1 + int(used.max(initial=-1))

    def __missing__(self, name: _T) -> int:
        self[name] = found = self._next
        self._next += 1
        return found


def _ordinals(
    table: PairTable, rows: Sequence[Line]
) -> tuple[Callable[[str], int], Callable[[str], int], Callable[[Opening], int]]:
    """Return what gives the ordinal of a member, a folded opening and a spelled one."""
    members: _Ordinals[str] = _Ordinals(table.who)
    folded: _Ordinals[str] = _Ordinals(table.says)
    spelled: _Ordinals[Opening] = _Ordinals(table.spells)
    names = (table.context, table.reply, table.who, table.says, table.spells)
    columns = zip(*(column.tolist() for column in names), strict=True)
    for context, answer, (mine, theirs), says, spells in columns:
        reply = rows[answer]
        members[reply.author], members[rows[context].author] = mine, theirs
        for opening, one, other in zip(reply.openings, says, spells, strict=False):
            folded[opening.folded], spelled[opening] = one, other
    return members.__getitem__, folded.__getitem__, spelled.__getitem__
