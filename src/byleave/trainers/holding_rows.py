"""Rows of (record, member, item, day) as columns that states share, and which of them one has.

Forgetting copies a byte a row and looks records up by a number kept of each, so that it reads no
text of a row that stays. What is gone is dropped with the next rows that are learned, and as soon
as it is the greater part; nothing of it is dumped, counted or released. Private.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Rows", "tails"]

Ints: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]
Marks: TypeAlias = npt.NDArray[np.bool_]
Tails: TypeAlias = npt.NDArray[np.int32]

_WORD: Final = 8
_BITS: Final = 20
"""Bits of the number kept of a record id: one in a million others has the same."""
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: the upper bits of a product with it depend on all bits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows, and which are there.

    Attributes:
        record: Record ids; `large_string`.
        tail: A number made of how each ends (`tails`).
        member: Code of each row's member.
        item: Code of its item.
        day: Days since 1970, -1 where nobody knows.
        there: Whether the state has the row.

    Cost: 17 bytes a row and its record id.
    """

    record: pa.Array
    tail: Tails
    member: Ints
    item: Ints
    day: Ints
    there: Marks

    @classmethod
    def of(cls, record: pa.Array, member: Ints, item: Ints, day: Ints) -> Rows:
        """Return rows that are all there."""
        there = np.ones(len(record), np.bool_)
        return cls(
            record=record, tail=tails(record), member=member, item=item, day=day, there=there
        )

    def present(self) -> Rows:
        """Return only the rows that are there."""
        if self.there.all():
            return self
        some = self.there
        return Rows(
            record=self.record.filter(pa.array(some)),
            tail=self.tail[some],
            member=self.member[some],
            item=self.item[some],
            day=self.day[some],
            there=some[some],
        )

    def joined(self, other: Rows) -> Rows:
        """Return both, without what is not there."""
        mine, theirs = self.present(), other.present()
        names = ("tail", "member", "item", "day", "there")
        columns = {n: np.concatenate([getattr(mine, n), getattr(theirs, n)]) for n in names}
        return Rows(record=pa.concat_arrays([mine.record, theirs.record]), **columns)

    def places(self, records: pa.Array) -> Longs:
        """Return where those of these records are that are there, ascending.

        Records that end like one of them are compared as texts.
        """
        table = np.zeros(1 << _BITS, np.bool_)
        table[tails(records)] = True
        maybe = np.flatnonzero(table[self.tail])
        maybe = maybe[self.there[maybe]]
        found = pc.is_in(self.record.take(pa.array(maybe)), value_set=records)
        return maybe[np.asarray(found, np.bool_)]

    def without(self, places: Longs) -> Rows:
        """Return the rows without those at these places; places stay as they are."""
        there = self.there.copy()
        there[places] = False
        return replace(self, there=there)


def tails(texts: pa.Array) -> Tails:
    """Return a number below 2^20 for each text, from its last eight bytes, or all of a shorter one.

    Args:
        texts: `large_string` without nulls.
    """
    _, places, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(len(texts), np.int32)
    ends = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    raw = np.frombuffer(data, np.uint8)[int(ends[0]) : int(ends[-1])]
    padded = np.concatenate([np.zeros(_WORD, np.uint8), raw])
    words = np.ndarray((len(padded) - _WORD + 1,), "<u8", padded.data, strides=(1,))
    size = np.minimum(np.diff(ends), _WORD).astype(np.uint64)
    found = words[ends[1:] - ends[0]] >> (np.uint64(8) * (_WORD - size) & np.uint64(63))
    found[size == 0] = 0
    mixed: Tails = (found * _ODD >> np.uint64(64 - _BITS)).astype(np.int32)
    return mixed
