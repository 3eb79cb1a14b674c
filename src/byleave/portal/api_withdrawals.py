"""The API's routes to withdrawals: what they would reach, and letting them reach it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import Field

from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body
from byleave.portal.api_jobs import Work, add_work, ask_for
from byleave.portal.desk import Desk

__all__ = ["add_withdrawals"]


class WithdrawalRun(Body):
    """Let every withdrawal reach what holds its rows."""

    refit: Annotated[
        bool,
        Field(description="Also fit from scratch without the rows, and compare the bytes."),
    ] = True


def add_withdrawals(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    access = Access.of(Role.OPERATOR, scope="withdrawal.write")

    async def plan() -> dict[str, Any]:
        return await desk.aside.read(lambda ws: ws.withdrawal.forecast().document())

    async def run(request: Request, body: WithdrawalRun) -> Response:
        return await ask_for(desk, request, "withdrawal", body.model_dump())

    routes.add(
        "GET", "/api/v1/withdrawals/plan", access, plan,
        summary="What withdrawals would reach now, and what that would cost",
        response_model=dict[str, Any],
    )  # fmt: skip
    add_work(
        routes,
        Work(
            "withdrawals", access, run, "Unlearn, certify and recall all that withdrawals concern"
        ),
    )
