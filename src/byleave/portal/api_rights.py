"""The API's routes about what members may ask by right: everything held, and requests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_
from byleave.portal.me_more import zip_answer
from byleave.portal.page import Page, after_, limit_, listed_page

__all__ = ["add_rights"]


class NewRequest(Body):
    """What a member asked for, elsewhere than on our pages."""

    member: MemberId
    kind: Literal["access", "erasure", "objection"]
    channel: Annotated[str, Field(min_length=1, max_length=32, pattern="^[!-~ ]+$")] = "api"


class Noted(BaseModel):
    """The request, and the day by which it must be answered."""

    request: str
    index: int
    due: str
    rule: str


class Longer(Body):
    """Why a request takes longer, and until when."""

    why: Annotated[str, Field(min_length=1, max_length=200, description="As the member is told.")]
    until: Annotated[
        date | None, Field(description="The new day; default the last the law allows.")
    ] = None


class Ending(Body):
    """How a request ended."""

    outcome: Literal["done", "refused", "taken-back"]
    why: Annotated[
        str, Field(min_length=1, max_length=200, description="What was done, or why not.")
    ]


class Ended(BaseModel):
    """The request, and the entry that says how it ended."""

    request: str
    index: int
    state: str


class Extended(BaseModel):
    """The request, the entry that says it takes longer, and the day it is due then."""

    request: str
    index: int
    due: str
    first_due: str


def add_rights(routes: Routes, desk: Desk) -> None:
    """Add the routes."""

    async def export(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        reason: reason_ = None,
    ) -> StreamingResponse:
        who = await looked_at(desk, request, member, reason)
        return zip_answer(await desk.aside.stream(lambda ws: ws.member.export(who)))

    async def ask(request: Request, body: NewRequest) -> Response:
        async def do() -> dict[str, Any]:
            name = await desk.write.act(
                lambda ws: ws.requests.open(body.member, body.kind, channel=body.channel)
            )
            found = desk.read.requests.list(member=body.member)
            facts = next(f for f in found if f["request"] == name)
            return {key: facts[key] for key in ("request", "index", "due", "rule")}

        return await desk.once.answer(request, do)

    async def extend(
        request: Request, body: Longer, name: Annotated[str, Path(alias="request", max_length=64)]
    ) -> Response:
        who = _who(request)

        async def do() -> dict[str, Any]:
            index = await desk.write.act(
                lambda ws: ws.acts.extend_request(name, who=who, why=body.why, until=body.until)
            )
            facts = next(f for f in desk.read.requests.list() if f["request"] == name)
            shown = {key: facts[key] for key in ("request", "due", "first_due")}
            return {**shown, "index": index}

        return await desk.once.answer(request, do)

    async def close(
        request: Request, body: Ending, name: Annotated[str, Path(alias="request", max_length=64)]
    ) -> Response:
        who = _who(request)

        async def do() -> dict[str, Any]:
            index = await desk.write.act(
                lambda ws: ws.acts.close_request(name, outcome=body.outcome, who=who, why=body.why)
            )
            return {"request": name, "index": index, "state": body.outcome}

        return await desk.once.answer(request, do)

    async def listed(
        after: after_ = -1,
        limit: limit_ = 100,
        state: Annotated[
            Literal["all", "open"], Query(description="Open: leave out the closed.")
        ] = "all",
    ) -> Page[dict[str, Any]]:
        found = await desk.aside.read(lambda ws: ws.requests.list(only_open=state == "open"))
        return listed_page(sorted(found, key=lambda f: int(f["index"])), after, limit)

    routes.add(
        "GET", "/api/v1/requests",
        Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read"), listed,
        summary="What members asked for by right, and when it is due, oldest first",
        response_model=Page[dict[str, Any]],
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/requests/{request}/end",
        Access.of(Role.OPERATOR, scope="member.write"), close,
        summary="Say how a request ended", status_code=201, response_model=Ended,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/requests/{request}/extension",
        Access.of(Role.OPERATOR, scope="member.write"), extend,
        summary="Take more time for a request, once, as the law allows", status_code=201,
        response_model=Extended,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/members/export", Access.of(Role.MEMBER, scope="member.read"), export,
        summary="Everything held about a member, as a zip file", response_class=StreamingResponse,
        responses={200: {"content": {"application/zip": {}}}},
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/requests", Access.of(scope="member.write"), ask,
        summary="Note what a member asked for by right", status_code=201, response_model=Noted,
    )  # fmt: skip


def _who(request: Request) -> str:
    caller = caller_of(request)
    return f"token:{caller.token}" if caller.token else caller.subject
