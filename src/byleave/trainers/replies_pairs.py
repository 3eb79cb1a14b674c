"""Rows of `replies` as far as training needs them, and the pairs they make.

Both change row by row: taking rows out takes their pairs out and reads no text again. Private.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from byleave.trainers.together import Integers
from byleave.trainers.wording import MAX_PIECES, Opening

__all__ = ["Key", "Line", "PairTable", "extend", "links", "shrink"]

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
class PairTable:
    """All pairs, in any order, as columns. Ordinals are of this table alone; gaps are of who left.

    Attributes:
        number: A number for each pair, by the place of its context.
        numbers: These numbers, ascending: where each pair is in the columns.
        contexts: Of each pair, the message replied to; objects.
        replies: Of each pair, the reply; objects.
        who: Ordinals of who wrote the reply and the context; shape (pairs, 2).
        says: Ordinals of the folded openings of the reply, shortest first, then -1; shape
            (pairs, MAX_PIECES).
        spells: Ordinals of its openings as they are spelled, likewise.
        whole: Ordinal of the folded opening that is all of the reply, or -1; shape (pairs,).
    """

    number: Mapping[Key, int]
    numbers: Integers
    contexts: npt.NDArray[np.object_]
    replies: npt.NDArray[np.object_]
    who: Integers
    says: Integers
    spells: Integers
    whole: Integers

    @classmethod
    def empty(cls) -> PairTable:
        """Return the table of no pair."""
        none, nothing = np.zeros(0, object), np.zeros((0, MAX_PIECES), np.int64)
        return cls(
            number={},
            numbers=np.zeros(0, np.int64),
            contexts=none,
            replies=none,
            who=np.zeros((0, 2), np.int64),
            says=nothing,
            spells=nothing,
            whole=np.zeros(0, np.int64),
        )


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


def extend(table: PairTable, pairs: Iterable[Pair]) -> PairTable:
    """Return the table with these pairs after its own.

    A loop over the pairs that are new, and over all to find the ordinals that are in use.
    """
    number = dict(table.number)
    members, folded, spelled = _ordinals(table)
    next_number = first = 1 + int(table.numbers[-1]) if len(table.numbers) else 0
    contexts: list[Line] = []
    replies: list[Line] = []
    who: list[tuple[int, int]] = []
    says: list[list[int]] = []
    spells: list[list[int]] = []
    whole: list[int] = []
    for key, context, reply in pairs:
        number[key], next_number = next_number, next_number + 1
        found = [folded(opening.folded) for opening in reply.openings]
        rest = [-1] * (MAX_PIECES - len(found))
        contexts.append(context)
        replies.append(reply)
        who.append((members(reply.author), members(context.author)))
        says.append(found + rest)
        spells.append([spelled(opening) for opening in reply.openings] + rest)
        whole.append(found[-1] if reply.complete else -1)
    wide = (-1, MAX_PIECES)
    return PairTable(
        number=number,
        numbers=np.concatenate([table.numbers, np.arange(first, next_number)]),
        contexts=np.concatenate([table.contexts, _objects(contexts)]),
        replies=np.concatenate([table.replies, _objects(replies)]),
        who=np.concatenate([table.who, np.array(who, np.int64).reshape(-1, 2)]),
        says=np.concatenate([table.says, np.array(says, np.int64).reshape(wide)]),
        spells=np.concatenate([table.spells, np.array(spells, np.int64).reshape(wide)]),
        whole=np.concatenate([table.whole, np.array(whole, np.int64)]),
    )


def shrink(table: PairTable, gone: Iterable[Key]) -> tuple[PairTable, npt.NDArray[np.bool_]]:
    """Return the table without the pairs of the rows at these places, and which of its pairs stay.

    A loop over the rows that go; the columns are copied.
    """
    number = dict(table.number)
    leaving: list[int] = []
    for thread, seq in gone:
        for before in (seq - 1, seq):
            found = number.pop((thread, before), None)
            if found is not None:
                leaving.append(found)
    stays = np.ones(len(table.whole), np.bool_)
    stays[np.searchsorted(table.numbers, np.array(leaving, np.int64))] = False
    return PairTable(
        number=number,
        numbers=table.numbers[stays],
        contexts=table.contexts[stays],
        replies=table.replies[stays],
        who=table.who[stays],
        says=table.says[stays],
        spells=table.spells[stays],
        whole=table.whole[stays],
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
    table: PairTable,
) -> tuple[Callable[[str], int], Callable[[str], int], Callable[[Opening], int]]:
    """Return what gives the ordinal of a member, a folded opening and a spelled one."""
    members: _Ordinals[str] = _Ordinals(table.who)
    folded: _Ordinals[str] = _Ordinals(table.says)
    spelled: _Ordinals[Opening] = _Ordinals(table.spells)
    columns = (table.who.tolist(), table.says.tolist(), table.spells.tolist())
    lines = zip(table.contexts, table.replies, *columns, strict=True)
    for context, reply, (mine, theirs), says, spells in lines:
        members[reply.author], members[context.author] = mine, theirs
        for opening, one, other in zip(reply.openings, says, spells, strict=False):
            folded[opening.folded], spelled[opening] = one, other
    return members.__getitem__, folded.__getitem__, spelled.__getitem__


def _objects(lines: list[Line]) -> npt.NDArray[np.object_]:
    found = np.empty(len(lines), object)
    found[:] = lines
    return found
