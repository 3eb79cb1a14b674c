"""German: every sentence that members and the public read."""

from __future__ import annotations

from typing import Final

from byleave.pages.catalogue.german import frame, member, public, settings, sign_in

__all__ = ["SAY"]

SAY: Final[dict[str, str]] = {
    **frame.SAY,
    **public.SAY,
    **member.SAY,
    **settings.SAY,
    **sign_in.SAY,
}
"""Key → German sentence."""
