"""`/errors/{code}`: where the `type` of a problem document leads, as text."""

from __future__ import annotations

from typing import Annotated

from fastapi import HTTPException, Path
from fastapi.responses import PlainTextResponse

from byleave.errors import CODES
from byleave.portal.access import ANYONE, Routes

__all__ = ["add_error_pages"]


def add_error_pages(routes: Routes) -> None:
    """Add the route."""

    async def meaning(code: Annotated[str, Path(max_length=80)]) -> PlainTextResponse:
        if code not in CODES:
            raise HTTPException(404)
        text = f"{code}\n\n{CODES[code]}\n\nWhat to do: byleave help {code}\n"
        return PlainTextResponse(text)

    routes.add(
        "GET", "/errors/{code}", ANYONE, meaning,
        summary="What an error code means", response_class=PlainTextResponse,
    )  # fmt: skip
