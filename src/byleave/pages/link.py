"""The signed link to one member's page.

Token = base64url, without padding, of `ordinal:u64be ‖ expires:u64be ‖ tag32`, where
`tag = HMAC-SHA256(key, "byleave member link v1" ‖ 0x00 ‖ ordinal ‖ expires)` and `expires` is in
seconds since 1970. 48 bytes are exactly 64 characters, so every token has one spelling.
The link is the member's sign-in for a read-only page: it runs out, names nobody, and is checked
in constant time before anything in it is believed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from byleave.errors import RefusedError
from byleave.ids import from_us, to_us

__all__ = ["LinkExpiredError", "LinkUnknownError", "link_token", "read_token"]

_DOMAIN: Final = b"byleave member link v1\x00"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{64}")
_KEY_BYTES: Final = 32
_LIMIT: Final = 1 << 63
_SECOND_US: Final = 1_000_000


class LinkUnknownError(Exception):
    """The token was not made with this key, or was changed."""


class LinkExpiredError(Exception):
    """The token was made with this key and has run out.

    Args:
        at: When it ran out.
    """

    def __init__(self, at: datetime) -> None:
        super().__init__("the link has run out")
        self.at = at


def link_token(key: bytes, ordinal: int, expires: datetime) -> str:
    """Make the token of a member's page.

    Args:
        key: The workspace's portal key, at least 32 bytes.
        ordinal: The member's ordinal.
        expires: When it runs out, aware; fractions of a second are dropped.

    Raises:
        RefusedError: `portal.link`, a short key or numbers outside 0 to 2^63 - 1.
    """
    seconds = to_us(expires) // _SECOND_US
    if len(key) < _KEY_BYTES or not 0 <= ordinal < _LIMIT or not 0 <= seconds < _LIMIT:
        raise RefusedError("a member link cannot be made from these values", code="portal.link")
    body = ordinal.to_bytes(8, "big") + seconds.to_bytes(8, "big")
    return base64.urlsafe_b64encode(body + _tag(key, body)).decode("ascii")


def read_token(key: bytes, token: str, now: datetime) -> int:
    """Return the ordinal a token was made for.

    Raises:
        LinkUnknownError: Not a token of this key.
        LinkExpiredError: `now` is at or after its end.
    """
    if len(key) < _KEY_BYTES or not _TOKEN.fullmatch(token):
        raise LinkUnknownError
    raw = base64.urlsafe_b64decode(token)
    body, tag = raw[:16], raw[16:]
    if not hmac.compare_digest(tag, _tag(key, body)):
        raise LinkUnknownError
    expires = from_us(int.from_bytes(body[8:], "big") * _SECOND_US)
    if now >= expires:
        raise LinkExpiredError(expires)
    return int.from_bytes(body[:8], "big")


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, _DOMAIN + body, hashlib.sha256).digest()
