"""Log entries in SQLite: a row each where a transaction brings few, bundles where it brings many.

A row costs SQLite about a microsecond to insert, more than the disk takes for the bytes of it. So
the entries of a transaction with 64 or more stand in bundles of up to 256, as in the files of the
log (tlog-tiles), under the index of their first: four inserts for a thousand. Indexes have no gaps
across both tables; which of them holds an entry says nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from byleave.errors import EvidenceError
from byleave.tlog.bundle import decode_bundle, encode_bundle

__all__ = ["ENTRY_STRUCTURE", "SIZE", "add_entries", "read_entries"]

_MANY: Final = 64
_BUNDLE: Final = 256
SIZE: Final = (
    "SELECT max(coalesce((SELECT max(idx) + 1 FROM log_entries), 0),"
    " coalesce((SELECT first + entries FROM log_bundles ORDER BY first DESC LIMIT 1), 0))"
)
"""The number of log entries."""
ENTRY_STRUCTURE: Final = (
    (
        "log indexes have gaps",
        (
            "SELECT (SELECT count(*) FROM log_entries)"  # noqa: S608 (no value of anybody's)
            f" + (SELECT coalesce(sum(entries), 0) FROM log_bundles) <> ({SIZE})"
        ),
    ),
    (
        "an event has no log entry",
        (
            "SELECT EXISTS (SELECT 1 FROM events e LEFT JOIN log_entries l ON l.idx = e.idx"
            " WHERE l.idx IS NULL AND coalesce((SELECT first + entries FROM log_bundles"
            " WHERE first <= e.idx ORDER BY first DESC LIMIT 1), 0) <= e.idx)"
        ),
    ),
)
"""As `ledger_rows.STRUCTURE` says it of one table, of both."""


def add_entries(database: sqlite3.Connection, first: int, entries: Sequence[bytes]) -> None:
    """Insert the entries of the indexes from `first` on.

    Raises:
        InputError: `entry.too-long`.
    """
    if len(entries) < _MANY:
        database.executemany("INSERT INTO log_entries VALUES (?, ?)", enumerate(entries, first))
        return
    database.executemany(
        "INSERT INTO log_bundles VALUES (?, ?, ?)",
        (
            (first + at, len(some), encode_bundle(some))
            for at in range(0, len(entries), _BUNDLE)
            for some in [entries[at : at + _BUNDLE]]
        ),
    )


def read_entries(
    rows: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]], start: int, end: int
) -> list[bytes]:
    """Return the entries with start <= index < end, in order.

    Args:
        rows: Runs a query.
        start: The first.
        end: One more than the last.

    Raises:
        EvidenceError: `log.entry-damaged`, a bundle does not hold its entries.
    """
    single = rows(
        "SELECT idx, entry FROM log_entries WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
    )
    bundles = rows(
        "SELECT first, entries, data FROM log_bundles WHERE first > ? AND first < ? ORDER BY first",
        (start - _BUNDLE, end),
    )
    if not bundles:
        return [entry for _, entry in single]
    parts = [(index, [entry]) for index, entry in single]
    for first, count, data in bundles:
        if not isinstance(data, bytes):
            raise EvidenceError("a bundle does not hold its entries", code="log.entry-damaged")
        held = decode_bundle(data, count)
        parts.append((max(first, start), held[max(start - first, 0) : end - first]))
    parts.sort(key=lambda part: part[0])
    return [entry for _, held in parts for entry in held]
