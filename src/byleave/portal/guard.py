"""What stands before every answer: security headers, the host check, sizes, HEAD, faults.

A plain ASGI wrapper inside the server's own error page, which would not carry the headers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from byleave.portal.problem import PROBLEM, problem

__all__ = ["HEADERS", "LOOPBACK", "MOST_BYTES", "MOST_ROWS_BYTES", "Guard"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)

_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors "
)
HEADERS: Final = (
    (b"content-security-policy", _POLICY + b"'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), browsing-topics=()"),
)
"""Sent with everything but a page with a policy of its own. There is no script: none is allowed.

With `no-referrer` a browser would hide a form's origin from us as well (Fetch § 3.2, `Origin`).
"""

MOST_BYTES: Final = 4 << 20
"""The longest body of a request."""
MOST_LETTER_BYTES: Final = 16 << 20
"""The longest letter of a recipient: an answer holds the proof of all rows deleted."""

MOST_ROWS_BYTES: Final = 1 << 30
"""The longest file of rows; a source has as many files as it needs."""

_API: Final = "/api/"
_LETTERS: Final = "/api/v1/packages/"
_ROWS: Final = "/api/v1/uploads"

_TOO_MUCH: Final = (
    b"This is too much at once; send at most 4 MiB (a letter: 16 MiB, a file of rows: 1 GiB).\n"
)

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class _TooMuchError(Exception):
    """A body is longer than is taken."""


class _Body:
    """The body of a request, as far as it is taken.

    Args:
        receive: Where it comes from.
        most: How long it may be.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self.most = most
        self._taken = 0

    @property
    def too_much(self) -> bool:
        """Say whether more came than is taken."""
        return self._taken > self.most

    async def receive(self) -> Message:
        """Take the next part.

        Raises:
            _TooMuchError: It is too much.
        """
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self.too_much:
            raise _TooMuchError
        return message


class Guard:
    """Wraps an application.

    Args:
        application: What it wraps.
        private: Says of a path that nothing may store what stands there.
        fault: Makes the answer to a request that failed here.
        framed: Beginnings of paths, with a slash at the end, of what `embed_in` may show in a
            frame; nobody may any other.
        embed_in: Origins, as `frame-ancestors` names them.
        own_policy: Paths whose pages have a Content-Security-Policy of their own, and which.
        hosts: Host names answered to; None: any. A demo on loopback answers to loopback only,
            so that a page elsewhere cannot reach it through a name that points here.
        secure: Whether it is reached over https; browsers are then told to come so for a year.
        rates: `RateLimit-Policy` of the API.
    """

    def __init__(
        self,
        application: Application,
        *,
        private: Callable[[str], bool],
        fault: Callable[[Scope], Application],
        hosts: frozenset[str] | None,
        framed: tuple[str, ...] = (),
        embed_in: tuple[str, ...] = (),
        own_policy: Mapping[str, str] = MappingProxyType({}),
        secure: bool = False,
        rates: str = "",
    ) -> None:
        self._rates = ((b"ratelimit-policy", rates.encode("ascii")),) if rates else ()
        self._secure = ((b"strict-transport-security", b"max-age=31536000"),) if secure else ()
        self._own_policy = {
            path: ((b"content-security-policy", policy.encode("ascii")), *HEADERS[1:])
            for path, policy in own_policy.items()
        }
        self._framed = framed if embed_in else ()
        embedded = _POLICY + " ".join(embed_in).encode("ascii")
        self._embedded = ((b"content-security-policy", embedded), *HEADERS[1:])
        self._fault = fault
        self._application = application
        self._private = private
        self._hosts = hosts

    def _headers(self, path: str) -> list[tuple[bytes, bytes]]:
        """Return what every answer of an address carries."""
        framed = f"{path}/".startswith(self._framed)
        own = list(self._embedded if framed else self._own_policy.get(path, HEADERS))
        rates = self._rates if path.startswith(_API) else ()
        return [*own, *self._secure, *rates]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path = scope["path"]
        private = self._private(path)
        head = scope["method"] == "HEAD"

        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                own = self._headers(path)
                if private:
                    own.append((b"cache-control", b"no-store"))
                names = {name for name, _ in own}
                kept = [(n, v) for n, v in message["headers"] if n.lower() not in names]
                message = {**message, "headers": kept + own}
            elif head:
                message = {**message, "body": b""}
            await send(message)

        body = _Body(receive, _most(path))

        async def unless_too_much(message: Message) -> None:
            """Send, unless this is what the application made of a body that is too long."""
            if started or not body.too_much:
                await guarded(message)

        if self._hosts is not None and _host(scope) not in self._hosts:
            await _say(guarded, 421, b"This site only answers to the machine it is on.\n")
            return
        if _length(scope, body.most) > body.most:
            await _too_much(guarded, path)
            return
        asked = {**scope, "method": "GET"} if head else scope
        try:
            await self._application(asked, body.receive, unless_too_much)
            if not started:
                await _too_much(guarded, path)
        except _TooMuchError:
            if started:
                raise
            await _too_much(guarded, path)
        except Exception:
            _LOG.exception("a page could not be written")
            if started:
                raise
            await self._fault(scope)(scope, receive, guarded)


def _most(path: str) -> int:
    """Return how long the body of a request to a path may be."""
    if path == _ROWS:
        return MOST_ROWS_BYTES
    return MOST_LETTER_BYTES if path.startswith(_LETTERS) else MOST_BYTES


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            try:
                return urlsplit("//" + value.decode("latin-1")).hostname or ""
            except ValueError:
                return ""
    return ""


def _length(scope: Scope, most: int) -> int:
    """Return the length of the body that a request announces; 0: it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else most + 1
    return 0


async def _too_much(send: Send, path: str) -> None:
    if not path.startswith(_API):
        await _say(send, 413, _TOO_MUCH)
        return
    answer = problem(413, "api.too-large", _TOO_MUCH.decode().strip())
    await _say(send, 413, bytes(answer.body), kind=PROBLEM.encode())


async def _say(
    send: Send, status: int, body: bytes, *, kind: bytes = b"text/plain; charset=utf-8"
) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
