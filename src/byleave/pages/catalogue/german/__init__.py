"""German: every sentence that members and the public read."""

from __future__ import annotations

from typing import Final

from byleave.pages.catalogue.german import (
    check,
    frame,
    member,
    own,
    public,
    recipient,
    settings,
    sign_in,
    transparency,
)

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    **frame.SAY,
    **public.SAY,
    **member.SAY,
    **settings.SAY,
    **own.SAY,
    **sign_in.SAY,
    **check.SAY,
    **recipient.SAY,
    **transparency.SAY,
}
"""Key → German sentence."""
