"""What the faces of the house, auditors, recipients and the public share: facts beside the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi.responses import JSONResponse

from byleave.pages.view import Frame, framed
from byleave.portal.desk import Desk
from byleave.portal.twin import twin
from byleave.wiring import Workspace

__all__ = ["Faced", "Facing"]

V = TypeVar("V")
Faced = tuple[Frame, V]
"""What stands around a page, and its facts."""


class Facing:
    """Reads the facts of pages in the reading threads (`aside`), never on the loop.

    Args:
        desk: The workspace as a server has it.
        demo: The workspace is a demo.
        base: Prefix of every address.
        of: What the schemas of the twins name before their view, `house-`.
    """

    def __init__(self, desk: Desk, *, demo: bool, base: str, of: str = "") -> None:
        self.desk = desk
        self.demo = demo
        self.base = base
        self._of = of

    async def read(self, view: Callable[[Workspace], V]) -> Faced[V]:
        """Return what stands around a page, and its facts, read in one turn of one thread.

        Args:
            view: Makes the facts: a record that says when (`at`) and on which head (`checkpoint`).

        Raises:
            ByleaveError: What it raises.
        """

        def both(ws: Workspace) -> Faced[V]:
            found = view(ws)
            return framed(ws.public.frame(), demo=self.demo, view=found), found

        return await self.desk.aside.read(both)

    async def twin(self, name: str, view: Callable[[Workspace], Any]) -> JSONResponse:
        """Return the same facts as JSON.

        Args:
            name: Of the view, in the document and in its schema.
            view: As for `read`.
        """
        frame, found = await self.read(view)
        return twin(name, frame, found, of=self._of)
