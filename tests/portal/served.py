"""A workspace that somebody made, served to callers of every role, at an instant of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.wiring.admission import Admission
from byleave.wiring.world import ReplayClock
from tests.portal.answering import answering

__all__ = ["SITE", "Served", "listening", "served"]

SITE = "http://testserver"


@dataclass
class Served:
    """A running application over a workspace."""

    path: Path
    http: TestClient
    now: ReplayClock

    def enter(self, role: str, who: str) -> TestClient:
        """A browser after its one-time link."""
        with (
            byleave.open(self.path, read_only=True, now=self.now) as ws,
            Admission(ws) as admission,
        ):
            link = admission.make_link(role, who)
        browser = TestClient(self.http.app, follow_redirects=False)
        answer = browser.post(f"/in/{link}", headers={"origin": SITE})
        assert answer.status_code == 303
        return browser

    def send(self, browser: TestClient, page: str, to: str, **files: bytes) -> Any:
        """Send a page's form with files, as a browser does."""
        form = re.search(r'name="form" value="([^"]+)"', browser.get(page).text)
        assert form is not None
        return browser.post(
            to,
            data={"form": form[1]},
            files={name: ("a file", data) for name, data in files.items()},
            headers={"origin": SITE},
        )


@contextmanager
def served(path: Path, at: datetime) -> Iterator[Served]:
    """Serve a workspace as of an instant."""
    clock = ReplayClock(at)
    with byleave.open(path, read_only=True, now=clock) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            yield Served(path, http, clock)


@contextmanager
def listening(path: Path, at: datetime) -> Iterator[tuple[str, Callable[[str, str], str]]]:
    """Serve a workspace on a free port of loopback; yield its address and what makes links."""
    clock = ReplayClock(at)

    @contextmanager
    def made(base: str) -> Iterator[FastAPI]:
        with byleave.open(path, read_only=True, now=clock) as reader:
            desk = make_desk(reader, site=base)
            yield create_app(WorkspaceAnswers(reader), demo=False, desk=desk)

    with answering(made) as base:

        def link(role: str, who: str) -> str:
            with byleave.open(path, read_only=True, now=clock) as ws, Admission(ws) as admission:
                return f"{base}/in/{admission.make_link(role, who)}"

        yield base, link
