"""The commitment to a look at a member's data by the operator's people (tag 0x30, docs/spec/tags.md)."""

from __future__ import annotations

from typing import Final

from byleave import canonical
from byleave.errors import InputError
from byleave.ids import Digest

__all__ = ["TAG_LOOK", "look_commitment"]

TAG_LOOK: Final = 0x30
_SALT_BYTES: Final = 32


def look_commitment(salt: bytes, document: canonical.Json) -> Digest:
    """Return the commitment to a look's document.

    Args:
        salt: 32 bytes, fresh per look.
        document: Who looked, at whom and why; its canonical encoding is committed to.

    Raises:
        InputError: `map.parameters`, the salt is not 32 bytes.
    """
    if len(salt) != _SALT_BYTES:
        raise InputError("a salt is 32 bytes", code="map.parameters")
    return canonical.tagged(TAG_LOOK, salt, canonical.encode(document))
