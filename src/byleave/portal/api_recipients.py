"""The API's routes about who receives: the corporate tree with its contracts, and registered keys.

    POST /api/v1/recipients          the recipients file: companies, parents, what contracts permit
    POST /api/v1/recipients/cards    a recipient's card, signed by its own key: a job

A card says who a recipient is and its keys, and nothing else; what it may do, whose company it is
and since when stands in the recipients file, dated (docs/spec/disclosure.md). A card is refused
where that file says that its recipient may not stand where its name puts it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from byleave import canonical
from byleave.disclosure.card import Card
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.acting import act, why_
from byleave.portal.api_consent import Body
from byleave.portal.api_jobs import Work, add_work, ask_for
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError

__all__ = ["add_recipients"]

_NAME: Final = "recipients.yaml"
_EXAMPLE: Final = """recipients: v1
version: "2026-01"
companies:
  - company: acme
    recipient: provider.acme
    parents:
      - {of: platform, from: 2024-01-01, until: 2025-06-30}
    contracts:
      - {terms: acme-dpa-3, from: 2024-01-01, may_train: false, may_pass_on: false}
"""


class RecipientsText(Body):
    """The whole of who recipients are, dated; it takes the place of what stood before."""

    text: Annotated[
        str,
        Field(min_length=1, max_length=1_000_000, description="YAML.", examples=[_EXAMPLE]),
    ]


class CardBody(BaseModel):
    """Who a recipient is, and its keys."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[str, Field(max_length=64, examples=["byleave-recipient/v1"])]
    recipient: Annotated[str, Field(max_length=160, examples=["provider.acme"])]
    age: Annotated[str, Field(max_length=100, description="X25519, as age writes it.")]
    key: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Ed25519, hex.")]


class CardFile(Body):
    """The file that `byleave disclosure keygen` writes for a recipient to hand out."""

    card: CardBody
    signature: Annotated[str, Field(pattern="^[0-9a-f]{128}$", description="By `key`, hex.")]


class Recorded(BaseModel):
    """What is in force now, and its log entry."""

    index: int
    version: str
    sha256: str


class RegisteredKey(BaseModel):
    """A recipient's card in force."""

    recipient: str
    index: Annotated[int, Field(description="Log entry of the keys.")]
    key: str
    age: str


class Known(BaseModel):
    """Who recipients are, as far as it is on record."""

    version: Annotated[str | None, Field(description="Of the file; null: there is none.")]
    sha256: str | None
    companies: Annotated[
        list[dict[str, Any]],
        Field(description="As `byleave policy recipients --json` prints them."),
    ]
    keys: list[RegisteredKey]


def add_recipients(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    writing = Access.of(Role.OPERATOR, scope="recipient.write")
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")

    async def known() -> dict[str, Any]:
        ws = desk.read
        book = ws.policy.recipients_in_force()
        companies = [] if book is None else [c.to_dict() for c in book.companies.values()]
        return {
            "version": None if book is None else book.version,
            "sha256": None if book is None else book.digest.hex(),
            "companies": companies,
            "keys": ws.disclosure.keys(),
        }

    async def record(request: Request, body: RecipientsText, reason: why_ = None) -> Response:
        del reason  # `act` reads it

        async def do() -> dict[str, Any]:
            book = desk.read.policy.read_recipients(body.text, name=_NAME)
            index = await act(
                desk,
                request,
                "policy.recipients",
                book.digest.hex(),
                lambda ws: ws.policy.recipients(body.text, name=_NAME),
            )
            return {"index": index, "version": book.version, "sha256": book.digest.hex()}

        return await desk.once.answer(request, do)

    async def register(request: Request, body: CardFile, reason: why_ = None) -> Response:
        del reason  # `ask_for` reads it
        card = canonical.encode(body.model_dump()).decode()
        Card.parse(card.encode())
        asked = {"card": card, "recipient": body.card.recipient}
        return await ask_for(desk, request, "registration", asked)

    async def registration(
        request: Request, recipient: Annotated[str, Path(max_length=160)]
    ) -> Response:
        caller = caller_of(request)
        if caller.role is Role.RECIPIENT and caller.subject != recipient:
            raise ProblemError(404, "api.not-found", "There is nothing here for you.")
        data = desk.read.disclosure.registration(recipient)
        return Response(data, media_type="application/json")

    routes.add(
        "GET", "/api/v1/recipients", house, known,
        summary="Who recipients are, what their contracts permit, and their keys",
        response_model=Known,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/recipients", writing, record,
        summary="Put on record who recipients are, and what their contracts permit",
        status_code=201, response_model=Recorded,
    )  # fmt: skip
    add_work(
        routes,
        Work("recipients/cards", writing, register, "Register a recipient's keys"),
    )
    routes.add(
        "GET", "/api/v1/recipients/{recipient}/registration",
        Access.of(Role.OPERATOR, Role.AUDITOR, Role.RECIPIENT, scope="object.read"), registration,
        summary="What shows others that a recipient is registered", response_model=dict[str, Any],
    )  # fmt: skip
