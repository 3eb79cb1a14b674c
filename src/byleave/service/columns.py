"""The consent ledger as columns: what states are built from."""

from __future__ import annotations

from typing import Any

import numpy as np

from byleave.consent.state import EventColumns
from byleave.ids import FAR_FUTURE_US
from byleave.policy.scope import Scope
from byleave.service.house import House

__all__ = ["event_columns"]


def event_columns(house: House, *, before: int | None = None) -> EventColumns:
    """Return all events below a ledger index as columns, straight from the store's rows."""
    rows = house.ledger.events(before=before)
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 14
    scopes = {text: i for i, text in enumerate(dict.fromkeys(columns[3]))}
    notices = {name: i for i, name in enumerate(dict.fromkeys(n for n in columns[8] if n))}
    return EventColumns(
        ordinal=np.array(columns[1], np.int64),
        index=np.array(columns[0], np.int64),
        kind=np.array(columns[2], np.uint8),
        effective_us=np.array(columns[4], np.int64),
        expires_us=np.array([FAR_FUTURE_US if e is None else e for e in columns[6]], np.int64),
        includes_past=np.array(columns[7], np.bool_),
        grade=np.array(columns[9], np.uint8),
        scope_id=np.array([scopes[s] for s in columns[3]], np.int32),
        notice_id=np.array([notices[n] if n else -1 for n in columns[8]], np.int32),
        scopes=tuple(Scope.parse(text) for text in scopes),
        notices=tuple(notices),
    )
