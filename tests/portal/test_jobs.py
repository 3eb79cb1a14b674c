"""Training and measuring over HTTP: jobs that choices do not wait for, and that say when they are lost."""

from __future__ import annotations

import io
import itertools
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.errors import ConflictError
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import Desk, make_desk
from byleave.stores.jobs import JobFile
from byleave.trainers.replies import RepliesTrainer
from byleave.wiring import Workspace
from byleave.wiring.jobs import Jobs
from tests.portal.api_site import SITE, Site
from tests.portal.test_client import client
from tests.unit.service.small import COLUMNS, CONTRACT, PLATFORM, Grown, grow, small_table

LONG = 120.0


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("jobs") / "ws")


def copy_of(first: Grown, path: Path) -> Grown:
    shutil.copytree(first.path, path)
    return replace(first, path=path)


@pytest.fixture(scope="module")
def grown(first: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return copy_of(first, tmp_path_factory.mktemp("served") / "ws")


@pytest.fixture(scope="module")
def site(grown: Grown) -> Iterator[Site]:
    with grown.open(read_only=True) as reader:
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=make_desk(reader, site=SITE))
        with TestClient(app) as http:
            yield Site(grown.path, http, itertools.count())


def jobs_of(site: Site) -> Jobs:
    desk: Desk = site.http.app.state.desk  # type: ignore[attr-defined]
    return desk.work


def ended(site: Site, answer: Any) -> dict[str, Any]:
    """Return the job of an answer once it has ended, as the API shows it."""
    assert answer.status_code == 202, answer.text
    jobs_of(site).wait(answer.json()["job"], LONG)
    shown = site.http.get(answer.json()["href"], headers=site.token("model.write", "job.write"))
    assert shown.status_code == 200
    found: dict[str, Any] = shown.json()
    return found


def training(grown: Grown, **more: Any) -> dict[str, Any]:
    return {"trainer": "replies", "snapshot": grown.snapshot, "columns": COLUMNS, **more}


def test_a_run_is_trained_and_measured(site: Site, grown: Grown) -> None:
    """A training ends with the run, an evaluation with the numbers that the command prints."""
    headers = site.token("model.write", "job.write")
    trained = ended(site, site.post("/api/v1/trainings", training(grown), headers, key="once"))
    assert (trained["state"], trained["problem"]) == ("done", None)
    again = site.post("/api/v1/trainings", training(grown), headers, key="once")
    assert (again.status_code, again.json()["job"]) == (202, trained["job"])
    run = trained["result"]["run"]
    measured = ended(site, site.post("/api/v1/evaluations", {"run": run}, headers))
    with grown.open(read_only=True) as ws:
        document = next(d for d in ws.model.list() if d["run"] == run)
        assert document["model"] == trained["result"]["model"]
        assert measured["result"]["quality"] == ws.model.evaluate(run)
    listed = site.http.get("/api/v1/jobs", headers=headers).json()
    numbers = [item["job"] for item in listed["items"]]
    assert numbers == sorted(numbers)
    assert {trained["job"], measured["job"]} <= set(numbers)


def test_a_choice_is_recorded_while_a_job_computes(
    site: Site, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal sent in the middle of a fit is answered with 201 before the fit ends."""
    began, go_on = threading.Event(), threading.Event()
    honest = RepliesTrainer.fit

    def slow(self: RepliesTrainer, batches: Any, recipe: Any) -> Any:
        began.set()
        assert go_on.wait(LONG)
        return honest(self, batches, recipe)

    monkeypatch.setattr(RepliesTrainer, "fit", slow)
    headers = site.token()
    answer = site.post("/api/v1/trainings", training(grown), headers)
    try:
        assert began.wait(LONG)
        body = {
            "choices": [{"member": grown.silent[0], "kind": "refuse", "scope": "train/messages/*"}]
        }
        assert site.post("/api/v1/choices", body, headers).status_code == 201
        running = site.http.get(answer.json()["href"], headers=headers).json()
        assert running["state"] == "running"
    finally:
        go_on.set()
    assert ended(site, answer)["state"] == "done"


@pytest.mark.parametrize("kind", ["gate", "sealing", "source"])
def test_a_choice_is_recorded_while_rows_are_read(
    first: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A withdrawal sent in the middle of a gate run, a sealing or an upload taken in gets its 201."""
    grown = copy_of(first, tmp_path / "ws")
    began, go_on = threading.Event(), threading.Event()
    words = {
        "gate": "rows through the gate",
        "sealing": "parts of the map built",
        "source": "records taken in",
    }
    honest = Jobs._says

    def slow(self: Jobs, number: int, what: str, done: int, of: int) -> None:
        if what == words[kind] and not began.is_set():
            began.set()
            assert go_on.wait(LONG)
        honest(self, number, what, done, of)

    monkeypatch.setattr(Jobs, "_says", slow)
    with grown.open(read_only=True) as reader:
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=make_desk(reader, site=SITE))
        with TestClient(app) as http:
            site = Site(grown.path, http, itertools.count())
            headers = site.token()
            asked: dict[str, tuple[str, dict[str, Any]]] = {
                "gate": ("/api/v1/gates", {"source": "messages", "use": PLATFORM}),
                "sealing": ("/api/v1/snapshots", {"gate": grown.gate}),
                "source": ("/api/v1/sources", {"source": "more", "contract": CONTRACT}),
            }
            path, body = asked[kind]
            if kind == "source":
                parquet = io.BytesIO()
                pq.write_table(small_table(), parquet)
                sent = site.http.post(
                    "/api/v1/uploads",
                    content=parquet.getvalue(),
                    headers={**headers, "content-type": "application/vnd.apache.parquet"},
                )
                assert sent.status_code == 201, sent.text
                body["uploads"] = [sent.json()["upload"]]
            answer = site.post(path, body, headers)
            try:
                assert answer.status_code == 202, answer.text
                assert began.wait(LONG)
                choice = {
                    "member": grown.agreed[4],
                    "kind": "withdraw",
                    "scope": "train/messages/*",
                }
                said = site.post("/api/v1/choices", {"choices": [choice]}, headers)
                assert said.status_code == 201, said.text
                running = site.http.get(answer.json()["href"], headers=headers).json()
                assert running["state"] == "running"
            finally:
                go_on.set()
            found = ended(site, answer)
            assert (found["state"], found["problem"]) == ("done", None)
    with grown.open(read_only=True) as ws:
        last = ws.ledger.size() - 1
        said_at = int(ws.ledger.events_columns().index.max())
        assert said_at < last
        use = "train.generative.replies/messages.direct/platform"
        assert ws.consent.choices(grown.agreed[4], use).reason.word == "withdrawn"


def test_what_cannot_be_trained_says_why(site: Site, grown: Grown) -> None:
    """Unknown names are refused at once; what only the fit finds out is in the job."""
    headers = site.token("model.write", "job.write")
    changes: list[tuple[dict[str, Any], int, str]] = [
        ({"trainer": "nobody"}, 400, "training.unknown-trainer"),
        ({"snapshot": "set-99"}, 404, "workspace.unknown-object"),
        ({"colums": {}}, 422, "api.malformed"),
    ]
    for change, status, code in changes:
        refused = site.post("/api/v1/trainings", training(grown, **change), headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    refused = site.post("/api/v1/evaluations", {"run": "nobody-1"}, headers)
    assert refused.json()["code"] == "workspace.unknown-object"
    failed = ended(site, site.post("/api/v1/trainings", training(grown, columns={}), headers))
    assert (failed["state"], failed["problem"]["code"]) == ("failed", "training.columns")
    wrong = training(grown, recipe={"k": 0})
    failed = ended(site, site.post("/api/v1/trainings", wrong, headers))
    assert failed["problem"]["code"] == "trainer.recipe"
    missing = site.http.get("/api/v1/jobs/99999", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "job.unknown")


def test_an_error_of_their_own_trainer_is_told_without_its_text(
    site: Site, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a trainer raises may quote rows: the job names its type alone, and the next one runs."""

    def broken(*_: Any) -> Any:
        raise RuntimeError("dear m-1, see you at nine")

    headers = site.token("model.write", "job.write")
    with monkeypatch.context() as patched:
        patched.setattr(RepliesTrainer, "fit", broken)
        failed = ended(site, site.post("/api/v1/trainings", training(grown), headers))
    assert failed["problem"]["code"] == "job.fault"
    assert "RuntimeError" in failed["problem"]["detail"]
    assert "nine" not in str(failed)
    again = ended(site, site.post("/api/v1/trainings", training(grown), headers))
    assert again["state"] == "done"


def test_a_second_server_leaves_jobs_to_the_first(site: Site, grown: Grown) -> None:
    """It shows them, starts none, and calls none of them lost."""
    before = [job.state for job in jobs_of(site).list()]
    with grown.open(read_only=True) as reader:
        other = Jobs(reader, lambda *, read_only, progress=None: grown.open(read_only=read_only))
        with pytest.raises(ConflictError) as error:
            other.add("evaluation", "test", {"run": grown.run})
        assert error.value.code == "job.elsewhere"
        assert [job.state for job in other.list()] == before
        other.close()
    assert [job.state for job in jobs_of(site).list()] == before


def test_what_a_crash_cut_off_is_lost_and_says_so(tmp_path: Path) -> None:
    """A job that no process runs any more is `lost` at the next start, and nobody goes on with it."""
    with byleave.create(tmp_path / "ws") as ws:
        file = JobFile(ws.path / "jobs.sqlite")
        for at in (1, 2):
            file.add("evaluation", "test", {"run": "replies-1"}, at_us=at)
        file.begin(1, at_us=3)
        file.close()  # the process died here
    with byleave.open(tmp_path / "ws", read_only=True) as ws:
        jobs = Jobs(
            ws, lambda *, read_only, progress=None: byleave.open(ws.path, read_only=read_only)
        )
        found = jobs.list()
        assert [job.state for job in found] == ["lost", "lost"]
        assert {job.problem["code"] for job in found if job.problem} == {"job.lost"}
        assert [job.began_us for job in found] == [3, None]
        jobs.close()


def test_a_server_that_stops_loses_what_runs(
    first: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping does not wait for a fit; its job is lost, and the run it still keeps is listed."""
    began, go_on = threading.Event(), threading.Event()
    honest = RepliesTrainer.fit

    def slow(self: RepliesTrainer, batches: Any, recipe: Any) -> Any:
        began.set()
        assert go_on.wait(LONG)
        return honest(self, batches, recipe)

    monkeypatch.setattr(RepliesTrainer, "fit", slow)
    grown = copy_of(first, tmp_path / "ws")
    with grown.open(read_only=True) as reader:

        def opens(*, read_only: bool, progress: Any = None) -> Workspace:
            return byleave.open(
                grown.path,
                read_only=read_only,
                turns=not read_only,
                now=reader.now,
                progress=progress,
            )

        jobs = Jobs(reader, opens)
        number = jobs.add("training", "test", {**training(grown), "recipe": {}}).number
        thread = jobs._thread
        assert began.wait(LONG)
        jobs.close()
        file = JobFile(reader.path / "jobs.sqlite")
        lost = file.job(number)
        file.close()
        assert lost is not None
        assert lost.state == "lost"
        go_on.set()
        assert thread is not None
        thread.join(LONG)
        assert not thread.is_alive()
    with grown.open(read_only=True) as ws:
        assert ws.model.list()[-1]["model"] is not None


def test_the_client_asks_for_jobs(site: Site, grown: Grown) -> None:
    """The typed client trains, measures and looks after a job."""
    with client(site) as api:
        job = api.evaluate(grown.run)
        jobs_of(site).wait(job["job"], LONG)
        assert api.job(job["job"])["state"] == "done"
        made = api.train("replies", grown.snapshot, columns=COLUMNS)
        jobs_of(site).wait(made["job"], LONG)
        assert api.job(made["job"])["result"]["run"]


USE = "train.generative.replies/messages.direct/platform"


def test_a_gate_run_and_a_sealing_are_jobs(site: Site, grown: Grown) -> None:
    """What the jobs log is what the command logs: the same counts, and a snapshot that opens."""
    headers = site.token("gate.write")
    body = {"source": "messages", "use": USE}
    ran = ended(site, site.post("/api/v1/gates", body, headers, key="gate"))
    assert (ran["kind"], ran["state"], ran["problem"]) == ("gate", "done", None)
    again = site.post("/api/v1/gates", body, headers, key="gate")
    assert again.json()["job"] == ran["job"]
    with grown.open(read_only=True) as ws:
        record = ws.gate.dry_run("messages", USE)
        assert (ran["result"]["rows"], ran["result"]["kept"]) == (record.rows, record.kept)
        assert ran["result"]["reasons"] == dict(record.reasons)
    sealed = ended(site, site.post("/api/v1/snapshots", {"gate": ran["result"]["gate"]}, headers))
    assert (sealed["kind"], sealed["problem"]) == ("sealing", None)
    assert sealed["result"]["records"] == ran["result"]["kept"]
    with grown.open(read_only=True) as ws:
        assert len(ws.snapshot.open(sealed["result"]["snapshot"]).alive) == ran["result"]["kept"]


def test_what_cannot_be_gated_is_refused_at_once(site: Site) -> None:
    """An unknown source, use, rule or gate run starts no job."""
    headers = site.token("gate.write")
    good = {"source": "messages", "use": USE}
    for path, body, code in (
        ("gates", {**good, "source": "nothing"}, "workspace.unknown-object"),
        ("gates", {**good, "use": "train/messages/platform"}, "use.not-leaf"),
        ("gates", {**good, "use": "no/such/use"}, "use.unknown-term"),
        ("gates", {**good, "party_rule": "most"}, "api.malformed"),
        ("snapshots", {"gate": "gate-99"}, "workspace.unknown-object"),
    ):
        refused = site.post(f"/api/v1/{path}", body, headers)
        assert 400 <= refused.status_code < 500
        assert refused.json()["code"] == code
    token = site.token("model.write")
    assert site.post("/api/v1/gates", good, token).status_code == 403


def test_a_job_is_cancelled_where_it_stands(
    first: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that runs stops and leaves nothing; one that waits never begins; one that ended stays."""
    grown = copy_of(first, tmp_path / "ws")
    far, go_on = threading.Event(), threading.Event()
    honest = Jobs._says

    def slow(self: Jobs, number: int, what: str, done: int, of: int) -> None:
        if what == "rows through the gate":
            self._far[number] = (what, done, of)
            far.set()
            assert go_on.wait(LONG)
        honest(self, number, what, done, of)

    monkeypatch.setattr(Jobs, "_says", slow)
    with grown.open(read_only=True) as reader:
        before = len(reader.gate.list())
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=make_desk(reader, site=SITE))
        with TestClient(app) as http:
            site = Site(grown.path, http, itertools.count())
            headers = site.token("gate.write", "job.write")
            body = {"source": "messages", "use": USE}
            answers = [site.post("/api/v1/gates", body, headers) for _ in range(3)]
            try:
                assert far.wait(LONG)
                shown = http.get(answers[0].json()["href"], headers=headers).json()
                assert shown["state"] == "running"
                assert shown["progress"]["what"] == "rows through the gate"
                assert 0 < shown["progress"]["done"] <= shown["progress"]["of"]
                for answer in answers[:2]:
                    address = f"{answer.json()['href']}/cancellation"
                    assert site.post(address, {}, headers).status_code == 202
                waits = http.get(answers[1].json()["href"], headers=headers).json()
                assert waits["state"] == "cancelled"
            finally:
                go_on.set()
            found = [ended(site, answer) for answer in answers]
            assert [job["state"] for job in found] == ["cancelled", "cancelled", "done"]
            assert [job["began"] is None for job in found] == [False, True, False]
            late = site.post(f"{answers[2].json()['href']}/cancellation", {}, headers)
            assert (late.status_code, late.json()["code"]) == (409, "job.ended")
            missing = site.post("/api/v1/jobs/99/cancellation", {}, headers)
            assert (missing.status_code, missing.json()["code"]) == (404, "job.unknown")
    with grown.open() as ws:
        assert len(ws.gate.list()) == before + 1
        assert ws.fsck() == []
