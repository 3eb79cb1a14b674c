"""A recipient's routes: its packages and recalls, and taking what it signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse

from byleave.disclosure.letters import Answer, Delivery, parse_letter
from byleave.errors import ByleaveError, EvidenceError, RefusedError
from byleave.pages import recipient as pages
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.language import language_of
from byleave.portal.problem import problem_of
from byleave.portal.upload import upload_of
from byleave.wiring import Workspace

__all__ = ["add_recipient"]

_TAKEN: Final = {Delivery: "delivery", Answer: "answer"}


def add_recipient(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    own = Access.of(Role.RECIPIENT)

    facing = Facing(desk, demo=demo, base=base)

    def received(request: Request) -> Callable[[Workspace], pages.Received]:
        who = caller_of(request).subject
        return lambda ws: read(pages.Received, ws.faces.recipient(who), where="recipient")

    async def written(
        request: Request, *, taken: str | None = None, refused: ByleaveError | None = None
    ) -> HTMLResponse:
        page = pages.page(
            *await facing.read(received(request)),
            base=base,
            site=desk.site,
            form=caller_of(request).form or "",
            taken=taken,
            refused=None if refused is None else pages.Refused(refused.message, refused.code),
            language=language_of(request),
        )
        return HTMLResponse(page, 200 if refused is None else problem_of(refused).status_code)

    async def home(request: Request) -> HTMLResponse:
        return await written(request)

    async def home_json(request: Request) -> JSONResponse:
        return await facing.twin("recipient", received(request))

    async def answer(request: Request) -> HTMLResponse:
        """Take a signed delivery or answer of the recipient that is signed in, and of no other."""
        parts = await upload_of(request)
        caller = caller_of(request)
        desk.callers.check_form(caller, parts.get("form", b"").decode("ascii", errors="replace"))
        data = parts.get("file", b"")
        try:
            kind = _letter(data, caller.subject)
            await desk.write.act(lambda ws: ws.disclosure.take(data))
        except ByleaveError as error:
            return await written(request, refused=error)
        return await written(request, taken=kind)

    routes.add("GET", "/recipient.json", own, home_json, summary="My packages, as JSON")
    routes.add("GET", "/recipient", own, home, summary="My packages")
    routes.add("POST", "/recipient/answer", own, answer, summary="Send a signed answer")


def _letter(data: bytes, recipient: str) -> str:
    """Return which kind of letter a recipient sent.

    Raises:
        EvidenceError: `disclosure.package`, no letter, or one that is not for the platform.
        RefusedError: `disclosure.request`, another recipient's.
    """
    letter = parse_letter(data)
    if not isinstance(letter, Delivery | Answer):
        raise EvidenceError("an order is not for the platform", code="disclosure.package")
    who = letter.recipient if isinstance(letter, Delivery) else letter.statement.recipient
    if who != recipient:
        raise RefusedError("this was signed by another recipient", code="disclosure.request")
    return _TAKEN[type(letter)]
