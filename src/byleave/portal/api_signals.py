"""The API's routes to signals: what a browser, a page or a file says in a member's place, as a no.

A platform hands on what it received, byte for byte; a signal refuses, and never grants. `Sec-GPC` of
a member's own browser on our pages needs no such call (docs/spec/signals.md).
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel, Field

from byleave.errors import InputError
from byleave.portal.access import ANYONE, Access, Routes
from byleave.portal.api_consent import Body, MemberId
from byleave.portal.desk import Desk

__all__ = ["add_signals"]


class NewSignal(Body):
    """What a signal says, and in whose place."""

    member: MemberId
    kind: Literal["gpc", "aipref", "cawg", "c2pa", "tdmrep"]
    payload: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1_400_000,
            description="Base64 of the bytes it stands in: header lines, a file, a page.",
            examples=["U2VjLUdQQzogMQ0K"],
        ),
    ]
    form: Annotated[
        Literal["headers", "well-known", "robots", "html", "assertion"] | None,
        Field(description="What the bytes are; default: the kind's first form."),
    ] = None
    category: Annotated[
        str, Field(max_length=100, description="Data category it was attached to.")
    ] = "*"


class Refusal(BaseModel):
    """One refusal that a signal comes to."""

    index: Annotated[int, Field(description="Its log entry.")]
    new: Annotated[bool, Field(description="False: it was recorded before.")]
    scope: str
    said: str
    version: str
    form: str
    evidence_sha256: str


class Refusals(BaseModel):
    """What was recorded; none where nothing in it refuses a use of ours."""

    refusals: list[Refusal]


class SignalKind(BaseModel):
    """One signal that is read."""

    kind: str
    title: str
    version: str
    source: str
    forms: list[str]


def add_signals(routes: Routes, desk: Desk) -> None:
    """Add the routes."""

    async def record(request: Request, body: NewSignal) -> Response:
        payload = _bytes(body.payload)

        async def do() -> dict[str, Any]:
            found = await desk.write.act(
                lambda ws: ws.consent.signal(
                    body.member, body.kind, payload, form=body.form, category=body.category
                )
            )
            return {
                "refusals": [
                    {
                        "index": item.index,
                        "new": item.is_new,
                        "scope": str(item.refusal.scope),
                        "said": item.refusal.said,
                        "version": item.refusal.version,
                        "form": item.refusal.form.value,
                        "evidence_sha256": item.refusal.evidence_digest.hex(),
                    }
                    for item in found
                ]
            }

        return await desk.once.answer(request, do)

    async def kinds() -> list[SignalKind]:
        return [SignalKind(**found) for found in desk.reader.consent.signals()]

    routes.add(
        "POST", "/api/v1/signals", Access.of(scope="consent.write"), record,
        summary="Record what a signal refuses in a member's place", status_code=201,
        response_model=Refusals,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/signals", ANYONE, kinds,
        summary="Which signals are read, in which version", response_model=list[SignalKind],
    )  # fmt: skip


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise InputError("this is no base64", code="input.malformed", where="payload") from None
