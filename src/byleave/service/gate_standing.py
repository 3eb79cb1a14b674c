"""Which rows of a source the gate admits as things stand: what withdrawals are measured against.

Where a gate ran and its plan is kept, only the rows of members whose answer changed since are
decided again; the others are as the gate's reasons say. Else all rows are decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Reason
from byleave.gate.answers import answer
from byleave.service.compile import bring
from byleave.service.gate import kept_rows, reasons_of
from byleave.service.gate_update import gather, touched_rows
from byleave.service.house import House
from byleave.service.kept_plan import compile_now, plan_of_gate
from byleave.service.source import Source, open_source

__all__ = ["Standing"]

Flags = npt.NDArray[np.bool_]


class Standing:
    """Rows admitted, worked out once for each gate asked about.

    Args:
        house: The workspace's ports.
        at: Instant of the decision; None: now.
        opened: Sources whose files were compared with the ledger before.
    """

    def __init__(
        self,
        house: House,
        at: datetime | None = None,
        *,
        opened: Mapping[str, Source] | None = None,
    ) -> None:
        self._house = house
        self._at = at
        self._opened = opened or {}
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
            opened = self._opened.get(source) or open_source(self._house, source)
            found = self._patched(opened, use, gate)
            self._known[key] = self._decide(opened, use) if found is None else found
        return self._known[key]

    def _decide(self, source: Source, use: str) -> Flags:
        plan = compile_now(self._house, source, use, at=self._at).plan
        admits = np.zeros(source.rows, np.bool_)
        admits[kept_rows(self._house, source, plan)] = True
        return admits

    def _patched(self, source: Source, use: str, index: int) -> Flags | None:
        """Return the gate's own answers, those of the rows that changed minds touch made anew."""
        house = self._house
        found = house.ledger.object_at(index)
        if found is None or found[0] != "gate":
            return None
        _, gate, _, document = found
        asked = (document["source"], document["scope"], document["party_rule"])
        if asked != (source.name, str(house.taxonomy.scope(use)), None):
            return None
        before = plan_of_gate(house, gate, document)
        now = None if before is None else bring(house, before, self._at)
        if before is None or now is None:
            return None
        touched = touched_rows(house, source, before.plan, now)
        if isinstance(touched, str):
            return None
        rows, blocks = touched
        admits = np.ones(source.rows, np.bool_)
        admits[reasons_of(house, gate)["row"].to_numpy()] = False
        some = gather(rows, blocks)
        if some is not None:
            admits[rows] = answer(now.plan, house.engine, some).reason == Reason.KEPT
        return admits
