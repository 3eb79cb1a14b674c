"""What stands before every answer: security headers, the host check, HEAD, faults.

A plain ASGI wrapper inside the server's own error page, which would not carry the headers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["HEADERS", "LOOPBACK", "Guard"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)

HEADERS: Final = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
            b"base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), browsing-topics=()"),
)
"""Sent with everything. There is no script, so none is allowed.

With `no-referrer` a browser would hide a form's origin from us as well (Fetch § 3.2, `Origin`).
"""

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Guard:
    """Wraps an application.

    Args:
        application: What it wraps.
        private: Prefixes of paths that nothing may store.
        fault: Makes the answer to a request that failed here.
        hosts: Host names answered to; None: any. A demo on loopback answers to loopback only,
            so that a page elsewhere cannot reach it through a name that points here.
    """

    def __init__(
        self,
        application: Application,
        *,
        private: tuple[str, ...],
        fault: Callable[[Scope], Application],
        hosts: frozenset[str] | None,
    ) -> None:
        self._fault = fault
        self._application = application
        self._private = private
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        private = scope["path"].startswith(self._private)
        head = scope["method"] == "HEAD"

        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                own = list(HEADERS)
                if private:
                    own.append((b"cache-control", b"no-store"))
                names = {name for name, _ in own}
                kept = [(n, v) for n, v in message["headers"] if n.lower() not in names]
                message = {**message, "headers": kept + own}
            elif head:
                message = {**message, "body": b""}
            await send(message)

        if self._hosts is not None and _host(scope) not in self._hosts:
            await _refuse(guarded)
            return
        try:
            await self._application({**scope, "method": "GET"} if head else scope, receive, guarded)
        except Exception:
            _LOG.exception("a page could not be written")
            if started:
                raise
            await self._fault(scope)(scope, receive, guarded)


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            try:
                return urlsplit("//" + value.decode("latin-1")).hostname or ""
            except ValueError:
                return ""
    return ""


async def _refuse(send: Send) -> None:
    body = b"This site only answers to the machine it is on.\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})
