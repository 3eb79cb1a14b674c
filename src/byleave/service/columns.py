"""The consent ledger as columns: what states are built from."""

from __future__ import annotations

from byleave.consent.state import EventColumns
from byleave.policy.scope import Scope
from byleave.service.house import House

__all__ = ["event_columns"]


def event_columns(house: House, *, before: int | None = None) -> EventColumns:
    """Return all events below a ledger index as columns, without a step per event."""
    batch = house.ledger.events_columns(before=before)
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
