"""Programs of the platform are told of every no: signed, retried, in order, given up last.

Messages are those of the Standard Webhooks specification: headers `webhook-id` (the same in each
try), `webhook-timestamp` and `webhook-signature`, `v1,` and base64 of HMAC-SHA256 over
`id.timestamp.body`. Each address has a cursor in the ledger, so that a no by the command line, an
import or another server is told as well, and none is lost when a process dies: what is told twice
has one `webhook-id`. Tries are 2, 4, 8 … seconds apart, at most an hour; after the twelfth the event
is a dead letter and the next one's turn. Answers are not read, redirects not followed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from byleave.errors import InputError
from byleave.ids import to_us
from byleave.portal.desk import Desk
from byleave.portal.guard import LOOPBACK
from byleave.wiring.desk import Webhook

__all__ = ["TRIES", "Post", "Webhooks", "check_address", "post", "signed"]

Post = Callable[[str, dict[str, str], bytes], int]

TRIES: Final = 12
_LONGEST: Final = timedelta(hours=1)
_SECONDS: Final = 10.0
_EVERY: Final = 1.0
_AT_ONCE: Final = 100


def check_address(url: str) -> None:
    """Refuse an address that a secret should not be sent to.

    Raises:
        InputError: `webhook.address`, not https (http on this machine only), or with a user name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    good = (
        (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        if host
        else False
    )
    if not good or parts.username is not None or parts.fragment or port == 0:
        raise InputError(
            "a webhook's address is https, without a user name",
            code="webhook.address",
            hint="http is taken for this machine alone (127.0.0.1)",
        )


def signed(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, as its header has it."""
    data = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, data, hashlib.sha256).digest()).decode("ascii")


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Send a message and return the status; an answer's body is not read.

    Raises:
        OSError: Nobody answered in time.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=_SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers=headers)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(str(type(error).__name__)) from error
    finally:
        connection.close()


class Webhooks:
    """Tells addresses of every no.

    Args:
        desk: The ledgers to read, and where each address stands.
        send: Sends one message; returns the HTTP status.
    """

    def __init__(self, desk: Desk, send: Post = post) -> None:
        self._desk = desk
        self._send = send

    def secret(self, webhook: str) -> bytes:
        """Return the secret that an address checks signatures with; derived, not kept."""
        key = self._desk.reader.portal_key()
        return hmac.new(key, b"byleave webhook v1\x00" + webhook.encode(), "sha256").digest()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self.tell()
            await asyncio.sleep(_EVERY)

    async def tell(self) -> int:
        """Tell each address what is due; return how many messages were taken."""
        now = to_us(self._desk.now())
        due = [hook for hook in self._desk.file.webhooks() if hook.next_us <= now]
        return sum([await self._tell(hook) for hook in due])

    async def _tell(self, hook: Webhook) -> int:
        ledger = self._desk.read.ledger
        last = ledger.size() - 1
        if hook.after >= last:
            return 0
        found = self._desk.reader.consent.noes(after=hook.after, limit=_AT_ONCE)
        for taken, event in enumerate(found):
            index = int(event["index"])
            why = await self._try(hook, index, event)
            if why is not None:
                self._not_taken(hook, index, why, tries=hook.tries if taken == 0 else 0)
                return taken
            self._desk.file.told(hook.id, index)
        if len(found) < _AT_ONCE:  # what follows is no no
            seen = max(last, int(found[-1]["index"]) if found else last)
            self._desk.file.told(hook.id, seen)
        return len(found)

    def _not_taken(self, hook: Webhook, index: int, why: str, *, tries: int) -> None:
        now = self._desk.now()
        if tries + 1 >= TRIES:
            self._desk.file.told(hook.id, index, dead=(to_us(now), why))
            return
        wait = min(timedelta(seconds=2 ** (tries + 1)), _LONGEST)
        self._desk.file.failed(hook.id, next_us=to_us(now + wait))

    async def _try(self, hook: Webhook, index: int, event: dict[str, Any]) -> str | None:
        """Send one event; return why it was not taken, None where it was."""
        body = json.dumps({"type": "choice.no", "data": event}, ensure_ascii=False).encode()
        message = f"{hook.id}-{index}"
        timestamp = int(self._desk.now().timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed(self.secret(hook.id), message, timestamp, body),
        }
        loop = asyncio.get_running_loop()
        try:
            status = await loop.run_in_executor(None, self._send, hook.url, headers, body)
        except OSError as error:
            return f"no answer ({type(error).__name__})"
        return None if 200 <= status < 300 else f"answered {status}"
