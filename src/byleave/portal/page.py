"""Lists in pages: everything after a ledger index, so many at once, or of a stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.portal.problem import ProblemError

__all__ = [
    "Page",
    "after_",
    "from_",
    "instant_of",
    "json_page",
    "limit_",
    "listed_page",
    "paged",
    "to_",
]

T = TypeVar("T")

after_ = Annotated[int, Query(ge=-1, le=2**53, description="Only what has a higher index.")]
limit_ = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]
from_ = Annotated[str, Query(alias="from", max_length=40, description="Recorded then or later.")]
to_ = Annotated[str, Query(alias="to", max_length=40, description="Recorded before.")]


def instant_of(text: str) -> datetime | None:
    """Return an instant as an address says it: a day of UTC, or an instant with its zone.

    Raises:
        ProblemError: 400 `api.malformed`.
    """
    if not text.strip():
        return None
    try:
        return parse_instant(text.strip())
    except InputError as error:
        raise ProblemError(
            400,
            "api.malformed",
            "A time is written as 2026-11-30, or as 2026-11-30T08:00:00Z with its zone.",
        ) from error


class Page(BaseModel, Generic[T]):
    """Part of a list; `next` is the `after` of the part that follows, None at the end."""

    items: list[T]
    next: Annotated[int | None, Field(description="`after` of the next page; null at the end.")]


def paged(
    found: Sequence[Any], limit: int, *, key: Callable[[Any], int], show: Callable[[Any], Any]
) -> Page[Any]:
    """Return the first `limit` of what was found, and where the rest begins."""
    part = found[:limit]
    return Page(
        items=[show(item) for item in part],
        next=key(part[-1]) if len(found) > limit else None,
    )


def listed_page(found: Sequence[dict[str, Any]], after: int, limit: int) -> Page[Any]:
    """Return a page of dictionaries with an `index`, oldest first, out of all there are."""
    rest = [item for item in found if item["index"] > after]
    return paged(rest, limit, key=lambda item: int(item["index"]), show=lambda item: item)


def json_page(found: Sequence[dict[str, Any]], limit: int) -> JSONResponse:
    """Return the same as an answer, straight from dictionaries with an `index`: for long lists."""
    after = found[limit - 1]["index"] if len(found) > limit else None
    return JSONResponse({"items": found[:limit], "next": after})
