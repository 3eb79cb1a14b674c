"""Which rows of a source the gate admits as things stand: what withdrawals are measured against.

Where a gate ran and its plan is kept, only the rows of members whose answer changed since are
decided again; the others are as the gate's reasons say. Else all rows are decided.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from byleave.service.gate import compile_for, kept_rows
from byleave.service.house import House
from byleave.service.source import open_source

__all__ = ["Standing"]

Flags = npt.NDArray[np.bool_]


class Standing:
    """Rows admitted, worked out once for each gate asked about.

    Args:
        house: The workspace's ports.
        at: Instant of the decision; None: now.
    """

    def __init__(self, house: House, at: datetime | None = None) -> None:
        self._house = house
        self._at = at
        self._known: dict[tuple[str, str, int], Flags] = {}

    def admits(self, source: str, use: str, gate: int) -> Flags:
        """Flag the rows of a source that a use admits.

        Args:
            source: Id of the source.
            use: For what.
            gate: Log index of a gate that ran over the source.
        """
        key = (source, use, gate)
        if key not in self._known:
            self._known[key] = self._decide(source, use)
        return self._known[key]

    def _decide(self, name: str, use: str) -> Flags:
        source = open_source(self._house, name)
        plan = compile_for(self._house, source, use, at=self._at)
        admits = np.zeros(source.rows, np.bool_)
        admits[kept_rows(self._house, source, plan)] = True
        return admits
