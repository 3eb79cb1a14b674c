"""Log entries in SQLite: a row each where a transaction brings few, bundles where it brings many.

A row costs SQLite about a microsecond to insert, more than the disk takes for the bytes of it. So
the entries of a transaction with 64 or more stand in bundles, under the index of their first.
Indexes have no gaps across both tables; which of them holds an entry, and how, says nothing.

Most entries are commitments of one kind: `{"commitment":"`, 64 digits, and a *tail*. A bundle of up
to 1,024 such keeps the tail once and of each entry its 32 bytes, three tenths of them: less to
write, less to flush, a smaller file. Any other bundle has up to 256 entries, is as in the files of
the log (tlog-tiles), and its tail is null.
"""

from __future__ import annotations

import binascii
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, overload

import numpy as np

from byleave.errors import EvidenceError
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.tlog.bundle import decode_bundle, encode_bundle

__all__ = ["ENTRY_STRUCTURE", "SIZE", "add_entries", "read_entries"]

_MANY: Final = 64
_BUNDLE: Final = 256
_PACKED: Final = 1_024
_HEAD: Final = b'{"commitment":"'
_DIGITS: Final = 64
_END: Final = len(_HEAD) + _DIGITS
_LONGEST_TAIL: Final = 256
_MARK: Final = b"\n"
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


class PackedEntries(Sequence[bytes]):
    """Entries whose bundles are made, wherever they will stand.

    Args:
        entries: At least one.

    Raises:
        InputError: `entry.too-long`.
    """

    __slots__ = ("_entries", "bundles")

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries = entries
        self.bundles = [*_bundles(entries)] if len(entries) >= _MANY else None
        """(place of its first among them, how many, data, tail) each; None: they are too few."""

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        return self._entries[at]


def add_entries(database: sqlite3.Connection, first: int, entries: Sequence[bytes]) -> None:
    """Insert the entries of the indexes from `first` on.

    Raises:
        InputError: `entry.too-long`.
    """
    bundles = entries.bundles if isinstance(entries, PackedEntries) else None
    if bundles is None and len(entries) < _MANY:
        database.executemany("INSERT INTO log_entries VALUES (?, ?)", enumerate(entries, first))
        return
    database.executemany(
        "INSERT INTO log_bundles(first, entries, data, tail) VALUES (?, ?, ?, ?)",
        [(first + at, *rest) for at, *rest in bundles or _bundles(entries)],
    )


def _bundles(entries: Sequence[bytes]) -> Iterator[tuple[int, int, bytes, bytes | None]]:
    """Yield bundles: (place of its first, how many, data, tail)."""
    if isinstance(entries, CommitmentEntries) and entries.head == _HEAD:
        for start in range(0, len(entries), _PACKED):
            data = entries.commitments[32 * start : 32 * (start + _PACKED)]
            yield start, len(data) // 32, data, entries.tail
        return
    for start in range(0, len(entries), _PACKED):
        block = entries[start : start + _PACKED]
        packed = _packed(block)
        if packed is not None:
            yield start, len(block), *packed
            continue
        # an entry of another kind keeps but its own bundle from being packed
        for at in range(0, len(block), _BUNDLE):
            some = block[at : at + _BUNDLE]
            yield start + at, len(some), *(_packed(some) or (encode_bundle(some), None))


def _packed(entries: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the 32 bytes of each entry and the tail of all; None where they are not so.

    Cost: 45 ns an entry, a third of it joining them. There is no step in Python per entry.
    """
    tail = entries[0][_END:]
    if len(tail) > _LONGEST_TAIL or _MARK in tail:
        return None
    # The mark ends each entry. What turns out to be as many heads, digits, tails and marks as
    # there are entries has no mark inside one: so each entry is one of them.
    whole = _MARK.join([*entries, b""])
    if len(whole) != len(entries) * (_END + len(tail) + 1):
        return None
    fields = [("head", f"V{len(_HEAD)}"), ("digits", f"V{_DIGITS}"), ("tail", f"V{len(tail) + 1}")]
    rows = np.frombuffer(whole, fields)
    if (
        rows["head"].tobytes() != _HEAD * len(entries)
        or rows["tail"].tobytes() != (tail + _MARK) * len(entries)
    ):  # fmt: skip
        return None
    digits = rows["digits"].tobytes()
    try:
        data = binascii.unhexlify(digits)
    except binascii.Error:
        return None
    # of the characters that it takes, digits and small letters have this bit, and capitals do not
    small = np.bitwise_and.reduce(np.frombuffer(digits, np.uint64)) & 0x2020202020202020
    return (data, tail) if small == 0x2020202020202020 else None


def _held(row: tuple[Any, ...], start: int, end: int) -> list[bytes]:
    """Return the entries with start <= index < end that a row of `log_bundles` holds.

    Raises:
        EvidenceError: `log.entry-damaged`.
    """
    first, count, data, tail = row
    low, high = max(start - first, 0), min(end - first, count)
    if isinstance(data, bytes) and tail is None:
        return decode_bundle(data, count)[low:high]
    if not isinstance(data, bytes) or not isinstance(tail, bytes) or len(data) != 32 * count:
        raise EvidenceError("a bundle does not hold its entries", code="log.entry-damaged")
    digits = binascii.hexlify(data[32 * low : 32 * high])
    return [
        b"%b%b%b" % (_HEAD, digits[at : at + _DIGITS], tail)
        for at in range(0, len(digits), _DIGITS)
    ]


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
        "SELECT first, entries, data, tail FROM log_bundles"
        " WHERE first > ? AND first < ? AND first + entries > ? ORDER BY first",
        (start - _PACKED, end, start),
    )
    if not bundles:
        return [entry for _, entry in single]
    parts = [(index, [entry]) for index, entry in single]
    parts += [(max(row[0], start), _held(row, start, end)) for row in bundles]
    parts.sort(key=lambda part: part[0])
    return [entry for _, held in parts for entry in held]
