"""The API's routes that bring in what the platform has: its rows, and what it asks members.

    POST /api/v1/uploads    one Parquet or CSV file, streamed to the disk; answers with its SHA-256
    POST /api/v1/sources    a contract and the files it is about: a job
    POST /api/v1/notices    the exact text that members will be shown

A file is called by its digest, so an upload needs no key: sent again it changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from byleave.errors import ConflictError, InputError
from byleave.gate.contract import parse_contract
from byleave.portal.access import Access, Role, Routes
from byleave.portal.acting import act, why_
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Work, add_work, ask_for
from byleave.portal.api_policies import POLICY_WRITE
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError
from byleave.wiring.uploads import Received, Uploads

__all__ = ["add_sources"]

_ENDINGS: Final = {
    "application/vnd.apache.parquet": ".parquet",
    "application/octet-stream": ".parquet",
    "text/csv": ".csv",
}
_PIECE: Final = 1 << 20
_PARQUET: Final = b"PAR1"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Its id.")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewSource(Body):
    """A data set: files that were uploaded, and whose data a row of them is."""

    source: Name
    contract: Annotated[str, Field(min_length=1, max_length=100_000, description="YAML.")]
    uploads: Annotated[list[Digest], Field(min_length=1, max_length=1_000)]
    origin: Annotated[
        str, Field(max_length=200, description="Where it is from; nothing personal.")
    ] = "api"
    regions: Annotated[
        Digest | None,
        Field(
            description="An uploaded CSV file with the columns `member` and `region`: where "
            "members live from now on."
        ),
    ] = None


class NewNotice(Body):
    """The exact text that members are shown when they are asked."""

    notice: Name
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    asks: Annotated[list[UseText], Field(min_length=1, max_length=1_000)]
    control: Literal["none", "off", "on"] = "none"
    language: Annotated[str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")] = "en"
    family: Annotated[Name | None, Field(description="The notice that it is a variant of.")] = None
    screen: Annotated[str | None, Field(pattern="^[a-z0-9-]{1,32}$")] = None
    policy_index: Annotated[
        int | None,
        Field(ge=0, le=2**53, description="Log entry of the policy text that it belongs to."),
    ] = None


class Uploaded(BaseModel):
    """What an uploaded file is called, and how long it is."""

    upload: str
    bytes: int


class Published(BaseModel):
    """The notice and its log entry."""

    notice: str
    index: int


def add_sources(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    rows = Access.of(Role.OPERATOR, scope="source.write")
    uploads = Uploads(desk.reader.path / "uploads")

    async def upload(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _ENDINGS:
            raise ProblemError(
                415,
                "api.media-type",
                "Rows come as application/vnd.apache.parquet or text/csv.",
            )
        if desk.writer is None:
            raise ProblemError(503, "api.read-only", "This server only reads.")
        found = await _received(request, uploads, _ENDINGS[kind])
        return JSONResponse({"upload": found.sha256, "bytes": found.size}, status_code=201)

    async def add(request: Request, body: NewSource) -> Response:
        def check() -> None:
            parse_contract(body.contract, name="contract")
            if desk.read.ledger.object("source", body.source) is not None:
                raise ConflictError(
                    f"a source named {body.source!r} exists already", code="workspace.exists"
                )
            for name in (*body.uploads, *filter(None, [body.regions])):
                uploads.path(name)

        return await ask_for(desk, request, "source", body.model_dump(), check=check)

    async def notice(request: Request, body: NewNotice, reason: why_ = None) -> Response:
        del reason  # `act` reads it

        async def do() -> dict[str, Any]:
            asked = body.model_dump(exclude={"text"})
            index = await act(
                desk,
                request,
                "notice.publish",
                body.notice,
                lambda ws: ws.policy.publish_notice(body.text, **asked),
                check=lambda ws: ws.policy.check_notice(body.text, **asked),
            )
            return {"notice": body.notice, "index": index}

        return await desk.once.answer(request, do)

    routes.add(
        "POST", "/api/v1/uploads", rows, upload,
        summary="Send one file of rows", status_code=201, response_model=Uploaded,
        openapi_extra={"requestBody": {"required": True, "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in _ENDINGS
        }}},
    )  # fmt: skip
    add_work(routes, Work("sources", rows, add, "Add a data set of uploaded files"))
    routes.add(
        "POST", "/api/v1/notices", POLICY_WRITE, notice,
        summary="Publish the exact text that members are asked with", status_code=201,
        response_model=Published,
    )  # fmt: skip


async def _received(request: Request, uploads: Uploads, ending: str) -> Received:
    """Write a request's body to the disk, a mebibyte at a time, in a thread.

    Raises:
        InputError: `data.unreadable`, it is empty, or does not begin and end as Parquet does.
    """
    first, last = b"", b""
    with uploads.receiving(ending) as taking:
        piece = bytearray()
        async for part in request.stream():
            piece += part
            first, last = first + part[: 4 - len(first)], (last + part)[-4:]
            if len(piece) >= _PIECE:
                await asyncio.to_thread(taking.write, bytes(piece))
                piece.clear()
        await asyncio.to_thread(taking.write, bytes(piece))
        if not first or (ending == ".parquet" and (first, last) != (_PARQUET, _PARQUET)):
            raise InputError("this is no whole file of its kind", code="data.unreadable")
        return await asyncio.to_thread(taking.finish)
