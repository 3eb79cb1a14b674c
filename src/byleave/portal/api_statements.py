"""The API's routes to what is said to outsiders: proofs, summaries, directories, cessations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from byleave.errors import InputError
from byleave.portal.access import ANYONE, Access, Role, Routes
from byleave.portal.acting import act, why_
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Id, Work, add_work, ask_for
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_
from byleave.portal.page import Page, after_, limit_, listed_page

__all__ = ["add_statements"]

_OCTETS: Final = "application/octet-stream"
_FORMS: Final = {"json": "application/json", "md": "text/markdown; charset=utf-8"}
_PROOF: Final = {200: {"content": {_OCTETS: {"schema": {"type": "string", "format": "binary"}}}}}
Kind = Literal["acknowledgement", "certificate", "cessation", "disclosure", "lineage", "unlearning"]


class SummaryKind(BaseModel):
    """One kind of public statement about training data."""

    kind: str
    says: str
    law: Annotated[str, Field(description="The law or specification it is made for.")]
    of: Annotated[str, Field(description="What it is about: a release, a snapshot, the log.")]
    forms: list[str]


class Cessation(Body):
    """That nothing was processed under a use since an instant."""

    use: Annotated[UseText, Field(examples=["train.safety/*/*"])]
    since: AwareDatetime


class Stated(BaseModel):
    """The statement's log entry, and where its proof is."""

    index: int
    href: str


class Directory(BaseModel):
    """One directory of who is enrolled, once."""

    directory: str
    index: int
    number: int
    members: int
    k: int
    root: str
    vrf_key: str
    can_prove: bool


def add_statements(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _proofs(routes, desk)
    _summaries(routes, desk)
    _directories(routes, desk)


def _proofs(routes: Routes, desk: Desk) -> None:
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")

    async def proof(kind: Kind, name: Annotated[str, Path(max_length=160)]) -> Response:
        data = await desk.aside.read(lambda ws: ws.proof.bytes(f"{kind}-{name}"))
        return _file(data, f"{kind}-{name}.proof")

    async def own(
        request: Request,
        release: Annotated[Id, Query(description="In which release they are, or are not.")],
        member: Annotated[str | None, Query(max_length=256)] = None,
        reason: reason_ = None,
    ) -> Response:
        who = await looked_at(desk, request, member, reason)
        kind, data = await desk.aside.read(lambda ws: ws.proof.of(who, release))
        return _file(data, f"{kind}-{release}.proof")

    async def receipt(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        form: Annotated[
            Literal["json-ld", "private"],
            Query(description="Private: with the secret that their proofs are checked with."),
        ] = "json-ld",
        at: Annotated[
            AwareDatetime | None, Query(description="Of json-ld. Default: `known_at`, else now.")
        ] = None,
        known_at: Annotated[
            AwareDatetime | None, Query(description="Of json-ld: as known then; default: now.")
        ] = None,
        reason: reason_ = None,
    ) -> Response:
        if form == "private" and (at or known_at):
            raise InputError("the private receipt is of today", code="input.malformed")
        who = await looked_at(desk, request, member, reason)
        if form == "private":
            data = await desk.aside.read(lambda ws: ws.member.receipt(who))
            return _file(data, "my.receipt")
        data = await desk.aside.read(
            lambda ws: ws.member.standard_receipt(who, at=_utc(at), known_at=_utc(known_at))
        )
        return Response(data, media_type="application/ld+json")

    async def cease(request: Request, body: Cessation, reason: why_ = None) -> Response:
        del reason  # `act` reads it

        async def do() -> dict[str, Any]:
            index = await act(
                desk,
                request,
                "proof.cease",
                body.use,
                lambda ws: ws.proof.cease(body.use, body.since),
                check=lambda ws: ws.proof.check_cease(body.use, body.since),
            )
            return {"index": index, "href": f"/api/v1/proofs/cessation/{index}"}

        return await desk.once.answer(request, do)

    routes.add(
        "GET", "/api/v1/proofs/{kind}/{name}", house, proof,
        summary="A proof about the platform, for `byleave verify`",
        response_class=Response, responses=_PROOF,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/members/proof", Access.of(Role.MEMBER, scope="member.read"), own,
        summary="The proof that a member is in a release, with which records; or is not",
        response_class=Response, responses=_PROOF,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/members/receipt", Access.of(Role.MEMBER, scope="member.read"), receipt,
        summary="A member's receipt: ISO/IEC TS 27560 with a gate's answer, or the private one",
        response_class=Response,
        responses={200: {"content": {
            "application/ld+json": {"schema": {"type": "object"}},
            _OCTETS: {"schema": {"type": "string", "format": "binary"}},
        }}},
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/cessations", Access.of(Role.OPERATOR, scope="policy.write"), cease,
        summary="State, signed and logged, that a use has ended", status_code=201,
        response_model=Stated,
    )  # fmt: skip


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)


def _summaries(routes: Routes, desk: Desk) -> None:
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")

    async def kinds() -> list[SummaryKind]:
        return [
            SummaryKind(kind=k.name, says=k.says, law=k.law, of=k.of, forms=list(k.forms))
            for k in desk.reader.summary.list()
        ]

    async def summary(
        kind: Annotated[str, Path(max_length=64)],
        release: Annotated[Id | None, Query()] = None,
        snapshot: Annotated[Id | None, Query()] = None,
        form: Literal["json", "md"] = "json",
    ) -> Response:
        text = await desk.aside.read(
            lambda ws: ws.summary.make(kind, release=release, snapshot=snapshot, form=f".{form}")
        )
        return Response(text, media_type=_FORMS[form])

    routes.add(
        "GET", "/api/v1/summaries", ANYONE, kinds,
        summary="The kinds of public statement about training data there are",
        response_model=list[SummaryKind],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/summaries/{kind}", house, summary,
        summary="A public statement about a release or a snapshot, counted from the ledgers",
        response_class=Response,
        responses={200: {"content": {
            "application/json": {"schema": {"type": "object"}},
            "text/markdown": {"schema": {"type": "string"}},
        }}},
    )  # fmt: skip


def _directories(routes: Routes, desk: Desk) -> None:
    async def listed(after: after_ = -1, limit: limit_ = 100) -> Page[Directory]:
        return listed_page(desk.read.directory.list(), after, limit)

    async def build(request: Request) -> Response:
        return await ask_for(desk, request, "directory", {})

    routes.add(
        "GET", "/api/v1/directories", ANYONE, listed,
        summary="Directories of who is enrolled, once, oldest first",
        response_model=Page[Directory],
    )  # fmt: skip
    add_work(
        routes,
        Work(
            "directories",
            Access.of(Role.OPERATOR, scope="member.write"),
            build,
            "List every member's one enrolment in a new directory",
        ),
    )


def _file(data: bytes, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(data, media_type=_OCTETS, headers={"content-disposition": disposition})
