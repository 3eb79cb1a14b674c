"""A small workspace behind the API, and callers of every role."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.wiring.admission import SCOPES, Admission

USE = "train.generative.replies/messages.direct/platform"
SITE = "http://testserver"
NOTICE = "May we use your messages to suggest replies?\n( ) Yes  ( ) No\n"


@dataclass
class Site:
    """A running application and what tests ask it with."""

    path: Path
    http: TestClient
    keys: Iterator[int]

    def token(
        self, *scopes: str, name: str | None = None, reason: str = "shows members their own data"
    ) -> dict[str, str]:
        """Headers of a new API token."""
        with byleave.open(self.path, read_only=True) as ws, Admission(ws) as admission:
            secret = admission.make_token(
                name or f"t{next(self.keys)}", frozenset(scopes or SCOPES), reason=reason
            )
        return {"authorization": f"Bearer {secret}"}

    def link(self, role: str, who: str) -> str:
        """Path of a new one-time link."""
        with byleave.open(self.path, read_only=True) as ws, Admission(ws) as admission:
            return f"/in/{admission.make_link(role, who)}"

    def signed_in(self, role: str, who: str) -> TestClient:
        """A browser after its one-time link."""
        browser = TestClient(self.http.app, follow_redirects=False)
        answer = browser.post(self.link(role, who), headers={"origin": SITE})
        assert answer.status_code == 303
        return browser

    def post(self, path: str, body: Any, headers: dict[str, str], *, key: str | None = None) -> Any:
        """Send a body with an idempotency key of its own."""
        more = {"idempotency-key": key or f"key-{next(self.keys)}"}
        return self.http.post(path, json=body, headers={**headers, **more})

    def grant(self, member: str, **more: Any) -> dict[str, Any]:
        """The body of one grant."""
        choice = {"member": member, "kind": "grant", "scope": USE, "notice": "ask-1", **more}
        return {"choices": [choice]}


@contextmanager
def site_at(path: Path, **options: Any) -> Iterator[Site]:
    """Make a workspace with two members and a notice, and serve it."""
    with byleave.create(path, **options) as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    with serving(path) as site:
        yield site


@contextmanager
def serving(path: Path) -> Iterator[Site]:
    """Serve a workspace."""
    with byleave.open(path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            yield Site(path, http, itertools.count())
