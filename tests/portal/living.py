"""A workspace served on a free port of loopback, as a browser reaches it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.wiring.admission import Admission

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
        page = browser.new_context(**options).new_page()
        page.goto(self.link(role, who))
        page.locator("main button").click()
        return page


@contextmanager
def living(path: Path) -> Iterator[Living]:
    """Serve a workspace; the thread that opens it is the one that reads it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started = threading.Event()
    server: list[uvicorn.Server] = []

    def run() -> None:
        with byleave.open(path, read_only=True) as reader:
            desk = make_desk(reader, site=base)
            app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
            config = uvicorn.Config(app, log_level="error", access_log=False)
            server.append(uvicorn.Server(config))
            started.set()
            server[0].run(sockets=[listener])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(60)
    give_up = time.monotonic() + 60
    while not server[0].started and time.monotonic() < give_up:
        thread.join(0.01)
    try:
        yield Living(path, base)
    finally:
        server[0].should_exit = True
        thread.join(20)
        listener.close()
