"""The JSON twin of a page: the same facts, with what frames them."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from byleave.pages.view import Frame, plain

__all__ = ["twin"]


def twin(name: str, frame: Frame, view: Any, *, of: str = "") -> JSONResponse:  # noqa: ANN401 (any view)
    """Return the twin of a page.

    Args:
        name: Of the view, in the document and in its schema.
        frame: What frames the page.
        view: Its facts, a frozen dataclass of `byleave.pages`.
        of: What the schema names before it, `house-`.
    """
    return JSONResponse(
        {"schema": f"byleave/page-{of}{name}/v1", "frame": plain(frame), name: plain(view)}
    )
