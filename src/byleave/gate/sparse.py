"""One number each for some members: a bitmap says for whom, the numbers stand in their order.

Where the number of a member stands is the number of bits set before its own (its rank): one
look into a table per 64 members, and one count of bits. 700 million members of whom a third
have a number cost 4 to 8 bytes for each of those, and a quarter of a byte for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

__all__ = ["Sparse", "clear_bits", "pad", "set_bits"]

Longs = npt.NDArray[np.int64]
_WORD = 64
_U32 = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """Numbers of some members.

    Attributes:
        bits: Who has one: a bitmap over ordinals, least significant bit first, padded with zeros
            to whole words of eight bytes; uint8.
        values: Their numbers in the order of ordinals; uint32 where all fit, else int64.
    """

    bits: npt.NDArray[np.uint8]
    values: npt.NDArray[Any]
    _starts: npt.NDArray[np.uint32] | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, who: npt.NDArray[np.bool_], values: Longs) -> Sparse:
        """Return the numbers `values` of the members flagged in `who`, in their order."""
        return cls(pad(np.packbits(who, bitorder="little")), smallest(values))

    def __len__(self) -> int:
        return len(self.values)

    def __reduce__(self) -> tuple[type[Sparse], tuple[Any, Any]]:
        """Travel without the ranks: they are made anew."""
        return Sparse, (self.bits, self.values)

    @property
    def ranks(self) -> npt.NDArray[np.uint32]:
        """How many members below each word of 64 have a number; made when first needed.

        700 million members: 44 MB, 0.1 s.
        """
        if self._starts is None:
            counts = np.bitwise_count(self.bits.view("<u8"))
            starts = np.zeros(len(counts) + 1, np.uint32)
            np.cumsum(counts, out=starts[1:], dtype=np.uint32)
            object.__setattr__(self, "_starts", starts)
        return cast("npt.NDArray[np.uint32]", self._starts)

    def rank(self, ordinals: Longs) -> Longs:
        """Return how many members below each ordinal have a number."""
        words, place = self.bits.view("<u8"), ordinals >> 6
        below = (np.uint64(1) << (ordinals & 63).astype(np.uint64)) - np.uint64(1)
        inside = np.bitwise_count(words[np.minimum(place, len(words) - 1)] & below)
        rank: Longs = self.ranks[place].astype(np.int64) + inside
        return rank

    def get(self, ordinals: Longs) -> Longs:
        """Return the numbers of members who all have one."""
        if not len(ordinals):
            return np.zeros(0, np.int64)
        return self.values[self.rank(ordinals)].astype(np.int64)

    def changed(
        self, ordinals: Longs, has: npt.NDArray[np.bool_], values: Longs, members: int
    ) -> Sparse:
        """Return the same with other numbers, or none, for some members.

        Args:
            ordinals: Whose; strictly ascending.
            has: Which of them have a number from now on.
            values: The numbers of those, in order.
            members: Number of ordinals from now on.
        """
        size = -(-members // _WORD) * 8
        bits = np.zeros(size, np.uint8)
        bits[: len(self.bits)] = self.bits
        inside = ordinals[ordinals < len(self.bits) * 8]
        had = inside[(self.bits[inside >> 3] >> (inside & 7).astype(np.uint8)) & 1 == 1]
        left = np.delete(self.values, self.rank(had)) if len(had) else self.values
        clear_bits(bits, ordinals)
        rest = Sparse(bits.copy(), left)
        gained = ordinals[has]
        if not len(gained):
            return Sparse(bits, smallest(left))
        set_bits(bits, gained)
        alike = left if smallest(values).dtype == left.dtype else left.astype(np.int64)
        return Sparse(bits, smallest(np.insert(alike, rest.rank(gained), values)))


def pad(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a bitmap padded with zeros to whole words of eight bytes."""
    more = -len(bits) % 8
    return np.concatenate([bits, np.zeros(more, np.uint8)]) if more else bits


def smallest(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the numbers as uint32 where all fit, else as int64."""
    fits = not len(values) or (int(values.min()) >= 0 and int(values.max()) < _U32)
    return values.astype(np.uint32 if fits else np.int64, copy=False)


def set_bits(bits: npt.NDArray[np.uint8], ordinals: Longs) -> None:
    """Set some bits, in place."""
    np.bitwise_or.at(bits, ordinals >> 3, (1 << (ordinals & 7)).astype(np.uint8))


def clear_bits(bits: npt.NDArray[np.uint8], ordinals: Longs) -> None:
    """Clear some bits, in place."""
    np.bitwise_and.at(bits, ordinals >> 3, (~(1 << (ordinals & 7)) & 255).astype(np.uint8))
