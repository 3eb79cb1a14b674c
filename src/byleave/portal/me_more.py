"""A signed-in member's further pages: messages, texts, questions, rights, export, erasure."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from byleave.pages import leaving as leave_pages
from byleave.pages.changes import Changes, changes_page
from byleave.pages.leaving import Leaving
from byleave.pages.messages import MessageKinds, messages_page
from byleave.pages.questions import Questions, questions_page
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.language import language_of
from byleave.portal.member_desk import MemberDesk
from byleave.portal.problem import ProblemError
from byleave.portal.twin import twin
from byleave.portal.whom import whom_of
from byleave.service.erasure import Erased
from byleave.wiring import Workspace

__all__ = ["add_me_more", "zip_answer"]

_ASKED = frozenset({"access", "objection"})


class _Me(MemberDesk):
    """What these pages show."""

    async def messages(self, request: Request) -> MessageKinds:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(MessageKinds, ws.member.messages(who), where="messages")
        )

    async def changes(self, request: Request) -> Changes:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(Changes, ws.member.changes(who), where="changes")
        )

    async def questions(self, request: Request) -> Questions:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(Questions, ws.member.questions(who), where="questions")
        )

    async def leaving(self, request: Request) -> Leaving:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(Leaving, ws.member.leaving(who), where="leaving")
        )

    async def fields(self, request: Request) -> dict[str, str]:
        fields = await form_of(request)
        self.desk.callers.check_form(caller_of(request), fields.pop("form", ""))
        return fields


def add_me_more(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    me = _Me(desk, demo=demo, base=base)
    _reading(routes, me)
    _rights(routes, me)
    _erasing(routes, me)


def _reading(routes: Routes, me: _Me) -> None:
    own = Access.of(Role.MEMBER)

    async def messages(request: Request) -> HTMLResponse:
        view, language = await me.messages(request), language_of(request)
        frame = me.frame(request, view)
        return HTMLResponse(messages_page(frame, view, base=me.base, own=me.own, language=language))

    async def messages_json(request: Request) -> JSONResponse:
        view = await me.messages(request)
        return twin("messages", me.frame(request, view), view)

    async def changes(request: Request) -> HTMLResponse:
        view, language = await me.changes(request), language_of(request)
        frame = me.frame(request, view)
        return HTMLResponse(changes_page(frame, view, base=me.base, own=me.own, language=language))

    async def changes_json(request: Request) -> JSONResponse:
        view = await me.changes(request)
        return twin("changes", me.frame(request, view), view)

    async def questions(request: Request) -> HTMLResponse:
        view, language = await me.questions(request), language_of(request)
        frame = me.frame(request, view)
        return HTMLResponse(
            questions_page(frame, view, base=me.base, own=me.own, language=language)
        )

    async def questions_json(request: Request) -> JSONResponse:
        view = await me.questions(request)
        return twin("questions", me.frame(request, view), view)

    routes.add("GET", "/me/messages.json", own, messages_json, summary="My messages, as JSON")
    routes.add("GET", "/me/messages", own, messages, summary="May my messages train anything")
    routes.add("GET", "/me/changes.json", own, changes_json, summary="New texts, as JSON")
    routes.add("GET", "/me/changes", own, changes, summary="What new texts changed for me")
    routes.add("GET", "/me/questions.json", own, questions_json, summary="Questions, as JSON")
    routes.add("GET", "/me/questions", own, questions, summary="Questions, answered by the ledgers")


def _rights(routes: Routes, me: _Me) -> None:
    own = Access.of(Role.MEMBER)

    async def rights(request: Request) -> HTMLResponse:
        view = await me.leaving(request)
        page = leave_pages.rights_page(
            me.frame(request, view),
            view,
            base=me.base,
            own=me.own,
            form=me.form(request),
            language=language_of(request),
        )
        return HTMLResponse(page)

    async def rights_json(request: Request) -> JSONResponse:
        view = await me.leaving(request)
        return twin("requests", me.frame(request, view), view)

    async def ask(request: Request) -> Response:
        kind = (await me.fields(request)).get("kind", "")
        if kind not in _ASKED:
            raise ProblemError(400, "api.malformed", "There is no such request.")
        member = me.member(request)
        name = await me.desk.write.act(lambda ws: ws.requests.open(member, kind, channel="portal"))
        return RedirectResponse(f"{me.own}/requests#{name}", status_code=303)

    async def export(request: Request) -> StreamingResponse:
        who = me.member(request)
        return zip_answer(await me.desk.aside.stream(lambda ws: ws.member.export(who)))

    routes.add("GET", "/me/requests.json", own, rights_json, summary="My requests, as JSON")
    routes.add("GET", "/me/requests", own, rights, summary="My rights and requests")
    routes.add("POST", "/me/requests", own, ask, summary="Ask for something by right")
    routes.add("GET", "/me/export.zip", own, export, summary="Everything held about me")


def _erasing(routes: Routes, me: _Me) -> None:
    own, desk = Access.of(Role.MEMBER), me.desk

    async def page(request: Request, *, missed: bool) -> HTMLResponse:
        view = await me.leaving(request)
        text = leave_pages.erase_page(
            me.frame(request, view),
            view,
            base=me.base,
            own=me.own,
            form=me.form(request),
            missed=missed,
            language=language_of(request),
        )
        return HTMLResponse(text, status_code=400 if missed else 200)

    async def before(request: Request) -> HTMLResponse:
        return await page(request, missed=False)

    async def before_json(request: Request) -> JSONResponse:
        view = await me.leaving(request)
        return twin("erase", me.frame(request, view), view)

    async def erase(request: Request) -> Response:
        fields = await me.fields(request)
        if fields.get("sure") != "yes":
            return await page(request, missed=True)
        member = me.member(request)
        done = await desk.write.act(lambda ws: _erase(ws, member))
        if isinstance(done, str):
            return RedirectResponse(f"{me.own}/requests#{done}", status_code=303)
        answer = HTMLResponse(
            leave_pages.erased_page(
                base=me.base,
                erasure=done.erasure,
                index=done.index,
                records=done.records,
                openings=done.openings,
                whom=whom_of(request),
                language=language_of(request),
            )
        )
        desk.callers.sign_out(request, answer)
        return answer

    routes.add("GET", "/me/erase.json", own, before_json, summary="What erasing takes, as JSON")
    routes.add("GET", "/me/erase", own, before, summary="What goes and what stays")
    routes.add("POST", "/me/erase", own, erase, summary="Erase me")


def _erase(workspace: Workspace, member: str) -> Erased | str:
    """Say no to everything, note the request, and erase where nothing current stands in the way.

    Returns what was erased, else the id of the request that waits.
    """
    events = workspace.consent.stop_everything(member)
    if events:
        workspace.consent.record(events)
    request = workspace.requests.open(member, "erasure", channel="portal")
    if workspace.member.standing(member):
        return request
    return workspace.member.erase([member])


def zip_answer(parts: AsyncIterator[bytes]) -> StreamingResponse:
    """Stream a zip file as its parts come."""
    return StreamingResponse(
        parts,
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="everything.zip"'},
    )
