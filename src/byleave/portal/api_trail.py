"""The API's routes to who did what: acts, looks at members' data, and API tokens.

A program may read the trail, and follow it with `after`. Tokens are listed and ended by people of
the operator's alone; they are made on the machine itself, so that nobody who steals a session can
make a way in that outlasts it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field

from byleave.ids import format_instant, from_us, to_us
from byleave.portal.access import Access, Role, Routes
from byleave.portal.acting import act, actor_of, why_
from byleave.portal.desk import Desk
from byleave.portal.page import Page, after_, from_, instant_of, limit_, listed_page, to_
from byleave.service.acts import KINDS

__all__ = ["add_trail"]


class Done(BaseModel):
    """One thing that was done."""

    index: Annotated[int, Field(description="Its log entry.")]
    at: str
    kind: Annotated[str, Field(json_schema_extra={"enum": sorted(KINDS)})]
    name: str
    who: Annotated[str | None, Field(description="Null: by whoever has the machine.")]
    what: Annotated[str | None, Field(description="Of an act: which.")]
    why: str | None


class Look(BaseModel):
    """One look at a member's data; the member stands in it by ordinal."""

    index: int
    at: str
    who: str
    member: int
    why: str


class KnownToken(BaseModel):
    """An API token, never its secret."""

    token: str
    scopes: list[str]
    created: str
    expires: str
    state: Annotated[str, Field(json_schema_extra={"enum": ["good", "over", "revoked"]})]


def add_trail(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    reading = Access.of(Role.OPERATOR, Role.AUDITOR, scope="trail.read")
    person = Access.of(Role.OPERATOR)

    async def trail(
        after: after_ = -1,
        limit: limit_ = 100,
        kind: Annotated[str | None, Query(max_length=40)] = None,
        since: from_ = "",
        until: to_ = "",
    ) -> Page[Done]:
        first, last = instant_of(since), instant_of(until)
        found = await desk.aside.read(
            lambda ws: ws.acts.trail_after(
                after, kind=kind, limit=limit + 1, since=first, until=last
            )
        )
        return listed_page(found, after, limit)

    async def looks(after: after_ = -1, limit: limit_ = 100) -> Page[Look]:
        found = await desk.aside.read(lambda ws: ws.member.looks())
        return listed_page(found, after, limit)

    async def tokens() -> list[KnownToken]:
        now = to_us(desk.now())
        return [
            KnownToken(
                token=found.id,
                scopes=sorted(found.scopes),
                created=format_instant(from_us(found.created_us)),
                expires=format_instant(from_us(found.expires_us)),
                state="revoked"
                if found.revoked_us is not None
                else ("good" if found.expires_us > now else "over"),
            )
            for found in desk.admission.tokens()
        ]

    async def revoke(
        request: Request, token: Annotated[str, Path(max_length=64)], reason: why_ = None
    ) -> Response:
        del reason  # `actor_of` reads it
        actor_of(request)
        desk.admission.revoke(token)  # first: it does not wait for whoever holds the lock
        desk.callers.forget_tokens()
        await act(desk, request, "access.revoke", token, lambda _: None)
        return Response(status_code=204)

    routes.add(
        "GET", "/api/v1/acts", reading, trail,
        summary="What was done, by whom and why, oldest first", response_model=Page[Done],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/looks", reading, looks,
        summary="Who looked at members' data, and why, oldest first", response_model=Page[Look],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/tokens", person, tokens,
        summary="API tokens, never their secrets", response_model=list[KnownToken],
    )  # fmt: skip
    routes.add(
        "DELETE", "/api/v1/tokens/{token}", person, revoke,
        summary="End an API token at once", status_code=204,
    )  # fmt: skip
