"""Which messages really went into a delivery: before any question of who had agreed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc

from byleave.exposure.parties import UNDATED_US, Parties
from byleave.exposure.practice import Delivery, Honoured, Practice, Setting, as_text
from byleave.ids import to_us

__all__ = ["SwitchedOff", "used_in"]

Array = Any  # a NumPy bool array over messages


class SwitchedOff(Protocol):
    """Who had turned the switch off (`choices.Switches`)."""

    def off(self, at: datetime, setting: Setting | None) -> Array:
        """Return bool[members]: off by an instant, by the member's hand or by its default."""


def used_in(
    practice: Practice, parties: Parties, switches: SwitchedOff, delivery: Delivery
) -> tuple[Array, Array]:
    """Return bool[messages] twice: possibly in the delivery; and certainly so, if in it at all.

    A message sent at the very instant of the delivery was not in it; one of unknown date may have
    been, unless the delivery lists its records.
    """
    dated = parties.sent != UNDATED_US
    if delivery.records is not None:
        listed = pc.is_in(parties.records, value_set=as_text(delivery.records))
        used = listed.to_numpy(zero_copy_only=False)
        return used, np.ones(len(used), dtype=bool)
    used = ~dated | (parties.sent < to_us(delivery.at))
    if delivery.kinds is not None:
        used &= parties.of_kinds(delivery.kinds)
    switched_off = switches.off(delivery.at, practice.setting)
    match delivery.honoured:
        case Honoured.AUTHOR:
            used &= ~parties.the_author(switched_off)
        case Honoured.ANY:
            used &= ~parties.any_party(switched_off)
        case Honoured.ALL:
            used &= ~parties.all_parties(switched_off)
        case Honoured.NONE:
            pass
    return used, dated
