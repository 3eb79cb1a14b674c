"""The API's routes about webhooks: who is told of every no."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from byleave.ids import format_instant, from_us
from byleave.portal.access import Access, Role, Routes
from byleave.portal.acting import act, actor_of, why_
from byleave.portal.api_consent import Body
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError
from byleave.portal.webhooks import Webhooks, check_address
from byleave.wiring.desk import Webhook

__all__ = ["add_webhooks"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class NewWebhook(Body):
    """An address to be told."""

    webhook: Name
    url: Annotated[str, Field(max_length=2_000)]
    after: Annotated[
        int | None,
        Field(ge=-1, le=2**53, description="Only what has a higher index; default: from now on."),
    ] = None


class Registered(BaseModel):
    """The address's secret (`whsec_…`), shown this once."""

    webhook: str
    secret: str


class Listed(BaseModel):
    """How far an address was told."""

    webhook: str
    url: str
    after: int
    tries: int
    dead: list[dict[str, Any]]


def add_webhooks(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    writing = Access.of(scope="webhook.write")
    hooks = Webhooks(desk)

    async def register(request: Request, body: NewWebhook, reason: why_ = None) -> Response:
        del reason  # `act` reads it
        check_address(body.url)

        async def do() -> dict[str, Any]:
            last = desk.read.ledger.size() - 1
            after = last if body.after is None else body.after
            made = Webhook(id=body.webhook, url=body.url, after=after, tries=0, next_us=0)
            if any(hook.id == body.webhook for hook in desk.file.webhooks()):
                raise ProblemError(409, "webhook.exists", "There is a webhook of that name.")
            await act(desk, request, "webhook.register", body.webhook, lambda _: None)
            if not desk.file.add_webhook(made):
                raise ProblemError(409, "webhook.exists", "There is a webhook of that name.")
            secret = base64.b64encode(hooks.secret(body.webhook)).decode("ascii")
            return {"webhook": body.webhook, "secret": f"whsec_{secret}"}

        return await desk.once.answer(request, do)

    async def listed() -> list[Listed]:
        return [
            Listed(
                webhook=hook.id,
                url=hook.url,
                after=hook.after,
                tries=hook.tries,
                dead=[
                    {"index": index, "at": format_instant(from_us(at)), "why": why}
                    for index, at, why in desk.file.dead_letters(hook.id)
                ],
            )
            for hook in desk.file.webhooks()
        ]

    async def drop(
        request: Request,
        webhook: Annotated[str, Path(max_length=64)],
        reason: why_ = None,
    ) -> Response:
        del reason  # `actor_of` reads it
        actor_of(request)
        if not desk.file.drop_webhook(webhook):
            raise ProblemError(404, "api.not-found", "There is no webhook of that name.")
        await act(desk, request, "webhook.drop", webhook, lambda _: None)
        return Response(status_code=204)

    routes.add(
        "POST", "/api/v1/webhooks", writing, register,
        summary="Be told of every no", status_code=201, response_model=Registered,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/webhooks", Access.of(Role.OPERATOR, scope="webhook.write"), listed,
        summary="Who is told, how far, and what was given up", response_model=list[Listed],
    )  # fmt: skip
    routes.add(
        "DELETE", "/api/v1/webhooks/{webhook}", writing, drop,
        summary="Be told no more", status_code=204,
    )  # fmt: skip
