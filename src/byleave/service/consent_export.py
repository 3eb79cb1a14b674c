"""Export the consent ledger: every event as a row that an import reads back.

`effective` is when it was said (an import's claim, else from when it counted), `counts_from` when
it took effect here. `cells_for_csv` keeps a spreadsheet from running what a cell says: a text that
begins with = + - @, a tab, a carriage return or an apostrophe gets an apostrophe before it, and
the import of our own export takes it away again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import decode
from byleave.consent.batch import EventBatch
from byleave.consent.event import EventKind, EvidenceGrade
from byleave.errors import InputError
from byleave.ids import FAR_FUTURE_US
from byleave.service.consent import position_of
from byleave.service.house import House
from byleave.service.instants import instant_texts
from byleave.service.notice import published_notices

__all__ = ["EXPORT_COLUMNS", "cells_for_csv", "cells_from_csv", "export_table"]

EXPORT_COLUMNS: Final = (
    "entry", "member", "use", "decision", "effective", "counts_from", "recorded", "expires",
    "includes_past", "notice", "notice_sha256", "grade", "channel", "evidence",
)  # fmt: skip
_WORDS: Final = {
    EventKind.GRANT: "grant",
    EventKind.REFUSAL: "refuse",
    EventKind.WITHDRAWAL: "withdraw",
    EventKind.OBJECTION: "object",
    EventKind.PRESET: "preset",
}
_QUOTE: Final = pa.scalar("'", pa.large_string())
_NOTHING: Final = pa.scalar("", pa.large_string())
_DANGEROUS: Final = r"^[=+\-@\t\r']"


def export_table(
    house: House, *, known_at: datetime | None = None, member: str | None = None
) -> pa.Table:
    """Return all events as a table of texts, by ledger index; a Python step for a row's evidence.

    Args:
        house: The workspace's ports.
        known_at: Only what was recorded by then.
        member: Only what they said; None: everybody.

    Raises:
        InputError: `member.unknown`.
    """
    position = position_of(house, known_at=known_at)
    only = None if member is None else _ordinal(house, member)
    digests = {n: notice.sha256.hex() for n, notice in published_notices(house.ledger).items()}
    ordinals = None if only is None else [only]
    batch = house.ledger.events_columns(before=position, ordinals=ordinals, evidence=True)
    evidence = list(batch.evidence or ())
    said = np.where(batch.original_us == FAR_FUTURE_US, batch.effective_us, batch.original_us)
    names, sums = _notices(batch, digests, evidence)
    columns = {
        "entry": pa.array(batch.index, pa.int64()),
        "member": _who(house, batch, member),
        "use": _texts(batch.scopes, batch.scope),
        "decision": _texts([_WORDS[kind] for kind in EventKind], batch.kind.astype(np.int64) - 1),
        "effective": _times(said),
        "counts_from": _times(batch.effective_us),
        "recorded": _times(batch.recorded_us),
        "expires": _times(batch.expires_us),
        "includes_past": pa.array(batch.includes_past),
        "notice": names,
        "notice_sha256": sums,
        "grade": _texts([g.name.lower() for g in EvidenceGrade], batch.grade),
        "channel": _texts([_outside(channel) for channel in batch.channels], batch.channel),
        "evidence": pa.array(evidence, pa.large_string()),
    }
    return pa.table({name: columns[name] for name in EXPORT_COLUMNS})


def _ordinal(house: House, member: str) -> int:
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    return row[0]


def _who(house: House, batch: EventBatch, member: str | None) -> pa.Array:
    if member is not None:
        return pa.array([member] * len(batch.ordinal), pa.large_string())
    members = pa.array([row[1] for row in house.ledger.members()], pa.large_string())
    return members.take(pa.array(batch.ordinal))


def cells_for_csv(table: pa.Table) -> pa.Table:
    """Return the table with texts that no spreadsheet runs."""
    for place, name in enumerate(table.column_names):
        column = table.column(name)
        if pa.types.is_large_string(column.type):
            bad = pc.match_substring_regex(column, _DANGEROUS)
            quoted = pc.binary_join_element_wise(_QUOTE, column, _NOTHING)
            table = table.set_column(place, name, pc.if_else(bad, quoted, column))
    return table


def cells_from_csv(table: pa.Table) -> pa.Table:
    """Undo `cells_for_csv`."""
    for place, name in enumerate(table.column_names):
        column = table.column(name)
        if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
            quoted = pc.starts_with(column, "'")
            bare = pc.utf8_slice_codeunits(column, 1)
            table = table.set_column(place, name, pc.if_else(quoted, bare, column))
    return table


def _notices(
    batch: EventBatch, digests: dict[str, str], evidence: Sequence[str | None]
) -> tuple[pa.Array, pa.Array]:
    """Return notices and digests: the ledger's, and where it has none those an import told."""
    names = _texts([*batch.notices, None], batch.notice)
    is_known = (batch.grade == EvidenceGrade.BYTES) & (batch.notice >= 0)
    sums = _texts(
        [*(digests.get(name) for name in batch.notices), None], np.where(is_known, batch.notice, -1)
    )
    told = {
        row: found
        for row in np.flatnonzero(batch.notice < 0).tolist()
        if evidence[row] is not None and (found := _told(evidence[row]))
    }
    if not told:
        return names, sums
    listed, summed = names.to_pylist(), sums.to_pylist()
    for row, found in told.items():
        listed[row], summed[row] = found.get("notice"), found.get("notice_sha256")
    return pa.array(listed, pa.large_string()), pa.array(summed, pa.large_string())


def _texts(texts: Sequence[str | None], rows: npt.NDArray[Any]) -> pa.Array:
    """Return the text of each row; row -1 is the last text."""
    place = np.where(rows < 0, len(texts) - 1, rows).astype(np.int64)
    return pa.array(texts, pa.large_string()).take(pa.array(place))


def _times(instants: npt.NDArray[np.int64]) -> pa.Array:
    written = instant_texts(instants, "", "%sZ")
    return pa.array(written, pa.large_string(), mask=instants == FAR_FUTURE_US)


def _outside(channel: str) -> str | None:
    """Return a channel without the import it came through; imports without one have none."""
    if channel.count(":") > 1:
        return channel.split(":", 2)[2]
    return None if channel.startswith("import:") else channel


def _told(evidence: str | None) -> dict[str, Any]:
    try:
        found = decode(evidence.encode()) if evidence else {}
    except InputError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}
