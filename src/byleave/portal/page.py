"""Lists in pages: everything after a ledger index, so many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

__all__ = ["Page", "after_", "json_page", "limit_", "paged"]

T = TypeVar("T")

after_ = Annotated[int, Query(ge=-1, description="Only what has a higher index.")]
limit_ = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]


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


def json_page(found: Sequence[dict[str, Any]], limit: int) -> JSONResponse:
    """Return the same as an answer, straight from dictionaries with an `index`: for long lists."""
    after = found[limit - 1]["index"] if len(found) > limit else None
    return JSONResponse({"items": found[:limit], "next": after})
