"""Suggestions over HTTP: to a member by their own link, to anyone from public data alone.

A member is known by their link and by nothing else: who could name a member could find out what
they have agreed to. What they send is looked at only if they agreed to the release's use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from byleave.errors import ByleaveError, RefusedError
from byleave.pages.suggestion import SuggestionsView
from byleave.pages.view import plain
from byleave.portal.access import ANYONE, BY_LINK, Routes
from byleave.portal.answers import Answers

__all__ = ["Question", "add_suggestions"]

T = TypeVar("T")
_MOST_BYTES: Final = 1 << 16
_PROBLEM: Final = "application/problem+json"


class Asks(Protocol):
    """Asks a question of the workspace, beside the loop where there are threads for it."""

    def __call__(self, do: Callable[[Answers], T], /) -> Awaitable[T]: ...


class Question(BaseModel):
    """What is asked; an empty object asks for what many have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    message: Annotated[str, StringConstraints(max_length=4_000)] | None = None
    history: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=list, max_length=1_000
    )
    count: int = Field(default=3, ge=1, le=50)


_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": Question.model_json_schema()}}}
}


def add_suggestions(routes: Routes, ask: Asks, ordinal_of: Callable[[str], int]) -> None:
    """Add the addresses that suggest.

    Args:
        routes: The portal's.
        ask: Asks where facts come from.
        ordinal_of: Reads a member's link; a miss is its 404 or 410.
    """

    async def suggest(release: str, request: Request) -> JSONResponse:
        question = await _question(request)
        if question.message is not None or question.history:
            return _problem(422, "training.suggest", "a message or a history needs a member's link")
        return await _answered(ask, None, release, question)

    async def suggest_member(token: str, release: str, request: Request) -> JSONResponse:
        ordinal = ordinal_of(token)
        return await _answered(ask, ordinal, release, await _question(request))

    routes.add(
        "POST",
        "/releases/{release}/suggest",
        ANYONE,
        suggest,
        summary="Suggestions of a release, from public data alone",
        openapi_extra=_BODY,
    )
    routes.add(
        "POST",
        "/m/{token}/releases/{release}/suggest",
        BY_LINK,
        suggest_member,
        summary="Suggestions to a member, from their own data if they agreed",
        openapi_extra=_BODY,
    )


async def _question(request: Request) -> Question:
    """Read a body of bounded length.

    Raises:
        HTTPException: 413 too long, 422 no question.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    try:
        return Question.model_validate_json(bytes(body) or b"{}")
    except ValidationError:
        raise HTTPException(422) from None


async def _answered(
    ask: Asks, ordinal: int | None, release: str, question: Question
) -> JSONResponse:
    def suggest(answers: Answers) -> SuggestionsView | None:
        return answers.suggest(
            ordinal,
            release,
            message=question.message,
            history=question.history,
            count=question.count,
        )

    try:
        view = await ask(suggest)
    except RefusedError as error:
        return _problem(409, error.code, error.message)
    except ByleaveError as error:
        if error.family != "input":
            raise
        return _problem(422, error.code, error.message)
    if view is None:
        raise HTTPException(404)
    return JSONResponse({"schema": "byleave/suggestions/v1", **plain(view)})


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    """Tell what is wrong with a question: RFC 9457, with our code beside it."""
    return JSONResponse(
        {"type": "about:blank", "title": "Not suggested", "status": status, "detail": detail}
        | {"code": code},
        status_code=status,
        media_type=_PROBLEM,
    )
