"""The receiving end of a webhook: is this message ours, whole, and of now?

Standard library alone. The scheme is that of Standard Webhooks: HMAC-SHA256 over
`id.timestamp.body` under the secret that registering returned.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

__all__ = ["webhook_is_good"]

_SECONDS: Final = 300
_PREFIX: Final = "whsec_"


def webhook_is_good(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    seconds: int = _SECONDS,
) -> bool:
    """Say whether a message was signed with the secret, and not long ago.

    A message may come twice, with the same `webhook-id`: whoever must not act twice remembers ids.

    Args:
        secret: What registering returned, `whsec_…`.
        headers: Of the request; names in lower case, or a mapping that does not mind.
        body: As it came, byte for byte.
        now: Seconds since 1970; None: this machine's clock.
        seconds: How far the message's own time may be from `now`.
    """
    message, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12 and secret.startswith(_PREFIX)):
        return False
    if abs((time.time() if now is None else now) - int(at)) > seconds:
        return False
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    wanted = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(wanted)
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(b"v1," + signature, one.encode()) for one in given)
