"""Whom to turn to, on pages that nobody is known on: signing in, errors, the last page."""

from __future__ import annotations

from fastapi import FastAPI, Request

from byleave.pages.view import Help, read
from byleave.portal.desk import Desk

__all__ = ["keep_whom", "whom_of"]


def keep_whom(app: FastAPI, desk: Desk | None) -> None:
    """Keep for an application what its workspace says; without one its pages say nothing of it."""
    if desk is None:
        app.state.whom = None
        return
    facts = desk.reader.public.frame()
    app.state.whom = read(Help, {name: facts[name] for name in ("contact", "authority")})


def whom_of(request: Request) -> Help | None:
    """Return whom its page names."""
    whom: Help | None = request.app.state.whom
    return whom
