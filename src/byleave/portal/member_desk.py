"""What every page of a signed-in member begins with: who they are, their form, the frame."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from byleave.pages.view import Frame, framed
from byleave.portal.access import caller_of
from byleave.portal.desk import Desk, member_of

__all__ = ["MemberDesk"]


class MemberDesk:
    """What the member's pages share.

    Args:
        desk: The workspace as a server has it.
        demo: Whether it is a demo.
        base: Prefix of every address.
    """

    def __init__(self, desk: Desk, *, demo: bool, base: str) -> None:
        self.desk = desk
        self.demo = demo
        self.base = base
        self.own = f"{base}/me"

    def member(self, request: Request) -> str:
        """Return the id of the member who is signed in."""
        return member_of(self.desk, caller_of(request))

    def form(self, request: Request) -> str:
        """Return what a form of this session must send back."""
        return caller_of(request).form or ""

    def frame(self, request: Request, view: Any) -> Frame:  # noqa: ANN401 (any view of a member's)
        """Return what frames the page of a view, with the authority of where the member lives."""
        facts = self.desk.reader.public.frame(caller_of(request).ordinal)
        return framed(facts, demo=self.demo, view=view)
