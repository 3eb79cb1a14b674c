"""The four bitmaps of a state alone, made range by range of ordinals.

`state.build` keeps 17 bytes of detail a member and sorts all events at once. Where only the
answers are wanted (a gate's plan reads detail for dropped rows only), bitmaps of 700 million
members are made with the memory of one range: half a byte a member, and the range at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from byleave.consent.event import EvidenceGrade, NoticeCoverage
from byleave.consent.state import Bits, EventColumns, build
from byleave.errors import InputError
from byleave.policy.scope import Use

__all__ = ["Bitmaps", "build_bits"]

_BITS = 8


class Bitmaps(NamedTuple):
    """One bit a member each, least significant bit first (see `state`)."""

    allow: Bits
    since: Bits
    veto: Bits
    general: Bits


def build_bits(
    parts: Iterable[EventColumns],
    use: Use,
    *,
    at: datetime,
    members: int,
    notices: Mapping[str, NoticeCoverage],
    part: int,
    accepted: EvidenceGrade = EvidenceGrade.BYTES,
) -> Bitmaps:
    """Return the bitmaps that `build` makes of all parts together.

    Args:
        parts: All events of the members [0, part), then of [part, 2 · part), and so on.
        use: One leaf use.
        at: An aware UTC instant.
        members: Number of ordinals.
        notices: What each notice had expanded to when it was published.
        part: Ordinals a part; a multiple of 8.
        accepted: Lowest evidence grade at which a grant counts.

    Raises:
        InputError: `consent.batch`, parts that are too few or too many, or of other ordinals.
    """
    if part <= 0 or part % _BITS:
        raise InputError("a part is a multiple of 8 members", code="consent.batch")
    bits = Bitmaps(*(np.zeros(-(-members // _BITS), np.uint8) for _ in range(4)))
    first = 0
    for columns in parts:
        count = min(part, members - first)
        if (
            len(columns)
            and not first <= columns.ordinal.min() <= columns.ordinal.max() < first + count
        ):
            raise InputError("an event of a member of another part", code="consent.batch")
        own = replace(columns, ordinal=columns.ordinal - first)
        state = build(own, use, at=at, members=count, notices=notices, accepted=accepted)
        place = slice(first // _BITS, first // _BITS + len(state.allow))
        for whole, made in zip(
            bits, (state.allow, state.since, state.veto, state.general), strict=True
        ):
            whole[place] = made
        first += count
    if first != members:
        raise InputError("there are members of no part", code="consent.batch")
    return bits
