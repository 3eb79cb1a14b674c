"""The API's routes to packages for recipients: an offer, calling it back, where each stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field

from byleave.ids import parse_instant
from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Id, Work, add_work, ask_for, require
from byleave.portal.desk import Desk
from byleave.portal.page import Page, after_, limit_, listed_page

__all__ = ["add_disclosures"]


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


class Recall(Body):
    """Until when a recall is to be answered."""

    days: Annotated[
        int | None, Field(ge=0, le=365, description="To answer; default: as the terms say.")
    ] = None


def add_disclosures(routes: Routes, desk: Desk) -> None:
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

    async def recall(
        request: Request, disclosure: Annotated[str, Path(max_length=160)], body: Recall
    ) -> Response:
        require(desk, "disclosure", disclosure)
        return await ask_for(desk, request, "recall", {"disclosure": disclosure, "days": body.days})

    async def recall_rows(request: Request, body: Recall) -> Response:
        return await ask_for(desk, request, "recall", {"disclosure": None, "days": body.days})

    async def stand(after: after_ = -1, limit: limit_ = 100) -> Page[dict[str, Any]]:
        found = await desk.aside.read(lambda ws: ws.disclosure.status())
        return listed_page(found, after, limit)

    routes.add(
        "GET", "/api/v1/disclosures", Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read"),
        stand, summary="Where each package stands: state, recalled, answered, due",
        response_model=Page[dict[str, Any]],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/disclosures/preview", access, preview,
        summary="What a package would hold, and how much of it its recipient holds already",
        response_model=dict[str, Any],
    )  # fmt: skip
    add_work(
        routes,
        Work(
            "disclosures", access, offer, "Gate a data set for a recipient, and offer what may go"
        ),
        Work("disclosures/{disclosure}/recall", access, recall, "Call a whole package back"),
        Work("recalls", access, recall_rows, "Call back every row that is no longer admitted"),
    )
