"""A recipient's packages over the API: fetched as files, recalled by orders, answered by letters.

    GET  /api/v1/packages/list                       what lies there (docs/spec/disclosure.md)
    GET  /api/v1/packages/{package}                  one package, encrypted; `Range` goes on
    GET  /api/v1/packages/{package}/recalls          its orders not answered yet
    POST /api/v1/packages/{package}/acknowledgements a signed delivery or answer about it
    POST /api/v1/packages/inbox/{name}               the same, under the name a client gives it

A recipient comes with its session, or with a request signed by its registered key
(`Authorization: Byleave …`, `disclosure.card`), as `byleave disclosure pull` sends it. Either way it
reaches what lies there for that recipient and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import FileResponse, JSONResponse

from byleave.disclosure.card import MAX_SKEW_SECONDS, parse_request, request_document
from byleave.disclosure.letters import Answer, Delivery, parse_letter
from byleave.errors import EvidenceError, RefusedError
from byleave.evidence.disclosed import check_signature
from byleave.portal.access import Access, Caller, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError

__all__ = ["PACKAGES", "add_packages"]

PACKAGES: Final = "/api/v1/packages"
_LIST: Final = "list"
_SEALED: Final = ".age"
_ORDER: Final = ".order"
_OCTETS: Final = "application/octet-stream"


def add_packages(routes: Routes, desk: Desk) -> None:
    """Add the routes, and let signed requests in."""
    own = Access.of(Role.RECIPIENT)
    desk.callers.signed = lambda request: _signed(desk, request)

    async def package_file(request: Request, package: str) -> Response:
        who = caller_of(request).subject
        if package == _LIST:
            return JSONResponse(desk.read.disclosure.listing(who))
        named = package if package.endswith((_SEALED, _ORDER)) else f"{package}{_SEALED}"
        found = desk.read.disclosure.file(who, named, checked=False)
        if found is None:
            raise _missing()
        if isinstance(found, Path):
            return FileResponse(found, media_type=_OCTETS, filename=named)
        return Response(found, media_type=_OCTETS)

    async def recalls(request: Request, package: str) -> JSONResponse:
        found = desk.read.disclosure.orders(caller_of(request).subject, package)
        if found is None:
            raise _missing()
        base = request.url.path.removesuffix(f"/{package}/recalls")
        items = [{**item, "file": f"{base}/{item['name']}"} for item in found]
        return JSONResponse({"package": package, "recalls": items})

    async def take(request: Request) -> JSONResponse:
        data = await request.body()
        who = caller_of(request).subject
        letter = parse_letter(data)
        if not isinstance(letter, Delivery | Answer):
            raise EvidenceError("an order is not for the platform", code="disclosure.package")
        sender = letter.recipient if isinstance(letter, Delivery) else letter.statement.recipient
        if sender != who:
            raise RefusedError("this was signed by another recipient", code="disclosure.request")
        taken: dict[str, Any] = await desk.write.act(lambda ws: ws.disclosure.take(data))
        return JSONResponse(taken)

    async def acknowledge(request: Request, package: str) -> JSONResponse:
        if desk.read.disclosure.orders(caller_of(request).subject, package) is None:
            raise _missing()
        return await take(request)

    async def inbox(request: Request, name: str) -> JSONResponse:
        del name  # what it is stands in the letter
        return await take(request)

    routes.add(
        "GET", PACKAGES + "/{package}", own, package_file,
        summary="One package of mine, encrypted; `list` names them",
    )  # fmt: skip
    routes.add(
        "GET", PACKAGES + "/{package}/recalls", own, recalls,
        summary="Orders about a package of mine that are not answered",
    )  # fmt: skip
    routes.add(
        "POST", PACKAGES + "/{package}/acknowledgements", own, acknowledge,
        summary="Send a signed delivery or answer about a package",
    )  # fmt: skip
    routes.add(
        "POST", PACKAGES + "/inbox/{name}", own, inbox,
        summary="Send a signed delivery or answer, as `byleave disclosure acknowledge` does",
    )  # fmt: skip


def _signed(desk: Desk, request: Request) -> Caller | None:
    """Return the recipient whose registered key signed a request; None: this is no such request.

    The body was read before (`access.Routes`).

    Raises:
        ProblemError: 403 `disclosure.request`, the key, the signature, its instant or its path is not good.
    """
    parsed = parse_request(request.headers.get("authorization", ""))
    path = request.scope["path"]
    at_packages = path.find(PACKAGES + "/")
    if parsed is None or at_packages < 0:
        return None
    key, at, signature = parsed
    ws = desk.read
    recipient = ws.disclosure.recipient_of(key)
    if recipient is None:
        raise _refused("The request is signed by no registered key.")
    if abs(desk.now().timestamp() - at) > MAX_SKEW_SECONDS:
        raise _refused("The request is too old, or its clock is wrong.")
    document = request_document(
        origin=ws.config.origin,
        method=request.method,
        path=path[at_packages + len(PACKAGES) :],
        at=at,
        body=getattr(request.state, "body", b""),
    )
    try:
        check_signature(document, signature, key)
    except EvidenceError:
        raise _refused("The request's signature fails.") from None
    return Caller(Role.RECIPIENT, recipient)


def _refused(detail: str) -> ProblemError:
    return ProblemError(403, "disclosure.request", detail)


def _missing() -> ProblemError:
    return ProblemError(404, "api.not-found", "No such package lies here for you.")
