"""The operator's pages: what is due, what was done, and a logged look at one member's data."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from byleave.pages import house, html
from byleave.pages.view import Frame, MemberAnswer, framed, read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.twin import twin

__all__ = ["add_house"]


def add_house(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes of the operator's people."""
    own = Access.of(Role.OPERATOR)

    def frame(view: house.Console | MemberAnswer) -> Frame:
        return framed(desk.reader.public.frame(), demo=demo, view=view)

    def console() -> house.Console:
        return read(house.Console, desk.read.public.console(), where="console")

    async def overview(request: Request) -> HTMLResponse:
        view = console()
        form = caller_of(request).form or ""
        return HTMLResponse(house.page(frame(view), view, base=base, form=form))

    async def overview_json() -> JSONResponse:
        view = console()
        return twin("house", frame(view), view)

    async def look(request: Request) -> Response:
        """Show one member's page, after the look was logged with its reason."""
        caller = caller_of(request)
        fields = await form_of(request)
        desk.callers.check_form(caller, fields.get("form", ""))
        member, why = fields.get("member", ""), fields.get("why", "")
        index = await desk.write.act(lambda ws: ws.member.look(member, who=caller.subject, why=why))
        view = await desk.aside.read(
            lambda ws: read(MemberAnswer, ws.member.answer(member), where="member")
        )
        return HTMLResponse(html.member_page(frame(view), view, base=base, own=None, look=index))

    routes.add("GET", "/house.json", own, overview_json, summary="The operator's overview, as JSON")
    routes.add("GET", "/house", own, overview, summary="The operator's overview")
    routes.add("POST", "/house/look", own, look, summary="Look at one member's data; logged")
