"""Value types that every room shares: digests, instants, log indexes, member ids.

A `MemberId` is the platform's own id as text (integers are written in decimal).
A `Digest` is 32 bytes of SHA-256, shown as 64 lowercase hexadecimal digits.
An instant is an aware UTC `datetime`, written `2024-09-18T00:00:00Z` (RFC 3339; a fraction of
up to six digits where there is one) and stored as microseconds since the epoch.
A `LedgerIndex` is the index of the event's entry in the log.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NewType

from byleave.errors import InputError

__all__ = [
    "FAR_FUTURE_US",
    "Digest",
    "LedgerIndex",
    "MemberId",
    "format_instant",
    "from_us",
    "parse_digest",
    "parse_instant",
    "to_us",
]

MemberId = NewType("MemberId", str)
Digest = NewType("Digest", bytes)
LedgerIndex = NewType("LedgerIndex", int)

FAR_FUTURE_US: Final = 2**63 - 1
"""Microseconds that stand for "never ends" in columns."""

_HEX64: Final = re.compile(r"[0-9a-f]{64}")
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2}))?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def parse_digest(text: str) -> Digest:
    """Read 64 lowercase hexadecimal digits.

    Raises:
        InputError: `input.digest`, any other spelling.
    """
    if not _HEX64.fullmatch(text):
        raise InputError("expected 64 lowercase hexadecimal digits", code="input.digest")
    return Digest(bytes.fromhex(text))


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant with a zone, or a date (then: 00:00:00 UTC).

    Raises:
        InputError: `input.instant`, no zone, or no such day.
    """
    if _INSTANT.fullmatch(text):
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            value = None
        if value is not None:
            return value.replace(tzinfo=UTC) if len(text) == 10 else value.astimezone(UTC)
    raise InputError(
        f"{text[:40]!r} is not an instant such as 2024-09-18T00:00:00Z", code="input.instant"
    )


def format_instant(instant: datetime) -> str:
    """Write an aware instant in UTC, with a fraction only where there is one.

    Raises:
        InputError: `input.instant`, the instant has no zone.
    """
    if instant.tzinfo is None:
        raise InputError("an instant needs a zone", code="input.instant")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00:00Z.

    Raises:
        InputError: `input.instant`, the instant has no zone.
    """
    if instant.tzinfo is None:
        raise InputError("an instant needs a zone", code="input.instant")
    return (instant - _EPOCH) // _US


def from_us(microseconds: int) -> datetime:
    """Return the aware UTC instant of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=microseconds)
