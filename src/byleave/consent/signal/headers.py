"""The head of an HTTP message as (name, value) pairs (RFC 9112 sections 2.2, 4 and 5).

A start line is skipped; the head ends at the first empty line or at the end of the bytes.
Folded lines are refused, as a server must (section 5.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from byleave.consent.signal.finding import malformed

__all__ = ["field_values", "parse_head"]

_LIMIT = 1 << 16
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_START = re.compile(r"HTTP/\d\.\d \d{3}|[A-Z]+ \S+ HTTP/\d\.\d|HTTP/[23] \d{3}")


def parse_head(data: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields in their order: name in lowercase, value without surrounding space.

    Raises:
        InputError: `signal.malformed`, not the head of an HTTP message, or over 64 KiB.
    """
    if len(data) > _LIMIT:
        raise malformed("the head of an HTTP message is over 64 KiB")
    lines = data.decode("latin-1").replace("\r\n", "\n").split("\n")
    fields = []
    for number, line in enumerate(lines):
        if not line:
            break
        if number == 0 and _START.match(line):
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name) or "\r" in value or "\x00" in value:
            raise malformed(f"line {number + 1} is no header field")
        fields.append((name.lower(), value.strip(" \t")))
    return tuple(fields)


def field_values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Return the values of every field with this (lowercase) name, in their order."""
    return [value for found, value in fields if found == name]
