"""Many consent events as columns, as the ledger keeps them: what imports write and states read.

Unlike `state.EventColumns`, which holds what a decision needs, a batch holds whole rows: when
each was recorded, through which channel, and the salt of its commitment. Scopes, notices and
channels are texts of the ledger, each held once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from byleave.errors import InputError

__all__ = ["SALT_BYTES", "EventBatch", "MemberHistory"]

SALT_BYTES = 32


class MemberHistory(NamedTuple):
    """What one decision needs of the ledger, in one look-up.

    Attributes:
        ordinal: The member's.
        events: Their event rows, by index.
        last_object: Index of the newest object (a notice or rulesets may be new); -1: none.
        last_recorded: When the ledger's last event was recorded, µs; None before the first.
    """

    ordinal: int
    events: list[tuple[Any, ...]]
    last_object: int
    last_recorded: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventBatch:
    """Consent events in ledger order; every column has one entry an event.

    Attributes:
        index: Ledger index; int64. Ignored by a writer, which numbers the events itself.
        ordinal: Whose event; int64.
        kind: `EventKind`; uint8.
        scope: Row in `scopes`; int32.
        effective_us: From when it counts; int64 µs since the epoch.
        recorded_us: When the ledger took it; int64 µs, never decreasing.
        expires_us: End of a grant, exclusive; int64 µs, `FAR_FUTURE_US`: open.
        includes_past: bool.
        notice: Row in `notices`; int32, -1: none.
        grade: `EvidenceGrade`; uint8.
        channel: Row in `channels`; int32.
        original_us: When it was said, as an import claims; int64 µs, `FAR_FUTURE_US`: not claimed.
        salts: One salt of 32 bytes an event, (n, 32) uint8; (0, 32) where they were not read.
        scopes: Texts of the distinct scopes.
        notices: Ids of the distinct notices.
        channels: The distinct channels.
        evidence: Further evidence of each event; None: of none, or not read.

    Raises:
        InputError: `consent.batch`, columns of different length, or a row that is not there.
    """

    index: npt.NDArray[np.int64]
    ordinal: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    scope: npt.NDArray[np.int32]
    effective_us: npt.NDArray[np.int64]
    recorded_us: npt.NDArray[np.int64]
    expires_us: npt.NDArray[np.int64]
    includes_past: npt.NDArray[np.bool_]
    notice: npt.NDArray[np.int32]
    grade: npt.NDArray[np.uint8]
    channel: npt.NDArray[np.int32]
    original_us: npt.NDArray[np.int64]
    salts: npt.NDArray[np.uint8]
    scopes: tuple[str, ...]
    notices: tuple[str, ...]
    channels: tuple[str, ...]
    evidence: Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        columns = (
            self.kind, self.scope, self.effective_us, self.recorded_us, self.expires_us,
            self.includes_past, self.notice, self.grade, self.channel, self.original_us,
        )  # fmt: skip
        if any(len(column) != len(self) for column in columns):
            raise InputError("columns of different length", code="consent.batch")
        if self.evidence is not None and len(self.evidence) != len(self):
            raise InputError("columns of different length", code="consent.batch")
        if len(self.salts) not in {0, len(self)} or self.salts.shape[1:] != (SALT_BYTES,):
            raise InputError("a salt has 32 bytes, one an event", code="consent.batch")
        if not len(self):
            return
        for rows, texts, least in (
            (self.scope, self.scopes, 0),
            (self.notice, self.notices, -1),
            (self.channel, self.channels, 0),
        ):
            if rows.min() < least or rows.max() >= len(texts):
                raise InputError("a text is not there", code="consent.batch")

    def __len__(self) -> int:
        return len(self.ordinal)

    def where(self, kept: npt.NDArray[np.bool_]) -> EventBatch:
        """Return the events for which `kept` holds; their texts stay, salts and evidence do not."""
        columns = {
            name: getattr(self, name)[kept]
            for name in (
                "index", "ordinal", "kind", "scope", "effective_us", "recorded_us", "expires_us",
                "includes_past", "notice", "grade", "channel", "original_us",
            )
        }  # fmt: skip
        return replace(self, salts=self.salts[:0], evidence=None, **columns)
