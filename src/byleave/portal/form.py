"""What a page's form sends: `application/x-www-form-urlencoded`, of bounded size."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from byleave.portal.problem import ProblemError

__all__ = ["form_of"]

_TYPE: Final = "application/x-www-form-urlencoded"
_FIELDS: Final = 1_000


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; of a field sent twice the request is refused.

    Raises:
        ProblemError: 415 `api.media-type`; 400 `api.malformed`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != _TYPE:
        raise ProblemError(415, "api.media-type", f"A form comes as {_TYPE}.")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as error:
        raise ProblemError(400, "api.malformed", "This form cannot be read.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ProblemError(400, "api.malformed", "A field of this form was sent twice.")
    return fields
