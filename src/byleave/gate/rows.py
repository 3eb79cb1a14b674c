"""What passes between the gate and its engines: rows resolved, and rows decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.gate.plan import GatePlan

__all__ = [
    "CATEGORY_OTHER",
    "CATEGORY_UNKNOWN",
    "GateEngine",
    "ResolvedRows",
    "RowDecisions",
    "RowReasons",
]

CATEGORY_UNKNOWN: Final = -1
CATEGORY_OTHER: Final = -2
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedRows:
    """Rows of one batch with ids as ordinals; nothing in it depends on consent.

    Attributes:
        category: Position in the plan's categories, `CATEGORY_UNKNOWN` or `CATEGORY_OTHER`; int64.
        draft: Whether the row was never sent; bool.
        collected_us: µs since the epoch, `plan.UNKNOWN_INSTANT` where it is not known; int64.
        offsets: Row i has the parties `offsets[i]:offsets[i + 1]`, the author first; int64[n + 1].
        party: Ordinal of each party, `members.UNKNOWN` or `members.MISSING`; int64.
        lonely: Rows whose category has several parties and which name no recipient; bool.
    """

    category: Longs
    draft: npt.NDArray[np.bool_]
    collected_us: Longs
    offsets: Longs
    party: Longs
    lonely: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowDecisions:
    """One reason per row; for the rows kept, the ground of each of their parties.

    Attributes:
        reason: `Reason`; uint8[n].
        party: For a row dropped, which party: 0 the author, 1 the first recipient, ...; -1 where
            no party is concerned, and for rows kept; int32[n].
        member: Ordinal of that party; -1 where it has none; int64[n].
        offsets: Kept row j has the grounds `offsets[j]:offsets[j + 1]`; int64[kept + 1].
        ground_member: Ordinal; each member once per row; int64.
        ground_role: 1 author, 2 recipient; uint8.
        ground: `Ground`; uint8.
        ground_index: Ledger index of the grant that decided (the party's own if it has one, else
            the first in order of the others'), or of the rulesets; int64.
    """

    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]
    member: Longs
    offsets: Longs
    ground_member: Longs
    ground_role: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    ground_index: Longs

    def __len__(self) -> int:
        return len(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowReasons:
    """One reason per row, and which party it is about; no grounds. All that a count needs.

    Attributes:
        reason: `Reason`; uint8[n].
        party: For a row dropped, which party: 0 the author, 1 the first recipient, ...; -1 where
            no party is concerned, and for rows kept; int32[n].
    """

    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.reason)


class GateEngine(Protocol):
    """How rows are decided; every engine agrees with `gate/reference.py` row for row."""

    @property
    def name(self) -> str:
        """What records and reports call it."""
        ...

    def resolve(self, plan: GatePlan, batch: pa.RecordBatch) -> ResolvedRows:
        """Return the rows of `batch` with ids as ordinals.

        Raises:
            InputError: `contract.column-value`, a value that its column's part cannot take.
        """
        ...

    def decide(self, plan: GatePlan, rows: ResolvedRows) -> RowDecisions:
        """Return one reason per row, and the grounds of those kept."""
        ...

    def reasons(self, plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
        """Return one reason per row, as `decide` does, and no grounds: the fast way.

        Raises:
            InputError: `contract.column-value`, a value that its column's part cannot take.
        """
        ...
