"""The API's routes to releases: publish a run's model, and put an older one back."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body
from byleave.portal.api_jobs import Id, Work, add_work, ask_for, require
from byleave.portal.desk import Desk

__all__ = ["add_releases"]


class NewRelease(Body):
    """Which run to publish."""

    run: Id
    evaluate: Annotated[bool, Field(description="Measure it first, for its card; costs a fit.")] = (
        False
    )


class Rollback(Body):
    """Which release to put back."""

    to: Annotated[
        Id | None, Field(description="Default the newest of its trainer that may be served.")
    ] = None


def add_releases(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    access = Access.of(Role.OPERATOR, scope="release.write")

    async def publish(request: Request, body: NewRelease) -> Response:
        require(desk, "run", body.run)
        return await ask_for(desk, request, "release", body.model_dump())

    async def back(
        request: Request, release: Annotated[str, Path(max_length=160)], body: Rollback
    ) -> Response:
        for name in (release, body.to):
            if name is not None:
                require(desk, "release", name)
        return await ask_for(desk, request, "rollback", {"release": release, "to": body.to})

    add_work(
        routes,
        Work("releases", access, publish, "Publish a run's model"),
        Work(
            "releases/{release}/rollback",
            access,
            back,
            "Put a release out of service and an older one back",
        ),
    )
