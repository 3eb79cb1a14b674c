"""The operator's pages: what is due, what was done, and a logged look at one member's data."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from byleave.pages import house, html
from byleave.pages.view import MemberAnswer, read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.form import form_of
from byleave.wiring import Workspace

__all__ = ["add_house"]


def add_house(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes of the operator's people."""
    own = Access.of(Role.OPERATOR)

    facing = Facing(desk, demo=demo, base=base)

    def console(ws: Workspace) -> house.Console:
        return read(house.Console, ws.public.console(), where="console")

    async def overview(request: Request) -> HTMLResponse:
        form = caller_of(request).form or ""
        return HTMLResponse(house.page(*await facing.read(console), base=base, form=form))

    async def overview_json() -> JSONResponse:
        return await facing.twin("house", console)

    async def look(request: Request) -> Response:
        """Show one member's page, after the look was logged with its reason."""
        caller = caller_of(request)
        fields = await form_of(request)
        desk.callers.check_form(caller, fields.get("form", ""))
        member, why = fields.get("member", ""), fields.get("why", "")
        index = await desk.write.act(lambda ws: ws.member.look(member, who=caller.subject, why=why))
        faced = await facing.read(
            lambda ws: read(MemberAnswer, ws.member.answer(member), where="member")
        )
        return HTMLResponse(html.member_page(*faced, base=base, own=None, look=index))

    routes.add("GET", "/house.json", own, overview_json, summary="The operator's overview, as JSON")
    routes.add("GET", "/house", own, overview, summary="The operator's overview")
    routes.add("POST", "/house/look", own, look, summary="Look at one member's data; logged")
