"""Checking a proof in the browser: the one page with scripts, and what it hands out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from byleave.pages import check
from byleave.pages.explorer import EXPLORER_NAME, explorer
from byleave.pages.view import Frame
from byleave.portal.access import ANYONE, Routes
from byleave.portal.language import language_of
from byleave.portal.twin import twin

__all__ = ["add_check"]

_KEPT: Final = "public, max-age=31536000, immutable"


def add_check(routes: Routes, frame: Callable[[], Awaitable[Frame]], *, base: str) -> None:
    """Add the routes.

    Args:
        routes: The table.
        frame: Makes what stands around the page.
        base: Prefix of every address.
    """

    async def page(request: Request) -> str:
        return check.page(await frame(), base=base, language=language_of(request))

    async def page_json() -> JSONResponse:
        return twin("check", await frame(), check.checker())

    async def part(name: str) -> Response:
        if name in (check.SAVED_NAME, EXPLORER_NAME):
            return Response(
                check.saved() if name == check.SAVED_NAME else explorer(),
                media_type="text/html; charset=utf-8",
                headers={"content-disposition": f'attachment; filename="{name}"'},
            )
        code = check.scripts().get(name)
        if code is None:
            raise HTTPException(404)
        return Response(code, media_type="text/javascript", headers={"cache-control": _KEPT})

    routes.add("GET", "/check.json", ANYONE, page_json, summary="The checking page, as JSON")
    routes.add("GET", "/check/{name}", ANYONE, part, include_in_schema=False)
    routes.add(
        "GET",
        "/check",
        ANYONE,
        page,
        response_class=HTMLResponse,
        summary="Check a proof in the browser",
    )
