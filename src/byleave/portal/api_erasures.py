"""The API's routes to erasing members, and to facts of them that rules ask for.

The order is withdraw, unlearn, delta, erase: an erasure is refused while their rows stand in
anything current. Jobs and the trail hold ordinals, never ids.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from byleave.portal.access import Access, Role, Routes
from byleave.portal.acting import why_
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.api_jobs import Id, Work, add_work, ask_for
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_
from byleave.portal.page import Page, after_, limit_, listed_page

__all__ = ["add_erasures"]


class Erasure(Body):
    """Whom to erase: secret, id, salts and bytes. It cannot be undone."""

    members: Annotated[list[MemberId], Field(min_length=1, max_length=1_000)]
    request: Annotated[
        Id | None, Field(description="Id of the request that it answers; in the trail.")
    ] = None


class Standing(BaseModel):
    """What still holds rows of a member, and has to be dealt with first."""

    may: Annotated[bool, Field(description="Nothing does: they can be erased.")]
    standing: Annotated[list[dict[str, str]], Field(description="`kind` and `id` of each.")]


class Erased(BaseModel):
    """An erasure: how many, by ordinal."""

    erasure: str
    index: int
    ordinals: list[int]


class Births(Body):
    """When members were born, as far as it is known."""

    births: Annotated[
        dict[MemberId, Annotated[str, Field(max_length=10)]],
        Field(
            min_length=1,
            max_length=10_000,
            description="Id → year, month or day.",
            examples=[{"m-1": "2009", "m-2": "2008-05"}],
        ),
    ]


class Groups(Body):
    """Which groups members are in from now on; an empty list: in none."""

    groups: Annotated[
        dict[MemberId, list[Annotated[str, Field(max_length=64)]]],
        Field(
            min_length=1,
            max_length=10_000,
            description="Id → names. Name the list, not the trait.",
            examples=[{"m-1": ["filtered-2025"]}],
        ),
    ]


class Counted(BaseModel):
    """How many members it was recorded of."""

    members: int


def add_erasures(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _facts(routes, desk)

    async def erase(request: Request, body: Erasure, reason: why_ = None) -> Response:
        del reason  # `ask_for` reads it
        ordinals = [desk.read.member.ordinal(member) for member in body.members]
        asked = {"ordinals": sorted(set(ordinals)), "request": body.request}
        return await ask_for(desk, request, "erasure", asked)

    async def standing(
        request: Request,
        member: Annotated[str, Query(max_length=256)],
        reason: reason_ = None,
    ) -> Standing:
        who = await looked_at(desk, request, member, reason)
        found = await desk.aside.read(lambda ws: ws.member.standing(who))
        left = [{"kind": kind, "id": name} for kind, name in found]
        return Standing(may=not left, standing=left)

    async def listed(after: after_ = -1, limit: limit_ = 100) -> Page[Erased]:
        found = [
            {"erasure": name, "index": index, "ordinals": document["ordinals"]}
            for index, name, _, document in desk.read.ledger.objects("erasure")
        ]
        return listed_page(found, after, limit)

    writing = Access.of(Role.OPERATOR, scope="erasure.write")
    add_work(
        routes,
        Work("erasures", writing, erase, "Erase members whose withdrawal has reached everything"),
    )
    routes.add(
        "GET", "/api/v1/erasures", Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read"),
        listed, summary="Erasures, oldest first", response_model=Page[Erased],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/erasures/standing", Access.of(scope="erasure.write"), standing,
        summary="What still holds rows of a member", response_model=Standing,
    )  # fmt: skip


def _facts(routes: Routes, desk: Desk) -> None:
    writing = Access.of(scope="member.write")

    async def born(request: Request, body: Births) -> Response:
        async def do() -> dict[str, Any]:
            count = await desk.write.act(lambda ws: ws.member.born(body.births))
            return {"members": count}

        return await desk.once.answer(request, do)

    async def group(request: Request, body: Groups) -> Response:
        async def do() -> dict[str, Any]:
            count = await desk.write.act(lambda ws: ws.member.group(body.groups))
            return {"members": count}

        return await desk.once.answer(request, do)

    routes.add(
        "POST", "/api/v1/members/births", writing, born,
        summary="When members were born: rules about age hold from now on", status_code=201,
        response_model=Counted,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/members/groups", writing, group,
        summary="Which groups members are in from now on", status_code=201,
        response_model=Counted,
    )  # fmt: skip
