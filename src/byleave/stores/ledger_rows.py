"""What the databases of ledgers have in common: rows of events as columns, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.consent.batch import SALT_BYTES, EventBatch

__all__ = [
    "ENDS",
    "FIRST_FROM",
    "POSITION",
    "STRUCTURE",
    "batch_of",
    "chunks",
    "later_event",
    "named",
    "with_evidence",
]

POSITION: Final = """
SELECT min(enrolment) FROM members WHERE enrolled_us > ?
UNION ALL SELECT min(idx) FROM objects WHERE at_us > ?
"""
"""Candidates for the lowest log index that was recorded after an instant, but for events."""
FIRST_FROM: Final = """
SELECT idx, at_us FROM (
    SELECT * FROM (SELECT idx, at_us FROM objects WHERE idx >= ? ORDER BY idx LIMIT 1) AS o
    UNION ALL SELECT * FROM
    (SELECT idx, recorded_us FROM events WHERE idx >= ? ORDER BY idx LIMIT 1) AS e
    UNION ALL SELECT * FROM (SELECT enrolment, enrolled_us FROM members WHERE enrolment >= ?
    ORDER BY enrolment LIMIT 1) AS m) AS first ORDER BY idx LIMIT 1
"""
"""The first entry from an index on whose instant is known, by three look-ups."""
STRUCTURE: Final = (
    ("log indexes have gaps", "SELECT count(*) <> coalesce(max(idx) + 1, 0) FROM log_entries"),
    ("ordinals have gaps", "SELECT count(*) <> coalesce(max(ordinal) + 1, 0) FROM members"),
    (
        "an event has no log entry",
        (
            "SELECT EXISTS (SELECT 1 FROM events e LEFT JOIN log_entries l ON l.idx = e.idx"
            " WHERE l.idx IS NULL)"
        ),
    ),
    (
        "an event has no member",
        (
            "SELECT EXISTS (SELECT 1 FROM events e LEFT JOIN members m ON m.ordinal = e.ordinal"
            " WHERE m.ordinal IS NULL)"
        ),
    ),
)
"""(what is wrong, the question whose answer is then true); both databases answer the same SQL."""
ENDS: Final = (
    "the row of ends is not that of the tables",
    (
        "SELECT count(*) <> 1 OR bool_or("
        "entries <> (SELECT coalesce(max(idx) + 1, 0) FROM log_entries)"
        " OR members <> (SELECT coalesce(max(ordinal) + 1, 0) FROM members)"
        " OR last_recorded IS DISTINCT FROM"
        " (SELECT recorded_us FROM events ORDER BY idx DESC LIMIT 1)) FROM ledger_ends"
    ),
)
"""The same of PostgreSQL's row of ends."""


def batch_of(rows: npt.NDArray[np.void], texts: dict[int | None, Any]) -> EventBatch:
    """Return structured rows as a batch.

    Args:
        rows: Fields idx, ordinal, kind, scope, effective, recorded, expires, past, notice, grade,
            channel, original; scope, notice and channel are term numbers, notice 0 where there is none.
        texts: Term number → text.
    """
    scope, scopes = _dense(rows["scope"], texts)
    notice, notices = _dense(rows["notice"], texts)
    channel, channels = _dense(rows["channel"], texts)
    return EventBatch(
        index=rows["idx"].astype(np.int64),
        ordinal=rows["ordinal"].astype(np.int64),
        kind=rows["kind"].astype(np.uint8),
        scope=scope,
        effective_us=rows["effective"].astype(np.int64),
        recorded_us=rows["recorded"].astype(np.int64),
        expires_us=rows["expires"].astype(np.int64),
        includes_past=rows["past"].astype(np.bool_),
        notice=notice,
        grade=rows["grade"].astype(np.uint8),
        channel=channel,
        original_us=rows["original"].astype(np.int64),
        salts=np.empty((0, SALT_BYTES), np.uint8),
        scopes=scopes,
        notices=notices,
        channels=channels,
    )


def _dense(
    column: npt.NDArray[Any], texts: dict[int | None, Any]
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Number the terms of a column from 0 by first number; term 0 becomes -1."""
    numbers = column.astype(np.int64)
    if not len(numbers):
        return numbers.astype(np.int32), ()
    used = np.flatnonzero(np.bincount(numbers))
    used = used[used != 0]
    dense = np.full(int(numbers.max()) + 1, -1, np.int32)
    dense[used] = np.arange(len(used), dtype=np.int32)
    return dense[numbers], tuple(texts[int(number)] for number in used)


def later_event(at_us: int, size: int, first_from: Callable[[int], tuple[int, int] | None]) -> int:
    """Return the lowest index of an event recorded after an instant; else `size`.

    Events are recorded in the order of their indexes (`WriterBase`), so halving finds it: some
    log2(size) look-ups.

    Args:
        at_us: The instant, µs.
        size: Size of the log.
        first_from: Gives (index, recorded_us) of the first event whose index is at least so much.
    """
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        found = first_from(middle)
        if found is None or found[1] > at_us:
            high = middle
        else:
            low = found[0] + 1
    found = first_from(low) if low < size else None
    return size if found is None else found[0]


def chunks(ordinals: Sequence[int], length: int) -> Iterable[list[int]]:
    """Return ordinals by so many, as Python's integers."""
    listed = np.asarray(ordinals, np.int64)
    return (listed[at : at + length].tolist() for at in range(0, len(listed), length))


def with_evidence(batch: EventBatch, rows: Iterable[tuple[int, Any]]) -> EventBatch:
    """Return the batch with the evidence of its events: (index, text) of those that have one."""
    found = {i: raw.decode() if isinstance(raw, bytes) else raw for i, raw in rows}
    return replace(batch, evidence=[found.get(i) for i in batch.index.tolist()])


def named(rows: list[tuple[Any, ...]], text: dict[int | None, Any]) -> list[tuple[Any, ...]]:
    """Put texts in the place of the term numbers of event rows, and in that of encoded evidence.

    Raises:
        KeyError: A number that `text` does not hold.
    """
    return [
        (
            row[0], row[1], row[2], text[row[3]], row[4], row[5], row[6], row[7], text[row[8]],
            row[9], text[row[10]], row[11], row[12],
            row[13].decode() if isinstance(row[13], bytes) else row[13],
        )
        for row in rows
    ]  # fmt: skip
