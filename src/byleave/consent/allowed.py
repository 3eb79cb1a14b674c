"""Many members' choices at once from a state: one answer a pair of member and collection date.

It is the choices alone, the half of a decision that a gate joins with the rules of regions, ages
and groups: `allowed` here is "allowed by what they said", and no answer to anybody.
Equal to `decide.decide` for each pair (R1 to R7): `allow` is a yes to data of any date, `since`
one to data collected from the instant on at which the yes took effect. No Python step per pair.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from byleave.consent.state import Bits, State

__all__ = ["allowed"]

_ALWAYS_BEFORE = -(2**63)


def allowed(
    state: State,
    ordinals: npt.NDArray[np.int64],
    collected_us: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.bool_]:
    """Say for each pair whether the member's choices allow the record.

    Cost: one or two bits read a pair, and eight bytes where the date decides.

    Args:
        state: The state of one use at one instant.
        ordinals: Whose record; an ordinal outside the state is nobody, and nobody agreed.
        collected_us: When it was collected, µs since the epoch; None: unknown for all, as is
            -2^63 for one.
    """
    known = (ordinals >= 0) & (ordinals < state.members)
    who = ordinals if bool(known.all()) else np.where(known, ordinals, 0)
    yes = _bit(state.allow, who)
    if collected_us is not None:
        dated = np.flatnonzero(_bit(state.since, who))
        told = collected_us[dated]
        yes[dated] |= (told >= state.effective_us[who[dated]]) & (told != _ALWAYS_BEFORE)
    if who is not ordinals:
        yes &= known
    return yes


def _bit(bits: Bits, ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(bits):
        return np.zeros(len(ordinals), np.bool_)
    shift = (ordinals & 7).astype(np.uint8)
    found: npt.NDArray[np.bool_] = ((bits[ordinals >> 3] >> shift) & np.uint8(1)).view(np.bool_)
    return found
