"""What a page's form with a file sends: `multipart/form-data` (RFC 7578), of bounded size.

The guard bounds the body; a part is a field or a file by its name alone, and every name comes once.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import Request

from byleave.portal.problem import ProblemError

__all__ = ["upload_of"]

_TYPE: Final = re.compile(
    r'multipart/form-data;\s*boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70}?)"?\s*', re.IGNORECASE
)
_NAME: Final = re.compile(
    rb'content-disposition:\s*form-data;\s*name="([a-z]{1,20})"', re.IGNORECASE
)
_PARTS: Final = 10


async def upload_of(request: Request) -> dict[str, bytes]:
    """Return the parts of a form by name; a file that was not chosen is empty.

    Raises:
        ProblemError: 415 `api.media-type`; 400 `api.malformed`.
    """
    boundary = _TYPE.fullmatch(request.headers.get("content-type", ""))
    if boundary is None:
        raise ProblemError(
            415, "api.media-type", "A form with a file comes as multipart/form-data."
        )
    mark = b"--" + boundary[1].encode("ascii")
    pieces = (b"\r\n" + await request.body()).split(b"\r\n" + mark)
    if not 2 <= len(pieces) <= _PARTS + 2 or pieces[0] or not pieces[-1].startswith(b"--"):
        raise _malformed()
    found: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, separator, body = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not separator or name is None or name[1].decode("ascii") in found:
            raise _malformed()
        found[name[1].decode("ascii")] = body
    return found


def _malformed() -> ProblemError:
    return ProblemError(400, "api.malformed", "This form cannot be read.")
