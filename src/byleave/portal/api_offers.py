"""The API's routes to packages for recipients: what an offer would hold, and making it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import Field

from byleave.ids import parse_instant
from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Id, JobView, ask_for
from byleave.portal.desk import Desk

__all__ = ["add_offers"]


class NewOffer(Body):
    """A package: a data set, gated for a use of its recipient."""

    source: Id
    use: UseText
    recall_days: Annotated[int, Field(ge=0, le=365, description="To answer a recall.")] = 13
    expires: Annotated[
        str | None,
        Field(max_length=40, description="RFC 3339, or a day: from when it may not be used."),
    ] = None
    only_new: Annotated[bool, Field(description="Leave out what the recipient holds already.")] = (
        False
    )


def add_offers(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    access = Access.of(Role.OPERATOR, scope="disclosure.write")

    async def preview(
        source: Annotated[Id, Query()], use: Annotated[UseText, Query()]
    ) -> dict[str, Any]:
        return await desk.aside.read(lambda ws: ws.disclosure.preview(source, use).document())

    async def offer(request: Request, body: NewOffer) -> Response:
        if body.expires is not None:
            parse_instant(body.expires)
        await desk.aside.read(lambda ws: ws.disclosure.check(body.source, body.use))
        return await ask_for(desk, request, "offer", body.model_dump())

    routes.add(
        "GET", "/api/v1/disclosures/preview", access, preview,
        summary="What a package would hold, and how much of it its recipient holds already",
        response_model=dict[str, Any],
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/disclosures", access, offer,
        summary="Gate a data set for a recipient and offer what may go: a job to look after",
        status_code=202, response_model=JobView,
    )  # fmt: skip
