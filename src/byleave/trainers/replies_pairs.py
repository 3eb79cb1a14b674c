"""Rows of `replies` as far as training needs them, and the pairs they make.

Both change row by row: taking rows out takes their pairs out and reads no text again. Private.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from byleave.trainers.together import Integers
from byleave.trainers.wording import MAX_PIECES, Opening

__all__ = ["Key", "Line", "PairTable", "extend", "links", "shrink"]

Key: TypeAlias = tuple[str, int]
"""Thread, and the row's number in it."""

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
    """All pairs, in any order, as columns. Names of members and texts that left are not kept.

    Attributes:
        number: A number for each pair, by the place of its context.
        numbers: These numbers, ascending: where each pair is in the columns.
        contexts: Of each pair, the message replied to; objects.
        replies: Of each pair, the reply; objects.
        who: Ordinals of who wrote the reply and the context; shape (pairs, 2).
        says: Ordinals of the folded openings of the reply, shortest first, then -1; shape
            (pairs, MAX_PIECES).
        whole: Ordinal of the opening that is all of the reply, or -1; shape (pairs,).
        members: Ordinal of each member; gaps are of members who left.
        texts: Ordinal of each folded opening; gaps likewise.
    """

    number: Mapping[Key, int]
    numbers: Integers
    contexts: npt.NDArray[np.object_]
    replies: npt.NDArray[np.object_]
    who: Integers
    says: Integers
    whole: Integers
    members: Mapping[str, int]
    texts: Mapping[str, int]

    @classmethod
    def empty(cls) -> PairTable:
        """Return the table of no pair."""
        none, nobody = np.zeros(0, object), np.zeros((0, 2), np.int64)
        return cls(
            number={},
            numbers=np.zeros(0, np.int64),
            contexts=none,
            replies=none,
            who=nobody,
            says=np.zeros((0, MAX_PIECES), np.int64),
            whole=np.zeros(0, np.int64),
            members={},
            texts={},
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
    """Return the table with these pairs after its own. Once for each pair that is new."""
    number, members, texts = dict(table.number), dict(table.members), dict(table.texts)
    next_number = first = 1 + int(table.numbers[-1]) if len(table.numbers) else 0
    next_member = 1 + max(members.values(), default=-1)
    next_text = 1 + max(texts.values(), default=-1)
    contexts: list[Line] = []
    replies: list[Line] = []
    who: list[tuple[int, int]] = []
    says: list[list[int]] = []
    whole: list[int] = []
    for key, context, reply in pairs:
        number[key], next_number = next_number, next_number + 1
        for name in (reply.author, context.author):
            if name not in members:
                members[name], next_member = next_member, next_member + 1
        found = []
        for opening in reply.openings:
            if opening.folded not in texts:
                texts[opening.folded], next_text = next_text, next_text + 1
            found.append(texts[opening.folded])
        contexts.append(context)
        replies.append(reply)
        who.append((members[reply.author], members[context.author]))
        says.append(found + [-1] * (MAX_PIECES - len(found)))
        whole.append(found[-1] if reply.complete else -1)
    return PairTable(
        number=number,
        numbers=np.concatenate([table.numbers, np.arange(first, next_number)]),
        contexts=np.concatenate([table.contexts, _objects(contexts)]),
        replies=np.concatenate([table.replies, _objects(replies)]),
        who=np.concatenate([table.who, np.array(who, np.int64).reshape(-1, 2)]),
        says=np.concatenate([table.says, np.array(says, np.int64).reshape(-1, MAX_PIECES)]),
        whole=np.concatenate([table.whole, np.array(whole, np.int64)]),
        members=members,
        texts=texts,
    )


def shrink(table: PairTable, gone: Iterable[Key]) -> tuple[PairTable, npt.NDArray[np.bool_]]:
    """Return the table without the pairs at these places, and which of its pairs stayed."""
    stays = np.ones(len(table.whole), np.bool_)
    number, members, texts = dict(table.number), dict(table.members), dict(table.texts)
    leaving = np.array([number.pop(key) for key in gone], np.int64)
    stays[np.searchsorted(table.numbers, leaving)] = False
    # Ordinals that no pair has any more: their names go too.
    named, said = set(_without(table.who, stays)), set(_without(table.says, stays))
    for reply, context in zip(table.replies[~stays], table.contexts[~stays], strict=True):
        for author in (reply.author, context.author):
            if members.get(author) in named:
                del members[author]
        for opening in reply.openings:
            if texts.get(opening.folded) in said:
                del texts[opening.folded]
    return PairTable(
        number=number,
        numbers=table.numbers[stays],
        contexts=table.contexts[stays],
        replies=table.replies[stays],
        who=table.who[stays],
        says=table.says[stays],
        whole=table.whole[stays],
        members=members,
        texts=texts,
    ), stays


def _without(ordinals: Integers, stays: npt.NDArray[np.bool_]) -> list[int]:
    """Return the ordinals that are in rows that go and in none that stays."""
    left = np.unique(ordinals[~stays])
    found: list[int] = left[~np.isin(left, ordinals[stays], kind="table")].tolist()
    return found


def _objects(lines: list[Line]) -> npt.NDArray[np.object_]:
    found = np.empty(len(lines), object)
    found[:] = lines
    return found
