"""`Sec-GPC` of members who come by a session or a link, and what this site says of itself about it.

Whatever way a member comes in (a session, the request that starts one, a read-only link `/m/…`), each
request of their browser carries the header or does not; the ledger is asked once a day
for each, and written to where the rule of `service/browser_signal.py` says so. Nothing is refused
because the signal could not be recorded: it comes again with the next request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse

from byleave.errors import ByleaveError, InputError
from byleave.portal.access import ANYONE, Access, Caller, Role, Routes
from byleave.portal.desk import Desk

__all__ = ["BrowserSignals", "add_gpc"]

_LOG: Final = logging.getLogger(__name__)
_SINCE: Final = "2026-11-22"
_MOST: Final = 100_000


class BrowserSignals:
    """Takes note of members' browsers.

    Args:
        desk: Where they are recorded.
        whose: Returns the ordinal of the member whose read-only link holds this token; None: the
            token is not good now.
    """

    def __init__(self, desk: Desk, whose: Callable[[str], int | None]) -> None:
        self._desk = desk
        self._whose = whose
        self._seen: set[int] = set()
        self._day: date | None = None

    async def note(self, request: Request, caller: Caller, access: Access) -> None:
        """Record the signal of a member's request, unless that was done."""
        if "1" not in request.headers.getlist("sec-gpc") or self._desk.writer is None:
            return
        ordinal = self._member(request, caller, access)
        if ordinal is None:
            return
        today = self._desk.now().date()
        if today != self._day or len(self._seen) >= _MOST:
            self._seen, self._day = set(), today
        if ordinal in self._seen:
            return
        try:
            member = self._desk.read.member.by_ordinal(ordinal)
        except InputError:  # erased since
            return
        try:
            if self._desk.read.consent.browser_signal_due(member):
                await self._desk.write.act(lambda ws: ws.consent.browser_signal(member))
        except ByleaveError as error:
            _LOG.warning("a browser's signal could not be recorded: %s", error.code)
            return
        self._seen.add(ordinal)

    def _member(self, request: Request, caller: Caller, access: Access) -> int | None:
        """Return whose browser this is; None: no member's."""
        if caller.role is Role.MEMBER:
            return caller.ordinal
        if not access.link:
            return None
        return self._whose(str(request.path_params.get("token", "")))


def add_gpc(routes: Routes, desk: Desk) -> None:
    """Add what a site that abides by the signal says of itself (GPC, W3C draft, § 3.3)."""

    async def support() -> JSONResponse:
        return JSONResponse({"gpc": desk.writer is not None, "lastUpdate": _SINCE})

    routes.add(
        "GET", "/.well-known/gpc.json", ANYONE, support, summary="This site abides by Sec-GPC"
    )
