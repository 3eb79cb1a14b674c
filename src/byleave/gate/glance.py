"""A glance: the profile of a member in two or four bits, where it is one of the most common.

A plan's byte per member is read from memory at random, and that is most of what a row costs. So
the most common profiles whose answer does not depend on a row's date (three in two bits, or
fifteen in four) are written again in a quarter or half of the room, and the last number says:
look into the profile itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.gate.profile import Profiles

__all__ = ["Glance"]

_FEW: Final = 2
_MORE: Final = 4
_ENOUGH: Final = 0.99
_BLOCK: Final = 1 << 20

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """The most common profiles, packed.

    Attributes:
        width: Bits a member, 2 or 4.
        profiles: Number of the profile that each value stands for; the value after the last:
            look into the profile. At most `2^width - 1`.
        codes: Values by ordinal, the lowest bits first; padded with zeros to whole bytes; uint8.
    """

    width: int
    profiles: tuple[int, ...]
    codes: Bits

    @classmethod
    def of(
        cls, profile: npt.NDArray[Any], profiles: Profiles, counts: npt.NDArray[np.int64]
    ) -> Glance:
        """Choose the most common profiles and pack them.

        Two bits where three profiles tell of 99 members in a hundred, else four; of equally common ones
        those with the lower numbers.
        """
        width, chosen = choose(profiles, counts)
        return cls(width=width, profiles=chosen, codes=pack_codes(profile, chosen, width, counts))

    def is_whole(self, profiles: int) -> bool:
        """Say whether it tells of all of so many profiles."""
        return len(self.profiles) == profiles

    def get(self, ordinals: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the value of each ordinal (of any integer type); uint8.

        A plan without members has nothing to tell; its rows name nobody, and are decided as such.
        """
        if not len(self.codes):
            return np.zeros(len(ordinals), np.uint8)
        shift = 2 if self.width == _FEW else 1
        values: Bits = np.take(self.codes, ordinals >> ordinals.dtype.type(shift))
        places = ordinals.astype(np.uint8) & np.uint8((1 << shift) - 1)
        values >>= places << np.uint8(shift - 1) if self.width == _FEW else places << np.uint8(2)
        values &= np.uint8((1 << self.width) - 1)
        return values


def choose(profiles: Profiles, counts: npt.NDArray[np.int64]) -> tuple[int, tuple[int, ...]]:
    """Return the width, and the profiles that a glance tells of."""
    able = np.flatnonzero(profiles.timeless & (counts > 0))
    order = able[np.lexsort((able, -counts[able]))]
    few = order[: 2**_FEW - 1]
    enough = counts[few].sum() >= _ENOUGH * counts.sum()
    return (_FEW, tuple(few.tolist())) if enough else (_MORE, tuple(order[: 2**_MORE - 1].tolist()))


def pack_codes(
    profile: npt.NDArray[Any],
    chosen: Sequence[int],
    width: int,
    counts: npt.NDArray[np.int64],
) -> Bits:
    """Return the values of all members, packed."""
    each = 8 // width
    table = np.full(len(counts), len(chosen), np.uint8)
    table[list(chosen)] = np.arange(len(chosen), dtype=np.uint8)
    packed = np.empty(-(-len(profile) // each), np.uint8)
    for start in range(0, len(profile), _BLOCK):  # a multiple of 4
        block = table[profile[start : start + _BLOCK]]
        block = np.concatenate([block, np.zeros(-len(block) % each, np.uint8)]).reshape(-1, each)
        bytes_ = block[:, 0].copy()
        for place in range(1, each):
            bytes_ |= block[:, place] << np.uint8(place * width)
        packed[start // each : start // each + len(bytes_)] = bytes_
    return packed
