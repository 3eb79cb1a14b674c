"""Requests that change something are done once, however often they are sent.

A client sends `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): any text of its own,
new for each thing it wants done. The same key with the same body gets the answer of the first time;
with another body it is refused. A key whose request was refused can be used again: nothing was done.
A key is remembered for seven days. Where the process died between doing and remembering, or it
failed on the way (a disk, a bug), the key says so instead of doing it twice: `api.key-unfinished`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from byleave.errors import ByleaveError, WorldError
from byleave.ids import to_us
from byleave.portal.access import caller_of
from byleave.portal.problem import ProblemError
from byleave.wiring.desk import DeskFile

__all__ = ["REMEMBERED", "Once"]

REMEMBERED: Final = timedelta(days=7)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")


class Once:
    """Remembers what keys were used for.

    Args:
        desk: Where.
        now: The clock.
    """

    def __init__(self, desk: DeskFile, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._now = now

    async def answer(
        self, request: Request, do: Callable[[], Awaitable[Any]], *, status: int = 201
    ) -> Response:
        """Return the answer to a request, doing it only if its key is new.

        Args:
            request: Its route, caller, key and body count.
            do: Does it; returns what is answered as JSON.
            status: HTTP status where it succeeds.

        Raises:
            ProblemError: 400 `api.key-missing`; 409 `api.key-unfinished`; 422 `api.key-reused`.
            Exception: What `do` raises. Its key is free again only where that is a refusal.
        """
        key = request.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise ProblemError(
                400,
                "api.key-missing",
                "A request that changes something carries an Idempotency-Key of 1 to 128 "
                "printable characters.",
                hint="send a new UUID with each thing to be done, and the same one when retrying",
            )
        caller = caller_of(request).name
        route = f"{request.method} {request.url.path}"
        body = hashlib.sha256(await request.body()).digest()
        now = self._now()
        before = self._desk.take_keys(
            [(caller, key, route, body)], now_us=to_us(now), until_us=to_us(now - REMEMBERED)
        )[0]
        if before is not None:
            if (before.route, before.body) != (route, body):
                raise ProblemError(
                    422, "api.key-reused", "This key was used for another request before."
                )
            if before.status is None or before.answer is None:
                raise ProblemError(
                    409,
                    "api.key-unfinished",
                    "The first request with this key is not answered: it is under way, or the "
                    "server stopped while it was.",
                    hint="wait, then read back what it was to change before trying a new key",
                )
            return Response(
                before.answer,
                status_code=before.status,
                media_type="application/json",
                headers={"idempotency-replayed": "true"},
            )
        try:
            result = await do()
        except (ProblemError, ByleaveError) as error:
            if not isinstance(error, WorldError):  # refused: nothing was done
                self._desk.drop_keys([(caller, key)])
            raise
        answer = JSONResponse(result, status_code=status)
        self._desk.answer_keys([(caller, key, status, bytes(answer.body))])
        return answer
