"""Structured-field dictionaries (RFC 9651 section 4.2.2), as far as a preference needs them.

The whole grammar is checked, since a dictionary that fails to parse says nothing at all; of the
values only tokens are kept. Parameters are read and dropped, as AIPREF wants it.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["tokens"]

_KEY: Final = re.compile(rb"[a-z*][a-z0-9_.*-]*")
_TOKEN: Final = re.compile(rb"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
# The other bare items; a decimal has one to three digits after its point.
_ITEMS: Final = re.compile(
    rb"-?\d{1,12}\.\d{1,3}(?![\d.])|-?\d{1,15}(?![\d.])"
    rb'|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
    rb"|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}(?![\d.])"
    rb'|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"'
)
_SP: Final = re.compile(rb" *")
_OWS: Final = re.compile(rb"[ \t]*")


class _FailedError(Exception):
    """The bytes are no dictionary."""


def tokens(data: bytes) -> dict[str, str | None] | None:
    """Return key → token, None for a value that is no token; None where parsing fails.

    A key that stands twice has the value of the last.
    """
    try:
        return _dictionary(data.strip(b" "))
    except _FailedError:
        return None


def _dictionary(data: bytes) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    at = 0
    while at < len(data):
        key, at = _take(_KEY, data, at)
        value = None  # a key alone is the boolean true
        if data[at : at + 1] == b"=":
            value, at = _member(data, at + 1)
        at = _parameters(data, at)
        found[key.decode("ascii")] = value
        at = _skip(_OWS, data, at)
        if at == len(data):
            break
        if data[at : at + 1] != b",":
            raise _FailedError
        at = _skip(_OWS, data, at + 1)
        if at == len(data):
            raise _FailedError  # a comma with nothing after it
    return found


def _member(data: bytes, at: int) -> tuple[str | None, int]:
    if data[at : at + 1] != b"(":
        return _bare(data, at)
    at += 1
    while True:  # an inner list
        at = _skip(_SP, data, at)
        if data[at : at + 1] == b")":
            return None, at + 1
        _, at = _bare(data, at)
        at = _parameters(data, at)
        if data[at : at + 1] not in {b" ", b")"}:
            raise _FailedError


def _parameters(data: bytes, at: int) -> int:
    while data[at : at + 1] == b";":
        at = _skip(_SP, data, at + 1)
        _, at = _take(_KEY, data, at)
        if data[at : at + 1] == b"=":
            _, at = _bare(data, at + 1)
    return at


def _bare(data: bytes, at: int) -> tuple[str | None, int]:
    token = _TOKEN.match(data, at)
    if token is not None:
        return token.group().decode("ascii"), token.end()
    return None, _take(_ITEMS, data, at)[1]


def _take(pattern: re.Pattern[bytes], data: bytes, at: int) -> tuple[bytes, int]:
    match = pattern.match(data, at)
    if match is None:
        raise _FailedError
    return match.group(), match.end()


def _skip(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return at if match is None else match.end()
