"""The operator's lists: requests, what was done, withdrawals, rules; state is in the address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.pages import house_lists as pages
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.form import form_of
from byleave.portal.page import from_, instant_of, to_
from byleave.portal.problem import ProblemError
from byleave.wiring import Workspace

__all__ = ["add_house_lists"]

_Show = Literal["open", "all"]
Kind = Annotated[str | None, Query(max_length=32)]
Before = Annotated[int | None, Query(ge=0, le=2**53)]


class _Lists(Facing):
    """What the operator's lists share."""

    async def fields(self, request: Request) -> dict[str, str]:
        fields = await form_of(request)
        self.desk.callers.check_form(caller_of(request), fields.get("form", ""))
        return fields


def add_house_lists(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the operator's lists."""
    lists = _Lists(desk, demo=demo, base=base, of="house-")
    _requests(routes, lists)
    _trail(routes, lists)
    _others(routes, lists)


def _requests(routes: Routes, lists: _Lists) -> None:
    own, desk, base = Access.of(Role.OPERATOR), lists.desk, lists.base

    def found(show: _Show, kind: str | None) -> Callable[[Workspace], pages.Requests]:
        return lambda ws: read(
            pages.Requests, ws.acts.requests(show=show, kind=kind or None), where="requests"
        )

    async def requests(request: Request, show: _Show = "open", kind: Kind = None) -> HTMLResponse:
        form = caller_of(request).form or ""
        faced = await lists.read(found(show, kind))
        return HTMLResponse(pages.requests_page(*faced, base=base, form=form))

    async def requests_json(show: _Show = "open", kind: Kind = None) -> JSONResponse:
        return await lists.twin("requests", found(show, kind))

    async def close(request: Request, name: str) -> Response:
        fields, who = await lists.fields(request), caller_of(request).subject
        outcome, why = fields.get("outcome", ""), fields.get("why", "")
        await desk.write.act(
            lambda ws: ws.acts.close_request(name, outcome=outcome, who=who, why=why)
        )
        return RedirectResponse(f"{base}/house/requests?show=all", status_code=303)

    async def extend(request: Request, name: str) -> Response:
        fields, who = await lists.fields(request), caller_of(request).subject
        until, why = _day(fields.get("until", "")), fields.get("why", "")
        await desk.write.act(lambda ws: ws.acts.extend_request(name, who=who, why=why, until=until))
        return RedirectResponse(f"{base}/house/requests", status_code=303)

    summary = "Requests of members, by when they are due"
    routes.add("GET", "/house/requests.json", own, requests_json, summary=f"{summary}, as JSON")
    routes.add("GET", "/house/requests", own, requests, summary=summary)
    routes.add("POST", "/house/requests/{name}", own, close, summary="Close a request")
    routes.add(
        "POST", "/house/requests/{name}/extension", own, extend, summary="Take more time for one"
    )


def _trail(routes: Routes, lists: _Lists) -> None:
    own, base = Access.of(Role.OPERATOR), lists.base

    def found(
        kind: str | None, before: int | None, since: str, until: str
    ) -> Callable[[Workspace], pages.Trail]:
        begin, end = instant_of(since), instant_of(until)
        return lambda ws: read(
            pages.Trail,
            ws.acts.trail_facts(kind=kind or None, before=before, since=begin, until=end),
            where="trail",
        )

    async def trail(
        kind: Kind = None, before: Before = None, since: from_ = "", until: to_ = ""
    ) -> HTMLResponse:
        faced = await lists.read(found(kind, before, since, until))
        return HTMLResponse(pages.trail_page(*faced, base=base, before=before))

    async def trail_json(
        kind: Kind = None, before: Before = None, since: from_ = "", until: to_ = ""
    ) -> JSONResponse:
        return await lists.twin("trail", found(kind, before, since, until))

    summary = "What was done, newest first"
    routes.add("GET", "/house/trail.json", own, trail_json, summary=f"{summary}, as JSON")
    routes.add("GET", "/house/trail", own, trail, summary=summary)


def _others(routes: Routes, lists: _Lists) -> None:
    own, base = Access.of(Role.OPERATOR), lists.base

    def reached(ws: Workspace) -> pages.Withdrawals:
        return read(pages.Withdrawals, ws.acts.withdrawals(), where="withdrawals")

    def in_force(ws: Workspace) -> pages.Rules:
        return read(pages.Rules, ws.acts.rules(), where="rules")

    async def withdrawals() -> HTMLResponse:
        return HTMLResponse(pages.withdrawals_page(*await lists.read(reached), base=base))

    async def withdrawals_json() -> JSONResponse:
        return await lists.twin("withdrawals", reached)

    async def rules() -> HTMLResponse:
        return HTMLResponse(pages.rules_page(*await lists.read(in_force), base=base))

    async def rules_json() -> JSONResponse:
        return await lists.twin("rules", in_force)

    for path, summary, page, json in (
        ("withdrawals", "What withdrawals reach, and by when", withdrawals, withdrawals_json),
        ("rules", "The rulesets in force", rules, rules_json),
    ):
        routes.add("GET", f"/house/{path}.json", own, json, summary=f"{summary}, as JSON")
        routes.add("GET", f"/house/{path}", own, page, summary=summary)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ProblemError(400, "api.malformed", "A day is written as 2026-11-30.") from error
