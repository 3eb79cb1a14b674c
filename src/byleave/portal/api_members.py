"""The API's routes about members: enrol them, let them in, answer them, show them a notice."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from byleave.pages.view import MemberAnswer, plain, read
from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_
from byleave.wiring.admission import LINK_LIFETIME

__all__ = ["add_members"]

_LINK_MINUTES = int(LINK_LIFETIME / timedelta(minutes=1))


class NewMember(Body):
    """One member to enrol."""

    member: MemberId
    region: Annotated[str | None, Field(max_length=16, description="For example `us-ca`.")] = None


class NewMembers(Body):
    """Members to enrol; those who are already stay as they are."""

    members: Annotated[list[NewMember], Field(min_length=1, max_length=10_000)]


class Enrolled(BaseModel):
    """How many were new."""

    new: int


class LinkRequest(Body):
    """For whom a sign-in link is wanted."""

    member: MemberId
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] = _LINK_MINUTES
    to: Annotated[
        Literal["answer", "settings"], Field(description="The page that it leads to.")
    ] = "answer"


class Link(BaseModel):
    """An address that signs the member in, once."""

    url: str
    minutes: int


class TokenRequest(Body):
    """What will be shown to whom."""

    member: MemberId
    notice: Annotated[str, Field(max_length=200, description="Id of the notice or its family.")]
    language: Annotated[str | None, Field(max_length=35)] = None
    screen: Annotated[str | None, Field(max_length=64)] = None


class Shown(BaseModel):
    """The notice to show, byte for byte, and the token that comes back with the answer."""

    token: str
    notice: str
    language: str
    text: str


def add_members(routes: Routes, desk: Desk) -> None:
    """Add the routes."""

    async def enrol(request: Request, body: NewMembers) -> Response:
        members = [m.member for m in body.members]
        regions = {m.member: m.region for m in body.members if m.region is not None}

        async def do() -> dict[str, Any]:
            new = await desk.write.act(lambda ws: ws.member.enrol(members, regions=regions or None))
            return {"new": new}

        return await desk.once.answer(request, do)

    async def link(request: Request, body: LinkRequest) -> Response:
        async def do() -> dict[str, Any]:
            lifetime = timedelta(minutes=body.minutes)
            secret = desk.admission.make_link("member", body.member, lifetime=lifetime)
            to = "" if body.to == "answer" else f"?to={body.to}"
            return {"url": f"{desk.site}/in/{secret}{to}", "minutes": body.minutes}

        return await desk.once.answer(request, do)

    async def show(request: Request, body: TokenRequest) -> Response:
        async def do() -> dict[str, Any]:
            token, notice = desk.read.notice.token(
                body.notice, body.member, language=body.language, screen=body.screen
            )
            texts = {n["notice"]: n["text"] for n in desk.reader.notice.list()}
            return {
                "token": token,
                "notice": notice.id,
                "language": notice.language,
                "text": texts[notice.id],
            }

        return await desk.once.answer(request, do)

    async def answer(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        reason: reason_ = None,
    ) -> JSONResponse:
        who = await looked_at(desk, request, member, reason)
        view = await desk.aside.read(
            lambda ws: read(MemberAnswer, ws.member.answer(who), where="member")
        )
        return JSONResponse(plain(view))

    routes.add(
        "POST", "/api/v1/members", Access.of(scope="member.write"), enrol,
        summary="Enrol members", status_code=201, response_model=Enrolled,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/links", Access.of(scope="link.write"), link,
        summary="A one-time sign-in link for a member", status_code=201, response_model=Link,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/notice-tokens", Access.of(scope="notice.write"), show,
        summary="The notice to show a member, with its token", status_code=201,
        response_model=Shown,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/answer", Access.of(Role.MEMBER, scope="member.read"), answer,
        summary="Where did my data go: all that is known of a member",
    )  # fmt: skip
