"""Signing in by a one-time link, and out.

Opening a link shows a page with one button: programs that look at links before people do use
nothing up. The button uses the link up and starts a session.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from byleave.pages import html
from byleave.portal.access import ANYONE, PEOPLE, Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.language import language_of
from byleave.portal.whom import whom_of

__all__ = ["add_sign_in", "home"]

_HOMES: Final = {
    Role.MEMBER: "/me",
    Role.OPERATOR: "/house",
    Role.AUDITOR: "/audit",
    Role.RECIPIENT: "/recipient",
}


def home(routes: Routes, role: Role) -> str:
    """Return the page that a role begins at; the first page where it has none of its own."""
    own = _HOMES.get(role, "/")
    return own if ("GET", own) in routes.table else "/"


_PAGES = {"settings": "/me/settings"}
_QUESTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


def _page(to: str, notice: str) -> str | None:
    """Return where a member's link may lead instead of their first page.

    Of an address nothing is taken but the name of a question, which has neither slash nor colon.
    """
    if to == "ask" and _QUESTION.fullmatch(notice):
        return f"/me/ask/{notice}"
    return _PAGES.get(to)


def add_sign_in(routes: Routes, desk: Desk, *, base: str) -> None:
    """Add the routes."""

    def used(request: Request) -> HTMLResponse:
        page = html.message_page(
            "used", base=base, language=language_of(request), whom=whom_of(request)
        )
        return HTMLResponse(page, status_code=410)

    async def offer(request: Request, secret: str, to: str = "", notice: str = "") -> HTMLResponse:
        if not desk.callers.link_is_good(secret):
            return used(request)
        kept = ""
        if _page(to, notice) is not None:
            kept = f"to={to}" + (f"&notice={notice}" if to == "ask" else "")
        page = html.sign_in_page(
            base=base,
            secret=secret,
            kept=kept,
            whom=whom_of(request),
            language=language_of(request),
        )
        return HTMLResponse(page)

    async def enter(request: Request, secret: str, to: str = "", notice: str = "") -> Response:
        answer = RedirectResponse(base + "/", status_code=303)
        caller = desk.callers.sign_in(secret, answer, before=request)
        if caller is None:
            return used(request)
        await routes.signed_in(request, caller)
        page = _page(to, notice) if caller.role is Role.MEMBER else None
        answer.headers["location"] = base + (page or home(routes, caller.role))
        return answer

    async def leave(request: Request) -> Response:
        form = await form_of(request)
        desk.callers.check_form(caller_of(request), form.get("form", ""))
        last = "/" if desk.provider is None else "/signed-out"
        answer = RedirectResponse(base + last, status_code=303)
        desk.callers.sign_out(request, answer)
        return answer

    routes.add("GET", "/in/{secret}", ANYONE, offer, summary="A one-time sign-in link")
    routes.add("POST", "/in/{secret}", ANYONE, enter, summary="Sign in with it")
    routes.add("POST", "/out", Access(PEOPLE), leave, summary="Sign out")
