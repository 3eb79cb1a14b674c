"""The API's routes about what members may ask by right: everything held, and requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_
from byleave.portal.me_more import zip_answer

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


def add_rights(routes: Routes, desk: Desk) -> None:
    """Add the routes."""

    async def export(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        reason: reason_ = None,
    ) -> StreamingResponse:
        who = await looked_at(desk, request, member, reason)
        return zip_answer(desk.read.member.export(who))

    async def ask(request: Request, body: NewRequest) -> Response:
        async def do() -> dict[str, Any]:
            name = await desk.write.act(
                lambda ws: ws.requests.open(body.member, body.kind, channel=body.channel)
            )
            found = desk.read.requests.list(member=body.member)
            facts = next(f for f in found if f["request"] == name)
            return {key: facts[key] for key in ("request", "index", "due", "rule")}

        return await desk.once.answer(request, do)

    routes.add(
        "GET", "/api/v1/members/export", Access.of(Role.MEMBER, scope="member.read"), export,
        summary="Everything held about a member, as a zip file", response_class=StreamingResponse,
        responses={200: {"content": {"application/zip": {}}}},
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/requests", Access.of(scope="member.write"), ask,
        summary="Note what a member asked for by right", status_code=201, response_model=Noted,
    )  # fmt: skip
