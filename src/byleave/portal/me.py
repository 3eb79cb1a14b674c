"""The signed-in member's pages: what they are asked, what they said, where their data went."""

from __future__ import annotations

from typing import Annotated

from fastapi import HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.pages import html
from byleave.pages import receipt as receipts
from byleave.pages.receipt import ReceiptView
from byleave.pages.settings import ChoiceRecord, Settings, record_page, settings_page
from byleave.pages.view import MemberAnswer, read
from byleave.policy.scope import Scope
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.language import language_of, notice_language_of
from byleave.portal.member_desk import MemberDesk
from byleave.portal.problem import ProblemError
from byleave.portal.twin import twin

__all__ = ["add_me"]

_ANSWERS = {"yes": True, "no": False}


class _Me(MemberDesk):
    """What these pages show."""

    async def settings(self, request: Request, *, tokens: bool) -> Settings:
        who, language = self.member(request), notice_language_of(request)
        return await self.desk.aside.read(
            lambda ws: read(
                Settings,
                ws.consent.settings(who, language=language, tokens=tokens),
                where="settings",
            )
        )

    async def answer(self, request: Request) -> MemberAnswer:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(MemberAnswer, ws.member.answer(who), where="member")
        )

    async def receipt(self, request: Request) -> ReceiptView:
        who = self.member(request)
        return await self.desk.aside.read(
            lambda ws: read(ReceiptView, ws.member.receipt_page(who), where="receipt")
        )

    def record(self, request: Request, index: int) -> ChoiceRecord:
        facts = self.desk.read.consent.choice(self.member(request), index)
        return read(ChoiceRecord, facts, where="choice")


def add_me(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes of a signed-in member."""
    me = _Me(desk, demo=demo, base=base)
    _reading(routes, me)
    _saying(routes, me)


def _reading(routes: Routes, me: _Me) -> None:
    own, base = Access.of(Role.MEMBER), me.base

    async def home(
        request: Request, until: Annotated[int | None, Query(ge=1)] = None
    ) -> HTMLResponse:
        view = await me.answer(request)
        page = html.member_page(
            me.frame(request, view),
            view,
            base=base,
            own=f"{base}/me",
            until=until,
            settings=f"{base}/me/settings",
            log=f"{base}/log",
            language=language_of(request),
        )
        return HTMLResponse(page)

    async def home_json(request: Request) -> JSONResponse:
        view = await me.answer(request)
        return twin("member", me.frame(request, view), view)

    async def ask(request: Request) -> HTMLResponse:
        view = await me.settings(request, tokens=True)
        form, language = me.form(request), language_of(request)
        return HTMLResponse(
            settings_page(me.frame(request, view), view, base=base, form=form, language=language)
        )

    async def ask_json(request: Request) -> JSONResponse:
        view = await me.settings(request, tokens=False)
        return twin("settings", me.frame(request, view), view)

    async def record(request: Request, index: int) -> HTMLResponse:
        view = me.record(request, index)
        form, language = me.form(request), language_of(request)
        return HTMLResponse(
            record_page(me.frame(request, view), view, base=base, form=form, language=language)
        )

    async def record_json(request: Request, index: int) -> JSONResponse:
        view = me.record(request, index)
        return twin("choice", me.frame(request, view), view)

    async def receipt(request: Request) -> HTMLResponse:
        view = await me.receipt(request)
        own, language = f"{base}/me", language_of(request)
        return HTMLResponse(
            receipts.receipt_page(
                me.frame(request, view),
                view,
                base=base,
                own=own,
                private=f"{own}/my.receipt",
                language=language,
            )
        )

    async def receipt_json(request: Request) -> JSONResponse:
        view = await me.receipt(request)
        return twin("receipt", me.frame(request, view), view)

    async def receipt_jsonld(request: Request) -> Response:
        who = me.member(request)
        return Response(
            await me.desk.aside.read(lambda ws: ws.member.standard_receipt(who)),
            media_type="application/ld+json",
            headers={"content-disposition": 'attachment; filename="receipt.jsonld"'},
        )

    async def private(request: Request) -> Response:
        return Response(
            me.desk.read.member.receipt(me.member(request)),
            media_type="application/octet-stream",
            headers={"content-disposition": 'attachment; filename="my.receipt"'},
        )

    async def proof(request: Request, name: str) -> Response:
        number = name.removeprefix("event-")
        own_event = number.isdecimal() and name != number
        if own_event:
            me.record(request, int(number))  # refuses another member's
        elif name not in html.proofs_of(await me.answer(request)):
            raise HTTPException(404)
        return Response(
            await me.desk.aside.read(lambda ws: ws.proof.bytes(name)),
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{name}.proof"'},
        )

    routes.add("GET", "/me.json", own, home_json, summary="Where did my data go, as JSON")
    routes.add("GET", "/me", own, home, summary="Where did my data go")
    routes.add("GET", "/me/settings.json", own, ask_json, summary="What I am asked, as JSON")
    routes.add("GET", "/me/settings", own, ask, summary="What I am asked")
    routes.add("GET", "/me/choices/{index}.json", own, record_json, summary="One choice, as JSON")
    routes.add("GET", "/me/choices/{index}", own, record, summary="The record of one choice")
    routes.add("GET", "/me/receipt.jsonld", own, receipt_jsonld, summary="My receipt, as JSON-LD")
    routes.add("GET", "/me/receipt.json", own, receipt_json, summary="My receipt, as JSON")
    routes.add("GET", "/me/receipt", own, receipt, summary="My receipt")
    routes.add("GET", "/me/my.receipt", own, private, summary="My private receipt, with my secret")
    routes.add("GET", "/me/proofs/{name}.proof", own, proof, summary="A proof about me")


def _saying(routes: Routes, me: _Me) -> None:
    own, base, desk = Access.of(Role.MEMBER), me.base, me.desk

    async def form_fields(request: Request) -> dict[str, str]:
        fields = await form_of(request)
        desk.callers.check_form(caller_of(request), fields.pop("form", ""))
        return fields

    async def save(request: Request, notice: str) -> Response:
        fields = await form_fields(request)
        past = fields.pop("past", "now")
        token = fields.pop("token", "")
        asks = desk.read.consent.asks(notice)
        said = _said(fields, asks)
        if past not in {"now", "before"}:
            raise ProblemError(400, "api.malformed", "There is no such answer.")
        events = desk.reader.consent.answers(
            me.member(request), notice, said, includes_past=past == "before", token=token
        )
        if not events:
            return RedirectResponse(f"{base}/me/settings", status_code=303)
        indexes = await desk.write.choose(events)
        return RedirectResponse(f"{base}/me/choices/{indexes[-1]}", status_code=303)

    async def stop(request: Request) -> Response:
        await form_fields(request)
        events = desk.read.consent.stop_everything(me.member(request))
        if events:
            await desk.write.choose(events)
        return RedirectResponse(f"{base}/me/settings", status_code=303)

    routes.add("POST", "/me/settings/{notice}", own, save, summary="Save my answer")
    routes.add("POST", "/me/stop", own, stop, summary="Say no to everything")


def _said(fields: dict[str, str], asks: tuple[Scope, ...]) -> dict[Scope, bool]:
    """Return what a form says to each line; a line without an answer is left as it is.

    Raises:
        ProblemError: 400 `api.malformed`.
    """
    said = {}
    for name, value in fields.items():
        number = name.removeprefix("row-")
        if value not in _ANSWERS or not number.isdecimal() or not 1 <= int(number) <= len(asks):
            raise ProblemError(400, "api.malformed", "There is no such question or answer.")
        said[asks[int(number) - 1]] = _ANSWERS[value]
    return said
