"""Errors as `application/problem+json` (RFC 9457), with the codes of `byleave.errors`."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from byleave.errors import (
    CODES,
    ByleaveError,
    ConflictError,
    ErasedError,
    EvidenceError,
    InputError,
    RefusedError,
)

__all__ = [
    "PROBLEM",
    "ProblemError",
    "is_api",
    "malformed",
    "plain_problem",
    "problem",
    "problem_of",
]

PROBLEM: Final = "application/problem+json"

_MISSING: Final = frozenset(
    {
        "access.unknown",
        "consent.notice-unknown",
        "log.no-such-entry",
        "member.unknown",
        "workspace.unknown-object",
    }
)
_TITLES: Final = {
    400: "This request cannot be read.",
    401: "Sign in first.",
    403: "This is not allowed.",
    404: "There is nothing here.",
    405: "This address does not take that method.",
    409: "This cannot be done now.",
    410: "This is over.",
    413: "This is too much at once.",
    415: "This media type is not taken.",
    422: "This request cannot be acted on.",
    429: "Too many requests.",
    500: "Something went wrong here.",
    503: "This cannot be done right now.",
}


class ProblemError(Exception):
    """A refusal of the server's own.

    Args:
        status: HTTP status.
        code: Stable code, `api.…`.
        detail: What is wrong, for people.
        hint: What to do next.
        where: Field it is about.
        retry: Seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        where: str | None = None,
        retry: int | None = None,
    ) -> None:
        if code not in CODES:
            raise AssertionError(f"error code {code!r} is not in byleave.errors.CODES")
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.where = where
        self.retry = retry


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str | None = None,
    where: str | None = None,
    retry: int | None = None,
) -> JSONResponse:
    """Return a problem document.

    Args:
        status: HTTP status.
        code: Stable code; `type` is its address in the documentation.
        detail: What is wrong, for people.
        hint: What to do next.
        where: Field or line it is about.
        retry: Seconds for `Retry-After`.
    """
    document: dict[str, Any] = {
        "type": f"/errors/{code}",
        "title": _TITLES.get(status, "This cannot be done."),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if hint is not None:
        document["hint"] = hint
    if where is not None:
        document["where"] = where
    headers = {} if retry is None else {"retry-after": str(retry)}
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="byleave"'
    if status == 429:
        headers["ratelimit"] = f'"caller";r=0;t={retry or 1}'
    return JSONResponse(document, status_code=status, headers=headers, media_type=PROBLEM)


def problem_of(error: ByleaveError | ProblemError) -> JSONResponse:
    """Return the problem document of an error; its exit code's family gives the status."""
    if isinstance(error, ProblemError):
        return problem(
            error.status,
            error.code,
            error.detail,
            hint=error.hint,
            where=error.where,
            retry=error.retry,
        )
    return problem(_status(error), error.code, error.message, hint=error.hint, where=error.where)


def is_api(request: Request) -> bool:
    """Say whether a request is to the API, whose every answer is JSON."""
    return "/api/" in request.url.path


def plain_problem(status: int) -> JSONResponse:
    """Return the problem document of a miss that has no code of its own."""
    code = {404: "api.not-found", 405: "api.method"}.get(status, "api.malformed")
    return problem(status, code, _TITLES.get(status, "This cannot be done."))


def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    """Return which field of a request is not as the API says; what was sent is not repeated."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["loc"][0] == "body":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            return problem(
                415,
                "api.media-type",
                "The body of this request is JSON.",
                hint="send Content-Type: application/json",
            )
        if first["type"] == "json_invalid":
            return problem(400, "api.malformed", "The body is no JSON.", where=where)
    return problem(422, "api.malformed", str(first["msg"]), where=where)


def _status(error: ByleaveError) -> int:
    if error.code in _MISSING:
        return 404
    match error:
        case InputError():
            return 400
        case RefusedError():
            return 403
        case EvidenceError():
            return 422
        case ErasedError():
            return 410
        case ConflictError():
            return 409
        case _:
            return 503
