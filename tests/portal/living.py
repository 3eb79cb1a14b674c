"""A workspace served on a free port of loopback, as a browser reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from playwright.sync_api import Browser, Page

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.wiring.admission import Admission
from tests.browsing import new_page, press
from tests.portal.answering import answering

__all__ = ["Living", "living"]


@dataclass
class Living:
    """A served workspace."""

    path: Path
    base: str

    def link(self, role: str, who: str) -> str:
        """A new one-time link."""
        with byleave.open(self.path, read_only=True) as ws, Admission(ws) as admission:
            return f"{self.base}/in/{admission.make_link(role, who)}"

    def enter(self, browser: Browser, role: str, who: str, **options: Any) -> Page:
        """A page of someone who used their link, in whatever language it speaks."""
        page = new_page(browser, **options)
        page.goto(self.link(role, who))
        press(page.locator("main button"))
        return page


@contextmanager
def living(path: Path) -> Iterator[Living]:
    """Serve a workspace."""

    @contextmanager
    def made(base: str) -> Iterator[FastAPI]:
        with byleave.open(path, read_only=True) as reader:
            desk = make_desk(reader, site=base)
            yield create_app(WorkspaceAnswers(reader), demo=False, desk=desk)

    with answering(made) as base:
        yield Living(path, base)
