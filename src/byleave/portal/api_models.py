"""The API's route to a release: suggestions for a member, from their own data only if they agreed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import Field

from byleave.pages.suggestion import SuggestionsView
from byleave.pages.view import plain, read
from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_

__all__ = ["add_models"]


class SuggestionQuestion(Body):
    """What is asked of a release, for whom."""

    release: Annotated[str, Field(max_length=160)]
    member: MemberId | None = None
    message: Annotated[str | None, Field(max_length=4_000)] = None
    history: Annotated[
        list[Annotated[str, Field(max_length=200)]], Field(default_factory=list, max_length=1_000)
    ]
    count: Annotated[int, Field(ge=1, le=50)] = 3


def add_models(routes: Routes, desk: Desk) -> None:
    """Add the route."""

    async def suggest(
        request: Request, body: SuggestionQuestion, reason: reason_ = None
    ) -> JSONResponse:
        who = await looked_at(desk, request, body.member, reason)
        found = desk.read.release.suggest_for(
            who, body.release, body.message, history=body.history, count=body.count
        )
        return JSONResponse(plain(read(SuggestionsView, found, where="suggestions")))

    routes.add(
        "POST", "/api/v1/suggestions", Access.of(Role.MEMBER, scope="model.read"), suggest,
        summary="Suggestions for a member, with the reason of each",
    )  # fmt: skip
