"""In which language a page is written: as the reader chose, else as the browser asks, else English.

The switch on each page is a link, `?lang=de`; it works without a script. What was chosen is kept in
a cookie for a year, and in nothing else: no ledger knows who reads what.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fastapi import Request

from byleave.pages.catalogue import CATALOGUES

__all__ = ["COOKIE", "Tongues", "language_of", "notice_language_of"]

COOKIE: Final = "byleave-language"
_DEFAULT: Final = "en"
_YEAR: Final = 365 * 24 * 3600
_LONGEST: Final = 35

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def language_of(request: Request) -> str:
    """Return the language of our own sentences: one that has a catalogue."""
    chosen = _chosen(request)
    if chosen is not None:
        return chosen
    for tag in _asked(request):
        known = tag.partition("-")[0].lower()
        if known in CATALOGUES:
            return known
    return _DEFAULT


def notice_language_of(request: Request) -> str:
    """Return the language that a notice is wanted in: any, for the operator may have more of them."""
    return _chosen(request) or next(iter(_asked(request)), _DEFAULT)


class Tongues:
    """Wraps an application: keeps a choice of language, and says what a page depends on.

    Args:
        application: What it wraps.
        secure: Whether the cookie is for https alone.
    """

    def __init__(self, application: Application, *, secure: bool) -> None:
        self._application = application
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(("/api/", "/static/")):
            await self._application(scope, receive, send)
            return
        request = Request(scope)
        picked = request.query_params.get("lang", "")

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                own = [
                    (b"content-language", language_of(request).encode("ascii")),
                    (b"vary", b"Accept-Language, Cookie"),
                ]
                if picked in CATALOGUES:
                    own.append((b"set-cookie", self._cookie(picked)))
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        await self._application(scope, receive, told)

    def _cookie(self, language: str) -> bytes:
        secure = "; Secure" if self._secure else ""
        return (
            f"{COOKIE}={language}; Max-Age={_YEAR}; Path=/; HttpOnly; SameSite=Lax{secure}"
        ).encode("ascii")


def _is_page(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in message["headers"]
    )


def _chosen(request: Request) -> str | None:
    for tag in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if tag in CATALOGUES:
            return tag
    return None


def _asked(request: Request) -> list[str]:
    """Return the languages that a browser asks for, the one it likes best first (RFC 9110 § 12.5.4)."""
    wanted = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        tag, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        if tag and tag != "*" and len(tag) <= _LONGEST and weight > 0:
            wanted.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(wanted)]


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
