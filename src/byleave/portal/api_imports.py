"""The API's routes for whoever comes from another system: choices by file, and counts of them.

POST /api/v1/imports          choices of a consent platform, as an uploaded table: a job
GET  /api/v1/choices/state    members by where they stand on one leaf use
POST /api/v1/members/offers   the platform's part of a secret that a member takes part in
POST /api/v1/members/joint    the member's part: they are enrolled under both
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from byleave.gate.contract import contract_schema
from byleave.ids import format_instant, from_us
from byleave.portal.access import ANYONE, Access, Role, Routes
from byleave.portal.acting import why_
from byleave.portal.api_consent import Body, MemberId, UseText
from byleave.portal.api_jobs import Id, Work, add_work, ask_for
from byleave.portal.desk import Desk
from byleave.wiring import Workspace
from byleave.wiring.uploads import Uploads

__all__ = ["add_imports"]

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewImport(Body):
    """Choices in a file; sent again under one name, an import goes on where it stopped."""

    upload: Annotated[_Digest, Field(description="An uploaded CSV or Parquet file, our layout.")]
    name: Annotated[Id | None, Field(description="Id of the import; default: the next number.")] = (
        None
    )
    enrol: Annotated[bool, Field(description="Enrol members the ledger does not know.")] = True


class State(BaseModel):
    """Members by what their choices alone come to for one leaf use; no rule is asked."""

    use: str
    at: str
    last_index: Annotated[int, Field(description="The last entry that was counted.")]
    accepted: Annotated[str, Field(description="Evidence grade from which on a yes counts.")]
    members: int
    by_reason: Annotated[
        dict[str, int], Field(description="`granted`, or why not: of the choices alone.")
    ]


class Offered(BaseModel):
    """The platform's part: noted by the member before they send theirs."""

    offer: str
    index: int
    commitment: Annotated[str, Field(description="SHA-256 of the platform's part, hex.")]


class Joint(Body):
    """A member's own part of their secret."""

    member: MemberId
    offer: Id
    nonce: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="32 bytes, hex.")]
    region: Annotated[str | None, Field(max_length=16)] = None


class Enrolled(BaseModel):
    """The enrolment's log entry."""

    index: int


def add_imports(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _joint(routes, desk)
    uploads = Uploads(desk.reader.path / "uploads")

    async def imports(request: Request, body: NewImport, reason: why_ = None) -> Response:
        del reason  # `ask_for` reads it
        return await ask_for(
            desk, request, "import", body.model_dump(), check=lambda: _there(uploads, body.upload)
        )

    async def state(
        use: Annotated[UseText, Query()],
        at: Annotated[AwareDatetime | None, Query(description="Default: now.")] = None,
        known_at: Annotated[
            AwareDatetime | None, Query(description="As known then; default: now.")
        ] = None,
    ) -> State:
        def read(ws: Workspace) -> State:
            found = ws.consent.state(use, at=at, known_at=known_at)
            return State(
                use=use,
                at=format_instant(from_us(found.at_us)),
                last_index=found.last_index,
                accepted=found.accepted.name.lower(),
                members=found.members,
                by_reason=found.by_reason(),
            )

        return await desk.aside.read(read)

    async def schema() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(contract_schema())
        return found

    add_work(
        routes,
        Work(
            "imports",
            Access.of(Role.OPERATOR, scope="consent.write"),
            imports,
            "Import choices from a consent platform",
        ),
    )
    routes.add(
        "GET", "/api/v1/choices/state",
        Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read"), state,
        summary="Members by where they stand on one leaf use", response_model=State,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/contracts/schema", ANYONE, schema,
        summary="The JSON Schema of a data-set contract", response_model=dict[str, Any],
    )  # fmt: skip


def _joint(routes: Routes, desk: Desk) -> None:
    writing = Access.of(scope="member.write")

    async def offer(request: Request) -> Response:
        async def do() -> dict[str, Any]:
            name, index, commitment = await desk.write.act(lambda ws: ws.member.offer())
            return {"offer": name, "index": index, "commitment": commitment.hex()}

        return await desk.once.answer(request, do)

    async def joint(request: Request, body: Joint) -> Response:
        async def do() -> dict[str, Any]:
            index = await desk.write.act(
                lambda ws: ws.member.enrol_jointly(
                    body.member,
                    offer=body.offer,
                    nonce=bytes.fromhex(body.nonce),
                    region=body.region,
                )
            )
            return {"index": index}

        return await desk.once.answer(request, do)

    routes.add(
        "POST", "/api/v1/members/offers", writing, offer,
        summary="The platform's part of a secret that a member takes part in", status_code=201,
        response_model=Offered,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/members/joint", writing, joint,
        summary="Enrol a member under a secret that their own part went into", status_code=201,
        response_model=Enrolled,
    )  # fmt: skip


def _there(uploads: Uploads, name: str) -> None:
    uploads.path(name)
