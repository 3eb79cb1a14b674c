"""The page of one question that a platform asks a member at the moment of use.

It is asked here while it may be, and for a day after the platform was told that it may (the page is
what it shows then); "not now" ends that at once. Opening the page remembers nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.pages.asking import ContextAsk, ask_page
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.language import language_of, notice_language_of
from byleave.portal.member_desk import MemberDesk
from byleave.portal.twin import twin
from byleave.service.asking import Asking
from byleave.wiring.asking import ContextAsks

__all__ = ["add_me_ask"]

_OPEN: Final = timedelta(days=1)


class _Me(MemberDesk):
    async def view(self, request: Request, question: str, *, token: bool) -> ContextAsk:
        desk, who, language = self.desk, self.member(request), notice_language_of(request)
        asks = ContextAsks(desk.read, desk.file)
        found = asks.may(who, asks.question(notice=question), language=language)
        shown = self._is_shown(found)
        facts: dict[str, Any] = await desk.aside.read(
            lambda ws: ws.consent.context_question(who, found, shown=shown, token=token)
        )
        return read(ContextAsk, facts, where="ask")

    def _is_shown(self, found: Asking) -> bool:
        before = found.put_off
        if found.ask or before is None or found.because != "put-off":
            return found.ask
        return not before.said and self.desk.now() - before.at < _OPEN


def add_me_ask(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    me, own = _Me(desk, demo=demo, base=base), Access.of(Role.MEMBER)

    async def page(request: Request, question: str) -> HTMLResponse:
        view = await me.view(request, question, token=True)
        form, language = me.form(request), language_of(request)
        return HTMLResponse(
            ask_page(me.frame(request, view), view, base=base, form=form, language=language)
        )

    async def page_json(request: Request, question: str) -> JSONResponse:
        view = await me.view(request, question, token=False)
        return twin("ask", me.frame(request, view), view)

    async def not_now(request: Request, question: str) -> Response:
        fields = await form_of(request)
        desk.callers.check_form(caller_of(request), fields.get("form", ""))
        asks, language = ContextAsks(desk.read, desk.file), notice_language_of(request)
        name = asks.question(notice=question)
        asks.not_now(me.member(request), name, language=language)
        return RedirectResponse(f"{me.own}/ask/{name}", status_code=303)

    routes.add(
        "GET", "/me/ask/{question}.json", own, page_json,
        summary="One question in context, as JSON",
    )  # fmt: skip
    routes.add("GET", "/me/ask/{question}", own, page, summary="One question, asked in context")
    routes.add("POST", "/me/ask/{question}/not-now", own, not_now, summary="Not now: no answer")
