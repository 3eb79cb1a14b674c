"""The public report, and the summaries that are made when somebody asks for them."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from byleave.pages import transparency as pages
from byleave.pages.view import read
from byleave.portal.access import ANYONE, Routes
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.language import language_of
from byleave.portal.problem import ProblemError
from byleave.wiring import Workspace

__all__ = ["add_transparency"]

_MINUTE: Final = 60
_MEDIA: Final = {".json": "application/json", ".md": "text/markdown; charset=utf-8"}


def add_transparency(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    made: dict[tuple[str, int], str] = {}
    facing = Facing(desk, demo=demo, base=base)
    counted: list[tuple[tuple[int, int], pages.Report]] = []

    def report(ws: Workspace) -> pages.Report:
        """Count once for each state of the ledger and each minute: anybody may ask."""
        stand = (ws.ledger.size(), int(ws.now().timestamp()) // _MINUTE)
        for known, view in counted:
            if known == stand:
                return view
        view = read(pages.Report, ws.faces.transparency(), where="transparency")
        counted[:] = [(stand, view)]
        return view

    async def page(request: Request) -> HTMLResponse:
        faced = await facing.read(report)
        return HTMLResponse(pages.page(*faced, base=base, language=language_of(request)))

    async def page_json() -> JSONResponse:
        return await facing.twin("transparency", report)

    async def summary(kind: str) -> Response:
        """Make one summary of the newest release in service, once for each state of the log."""
        name, dot, ending = kind.rpartition(".")
        view, form = await desk.aside.read(report), dot + ending
        known = {item.kind: item.forms for item in view.summaries}
        if form not in known.get(name, ()) or not view.models:
            raise ProblemError(404, "api.not-found", "There is no such summary.")
        stand = (kind, view.checkpoint.size)
        if stand not in made:
            for old in [key for key in made if key[1] != view.checkpoint.size]:
                del made[old]
            made[stand] = await desk.aside.read(lambda ws: ws.summary.make(name, form=form))
        text = made[stand]
        return Response(
            text,
            media_type=_MEDIA.get(form, "text/plain; charset=utf-8"),
            headers={"content-disposition": f'attachment; filename="{kind}"'},
        )

    routes.add("GET", "/transparency.json", ANYONE, page_json, summary="The report, as JSON")
    routes.add("GET", "/transparency/{kind}", ANYONE, summary, summary="A summary of the data")
    routes.add("GET", "/transparency", ANYONE, page, summary="The public report")
