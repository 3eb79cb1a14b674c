"""The operator's pages of long work and of erasing: what is shown, cancelled, typed and logged."""

from __future__ import annotations

import itertools
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import Desk, make_desk
from byleave.wiring.jobs import Jobs
from tests.portal.api_site import SITE, Site
from tests.unit.service.small import COLUMNS, Grown, grow

LONG = 120.0
FORM = re.compile(r'name="form" value="([^"]+)"')


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace in which nothing current holds a row of the two who withdrew."""
    grown = grow(tmp_path_factory.mktemp("long") / "ws")
    with grown.open() as ws:
        ws.withdrawal.run(with_refit=False)
    return grown


@pytest.fixture
def grown(first: Grown, tmp_path: Path) -> Grown:
    shutil.copytree(first.path, tmp_path / "ws")
    return replace(first, path=tmp_path / "ws")


@contextmanager
def served(grown: Grown) -> Iterator[tuple[Site, TestClient, Desk]]:
    """Serve a workspace; return a browser of an operator."""
    with grown.open(read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app, follow_redirects=False) as http:
            site = Site(grown.path, http, itertools.count())
            answer = http.post(site.link("operator", "dana"), headers={"origin": SITE})
            assert answer.status_code == 303
            yield site, http, desk


def send(http: TestClient, page: str, path: str, **fields: str) -> Any:
    """Post a form of a page."""
    secret = FORM.search(http.get(page).text)
    assert secret is not None
    return http.post(path, data={"form": secret[1], **fields}, headers={"origin": SITE})


def ask(site: Site, grown: Grown) -> int:
    """Have a training begun over the API; return its number."""
    body = {"trainer": "replies", "snapshot": grown.snapshot, "columns": COLUMNS}
    answer = site.post("/api/v1/trainings", body, site.token("model.write"))
    assert answer.status_code == 202, answer.text
    return int(answer.json()["job"])


def test_the_button_stops_a_training_between_two_steps(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pressed while it runs: the job ends cancelled, no run has a model, and the button goes."""
    far, go_on = threading.Event(), threading.Event()
    honest = Jobs._says

    def slow(self: Jobs, number: int, what: str, done: int, of: int) -> None:
        if what == "rows learned from":
            self._far[number] = (what, done, of)
            far.set()
            assert go_on.wait(LONG)
        honest(self, number, what, done, of)

    monkeypatch.setattr(Jobs, "_says", slow)
    with served(grown) as (site, http, desk):
        running, waiting = ask(site, grown), ask(site, grown)
        try:
            assert far.wait(LONG)
            page = http.get("/house/jobs").text
            assert f"Cancel job {running}" in page
            assert f"Cancel job {waiting}" in page
            assert "rows learned from" in page
            for job in (running, waiting):
                answer = send(http, "/house/jobs", f"/house/jobs/{job}/cancellation")
                assert answer.headers["location"] == f"/house/jobs#job-{job}"
        finally:
            go_on.set()
        ended = [desk.work.wait(job, LONG) for job in (running, waiting)]
        assert [job.state for job in ended if job] == ["cancelled", "cancelled"]
        told = http.get("/house/jobs.json").json()["jobs"]["jobs"]
        assert [(row["job"], row["state"], row["stops"]) for row in told] == [
            (waiting, "cancelled", False),
            (running, "cancelled", False),
        ]
        assert "cancellation" not in http.get("/house/jobs").text
        late = send(http, "/house", f"/house/jobs/{running}/cancellation")
        assert late.status_code == 303  # it has ended: the page says how
        missing = send(http, "/house", "/house/jobs/99/cancellation")
        assert missing.status_code == 404
    with grown.open() as ws:
        trained = [run for run in ws.model.list() if run["snapshot"] == grown.snapshot]
        assert [run["model"] is None for run in trained] == [False, True]  # its recipe stays
        assert ws.fsck() == []


def test_the_console_gives_what_python_gives(grown: Grown) -> None:
    """O3: the page's JSON twin, the strip's Python and an empty list are the same facts."""
    with served(grown) as (_, http, _desk):
        told = http.get("/house/jobs.json").json()
        assert told["jobs"]["jobs"] == []
        assert "Nothing was asked for yet" in http.get("/house/jobs").text
        with grown.open(read_only=True) as ws:
            found = ws.faces.page("/house/jobs")
        assert found["schema"] == told["schema"]
        assert {**found["jobs"], "at": ""} == {**told["jobs"], "at": ""}


def test_an_erasure_wants_the_members_id_typed(grown: Grown) -> None:
    """Another id, no reason or no form secret erases nothing; the id and a reason do, logged."""
    one, other = grown.withdrew
    with grown.open() as ws:
        name = ws.requests.open(one, "erasure")
        blocked = ws.requests.open(grown.agreed[5], "erasure")
        plain = ws.requests.open(other, "access")
    path = f"/house/requests/{name}/erasure"
    with served(grown) as (_, http, desk):
        assert path in http.get("/house/requests").text
        page = http.get(path).text
        assert "It cannot be undone." in page
        assert one not in page
        for typed in (other, one[:-1], ""):
            missed = send(http, path, path, typed=typed, why="they asked")
            assert missed.status_code == 400
            assert "Nothing was erased." in missed.text
        assert send(http, path, path, typed=one, why=" ").status_code == 400
        assert http.post(path, data={"typed": one, "why": "x"}).status_code == 403
        assert desk.work.list() == []
        first = http.get(f"/house/requests/{blocked}/erasure").text
        assert "What comes first" in first
        assert "typed" not in first
        assert http.get(f"/house/requests/{plain}/erasure").status_code == 404
        begun = send(http, path, path, typed=f" {one} ", why="they asked")
        assert begun.status_code == 303
        [job] = desk.work.list()
        ended = desk.work.wait(job.number, LONG)
        assert ended is not None
        assert (ended.state, ended.problem) == ("done", None)
        assert one not in http.get("/house/jobs").text
        assert http.get(path).status_code == 404  # its request is closed
    with byleave.open(grown.path, read_only=True) as ws:
        kinds = {row["kind"]: row for row in reversed(ws.acts.trail(limit=9))}
        assert (kinds["act"]["what"], kinds["act"]["why"]) == ("member.erase", "they asked")
        assert kinds["act"]["who"] == "dana"
        assert kinds["act"]["index"] < kinds["erasure"]["index"]
        assert ws.fsck() == []
