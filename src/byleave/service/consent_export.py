"""Export the consent ledger: every event as a row that an import reads back.

`effective` is when it was said (an import's claim, else from when it counted), `counts_from` when
it took effect here. `cells_for_csv` keeps a spreadsheet from running what a cell says: a text that
begins with = + - @, a tab, a carriage return or an apostrophe gets an apostrophe before it, and
the import of our own export takes it away again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import decode
from byleave.consent.event import EventKind, EvidenceGrade
from byleave.errors import InputError
from byleave.ids import format_instant, from_us
from byleave.service.consent import position_of
from byleave.service.house import EventRow, House
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


def export_table(house: House, *, known_at: datetime | None = None) -> pa.Table:
    """Return all events as a table of texts, by ledger index; one Python step a row.

    Args:
        house: The workspace's ports.
        known_at: Only what was recorded by then.
    """
    position = position_of(house, known_at=known_at)
    digests = {n: notice.sha256.hex() for n, notice in published_notices(house.ledger).items()}
    names = {row[0]: row[1] for row in house.ledger.members()}
    rows = [_row(row, names, digests) for row in house.ledger.events(before=position)]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(EXPORT_COLUMNS)
    types = {"entry": pa.int64(), "includes_past": pa.bool_()}
    return pa.table(
        {
            name: pa.array(values, types.get(name, pa.large_string()))
            for name, values in zip(EXPORT_COLUMNS, columns, strict=True)
        }
    )


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


def _row(row: EventRow, names: dict[int, str], digests: dict[str, str]) -> tuple[Any, ...]:
    index, ordinal, kind, scope, effective, recorded, expires, past, notice, grade, channel = row[
        :11
    ]
    original, evidence = row[12:]
    said = effective if original is None else original
    is_known = EvidenceGrade(grade) is EvidenceGrade.BYTES and notice is not None
    told = _told(evidence) if notice is None else {}
    return (
        index,
        names[ordinal],
        scope,
        _WORDS[EventKind(kind)],
        format_instant(from_us(said)),
        format_instant(from_us(effective)),
        format_instant(from_us(recorded)),
        None if expires is None else format_instant(from_us(expires)),
        bool(past),
        notice or told.get("notice"),
        digests.get(notice) if is_known else told.get("notice_sha256"),
        EvidenceGrade(grade).name.lower(),
        channel.split(":", 2)[2] if channel.count(":") > 1 else _bare(channel),
        evidence,
    )


def _bare(channel: str) -> str | None:
    """Return a channel without the import it came through; imports without one have none."""
    return None if channel.startswith("import:") else channel


def _told(evidence: str | None) -> dict[str, Any]:
    try:
        found = decode(evidence.encode()) if evidence else {}
    except InputError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}
