"""The consent ledger as columns: what states are built from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from byleave.consent.state import EventColumns
from byleave.policy.scope import Scope
from byleave.service.house import House

__all__ = ["event_columns"]


def event_columns(
    house: House,
    *,
    before: int | None = None,
    ordinals: npt.NDArray[np.int64] | None = None,
) -> EventColumns:
    """Return events as columns, without a step per event.

    Args:
        house: The workspace's ports.
        before: Below this ledger index; None: all.
        ordinals: Of these members alone, each once; the cost is theirs then.
    """
    some = None if ordinals is None else ordinals.tolist()
    batch = house.ledger.events_columns(before=before, ordinals=some)
    return EventColumns(
        ordinal=batch.ordinal,
        index=batch.index,
        kind=batch.kind,
        effective_us=batch.effective_us,
        expires_us=batch.expires_us,
        includes_past=batch.includes_past,
        grade=batch.grade,
        scope_id=batch.scope,
        notice_id=batch.notice,
        scopes=tuple(map(Scope.parse, batch.scopes)),
        notices=batch.notices,
    )
