"""Commitments to what the operator's desk notes: looks at a member's data (tag 0x30), requests of
members (tag 0x31), and acts of the operator's people (tag 0x32); docs/spec/tags.md.
"""

from __future__ import annotations

from typing import Final

from byleave import canonical
from byleave.errors import InputError
from byleave.ids import Digest

__all__ = [
    "TAG_ACT",
    "TAG_LOOK",
    "TAG_REQUEST",
    "act_commitment",
    "look_commitment",
    "request_commitment",
]

TAG_LOOK: Final = 0x30
TAG_REQUEST: Final = 0x31
TAG_ACT: Final = 0x32
_SALT_BYTES: Final = 32


def look_commitment(salt: bytes, document: canonical.Json) -> Digest:
    """Return the commitment to a look's document.

    Args:
        salt: 32 bytes, fresh per look.
        document: Who looked, at whom and why; its canonical encoding is committed to.

    Raises:
        InputError: `map.parameters`, the salt is not 32 bytes.
    """
    return _commitment(TAG_LOOK, salt, document)


def request_commitment(salt: bytes, document: canonical.Json) -> Digest:
    """Return the commitment to a request of a member, or to how it ended.

    Args:
        salt: 32 bytes, fresh for each.
        document: What was asked and by when it is due, or what was answered.

    Raises:
        InputError: `map.parameters`, the salt is not 32 bytes.
    """
    return _commitment(TAG_REQUEST, salt, document)


def act_commitment(salt: bytes, document: canonical.Json) -> Digest:
    """Return the commitment to what one of the operator's people is about to do.

    Args:
        salt: 32 bytes, fresh for each.
        document: Who, what, with what, why and when.

    Raises:
        InputError: `map.parameters`, the salt is not 32 bytes.
    """
    return _commitment(TAG_ACT, salt, document)


def _commitment(tag: int, salt: bytes, document: canonical.Json) -> Digest:
    if len(salt) != _SALT_BYTES:
        raise InputError("a salt is 32 bytes", code="map.parameters")
    return canonical.tagged(tag, salt, canonical.encode(document))
