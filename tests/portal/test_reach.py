"""Withdrawals, releases and offers over HTTP: what the command line does, as jobs of a program."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.client import ApiError, Client
from byleave.errors import ByleaveError
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import Desk, make_desk
from byleave.trainers.replies import RepliesTrainer
from byleave.wiring.withdrawal_nouns import run_document
from tests.portal.api_site import SITE, Site
from tests.portal.test_client import ThroughTestClient
from tests.unit.service.small import ASK, COLUMNS, PLATFORM, PROVIDER, Grown, grow

LONG = 120.0


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """The workspace that each test has its own copy of."""
    return grow(tmp_path_factory.mktemp("reach") / "ws")


@pytest.fixture
def grown(first: Grown, tmp_path: Path) -> Grown:
    shutil.copytree(first.path, tmp_path / "ws")
    return replace(first, path=tmp_path / "ws")


@pytest.fixture
def site(grown: Grown) -> Iterator[Site]:
    with grown.open(read_only=True) as reader:
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=make_desk(reader, site=SITE))
        with TestClient(app) as http:
            yield Site(grown.path, http, itertools.count())


@pytest.fixture
def api(site: Site) -> Iterator[Client]:
    """The typed client, with a token for all."""
    secret = site.token()["authorization"].removeprefix("Bearer ")

    def look(_: float) -> None:
        threading.Event().wait(0.02)

    with Client(SITE, token=secret, transport=ThroughTestClient(site), sleep=look) as made:
        yield made


def done(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    """What came of a job."""
    found = api.wait(job, seconds=LONG)
    assert (found["state"], found["problem"]) == ("done", None)
    result: dict[str, Any] = found["result"]
    return result


def failed(api: Client, job: dict[str, Any]) -> str:
    """The code of why a job came to nothing."""
    found = api.wait(job, seconds=LONG)
    assert (found["state"], found["result"]) == ("failed", None)
    return str(found["problem"]["code"])


def refused(site: Site, path: str, body: Any, *scopes: str) -> tuple[int, str]:
    answer = site.post(f"/api/v1/{path}", body, site.token(*scopes))
    return answer.status_code, answer.json()["code"]


def released(api: Client) -> str:
    """A release of the rows that may be used now, made by the client alone."""
    gate = done(api, api.run_gate("messages", PLATFORM))["gate"]
    snapshot = done(api, api.seal(gate))["snapshot"]
    run = done(api, api.train("replies", snapshot, columns=COLUMNS))["run"]
    return str(done(api, api.publish_release(run))["release"])


def test_withdrawals_reach_what_the_command_reaches(
    site: Site, api: Client, grown: Grown, first: Grown, tmp_path: Path
) -> None:
    """The plan is the command's, the job unlearns to its bytes and recalls its packages, once."""
    other = replace(first, path=tmp_path / "other")
    shutil.copytree(first.path, other.path)
    with other.open() as ws:
        plan = ws.withdrawal.forecast().document()
        ws.acts.log("withdrawal.run", who="token:t0", what="all", why="as the job does")
        same = run_document(ws.withdrawal.carry_out())
    assert api.withdrawal_plan() == plan
    assert {item["name"] for item in plan["affected"]} == {grown.release, grown.package}
    job = api.run_withdrawals(key="tonight")
    result = done(api, job)
    assert result == same
    assert result["recalled"] == [grown.package]
    (unlearned,) = result["unlearned"]
    assert unlearned["refit"] == unlearned["model"]
    assert api.run_withdrawals(key="tonight")["job"] == job["job"]
    assert api.withdrawal_plan()["affected"] == []
    nothing = done(api, api.run_withdrawals())
    assert nothing == {"batches": [], "unlearned": [], "recalled": [], "purged": []}
    listed = site.http.get("/api/v1/withdrawals", headers=site.token("object.read")).json()
    assert [item["withdrawal"] for item in listed["items"]] == result["batches"]
    with grown.open() as ws:
        assert ws.fsck() == []


def test_who_may_carry_out_withdrawals(site: Site) -> None:
    """It wants its own scope, for the plan too; what the request may not say starts no job."""
    assert refused(site, "withdrawals", {}, "model.write") == (403, "api.scope")
    assert refused(site, "withdrawals", {"refitt": True}) == (422, "api.malformed")
    answer = site.http.get("/api/v1/withdrawals/plan", headers=site.token("object.read"))
    assert (answer.status_code, answer.json()["code"]) == (403, "api.scope")
    listed = site.http.get("/api/v1/jobs", headers=site.token("job.write")).json()
    assert listed["items"] == []


def test_a_batch_that_began_goes_on_to_its_end(
    site: Site, api: Client, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled midway it is done all the same, and a choice made meanwhile is answered."""
    began, go_on = threading.Event(), threading.Event()
    honest = RepliesTrainer.fit

    def slow(self: RepliesTrainer, batches: Any, recipe: Any) -> Any:
        began.set()
        assert go_on.wait(LONG)
        return honest(self, batches, recipe)

    monkeypatch.setattr(RepliesTrainer, "fit", slow)
    job = api.run_withdrawals()
    try:
        assert began.wait(LONG)
        assert api.cancel(job["job"])["state"] == "running"
        no = {"member": grown.silent[0], "kind": "refuse", "scope": "train/messages/*"}
        assert site.post("/api/v1/choices", {"choices": [no]}, site.token()).status_code == 201
    finally:
        go_on.set()
    assert len(done(api, job)["unlearned"]) == 1
    with grown.open() as ws:
        assert [batch["state"] for batch in ws.withdrawal.list()] == ["done"]
        assert ws.fsck() == []


def test_what_does_not_come_out_the_same_is_not_released(
    api: Client, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a fit without the rows gives other bytes the job says the command's code, and the batch
    goes on once that is mended.
    """
    honest = RepliesTrainer.fit

    def other(self: RepliesTrainer, batches: Any, recipe: Any) -> Any:
        return honest(self, itertools.islice(batches, 0), recipe)

    with monkeypatch.context() as patched:
        patched.setattr(RepliesTrainer, "fit", other)
        assert failed(api, api.run_withdrawals()) == "training.not-exact"
    assert [release["release"] for release in api.releases()] == [grown.release]
    assert api.withdrawal_plan()["unfinished"] == "withdrawal-1"
    assert done(api, api.run_withdrawals())["batches"] == ["withdrawal-1"]


def test_an_offer_is_what_the_command_makes(site: Site, api: Client, grown: Grown) -> None:
    """The preview stores nothing; `only_new` leaves out what the recipient holds; nothing new is
    refused by the command's code.
    """
    with grown.open(read_only=True) as ws:
        assert api.preview_offer("messages", PROVIDER) == {
            **ws.disclosure.preview("messages", PROVIDER).document(),
            "at": api.preview_offer("messages", PROVIDER)["at"],
        }
    assert [package["disclosure"] for package in api.packages()] == [grown.package]
    seen = api.preview_offer("messages", PROVIDER)
    assert (seen["new"], seen["repeated"]) == (0, seen["kept"])
    nothing = api.offer("messages", PROVIDER, only_new=True)
    assert failed(api, nothing) == "disclosure.nothing-new"
    yes = [
        {"member": m, "kind": "grant", "scope": PROVIDER, "notice": ASK, "includes_past": True}
        for m in grown.agreed[16:]
    ]
    assert site.post("/api/v1/choices", {"choices": yes}, site.token()).status_code == 201
    more = api.preview_offer("messages", PROVIDER)
    assert more["new"] > 0
    job = api.offer("messages", PROVIDER, only_new=True, expires="2027-01-01", key="once")
    made = done(api, job)
    assert made["offered"] == made["new"] == more["new"]
    assert made["kept"] == more["kept"] == made["new"] + made["repeated"]
    again = api.offer("messages", PROVIDER, only_new=True, expires="2027-01-01", key="once")
    assert again["job"] == job["job"]
    listed = list(api.packages())
    assert [p["disclosure"] for p in listed] == [grown.package, made["disclosure"]]
    assert listed[-1]["rows"] == made["offered"]
    assert made["registered"] is False
    with grown.open() as ws:
        assert ws.fsck() == []


def test_what_cannot_be_offered_is_refused_at_once(site: Site) -> None:
    """A use of the platform's own, an unknown name, a bad day or a field too many start no job."""
    good = {"source": "messages", "use": PROVIDER}
    for change, status, code in (
        ({"use": PLATFORM}, 400, "disclosure.to-oneself"),
        ({"use": "no/such/use"}, 400, "use.unknown-term"),
        ({"use": PROVIDER.replace(".replies", "")}, 400, "use.not-leaf"),
        ({"source": "nothing"}, 404, "workspace.unknown-object"),
        ({"expires": "soon"}, 400, "input.instant"),
        ({"recall_days": 366}, 422, "api.malformed"),
        ({"new": True}, 422, "api.malformed"),
    ):
        assert refused(site, "disclosures", {**good, **change}) == (status, code)
    assert refused(site, "disclosures", good, "gate.write") == (403, "api.scope")
    for asked in ({"source": "nothing", "use": PROVIDER}, {"source": "messages", "use": PLATFORM}):
        answer = site.http.get(
            "/api/v1/disclosures/preview", params=asked, headers=site.token("disclosure.write")
        )
        assert answer.status_code in {400, 404}
    listed = site.http.get("/api/v1/jobs", headers=site.token("job.write")).json()
    assert listed["items"] == []


def test_a_run_is_published_and_put_back(api: Client, grown: Grown) -> None:
    """Gate, seal, train, publish and roll back by the client alone; the card has the quality where
    it was asked for.
    """
    one = released(api)
    run = next(r["run"] for r in api.releases() if r["release"] == one)
    snapshot = next(r["snapshot"] for r in api.releases() if r["release"] == one)
    assert snapshot in {s["snapshot"] for s in api.snapshots()}
    again = done(api, api.train("replies", snapshot, columns=COLUMNS))["run"]
    assert again != run
    two = done(api, api.publish_release(again, evaluate=True, key="once"))
    assert api.publish_release(again, evaluate=True, key="once")["result"] is None
    assert {r["release"]: r["index"] for r in api.releases()}[two["release"]] == two["index"]
    back = done(api, api.roll_back(two["release"], to=one))
    assert (back["from"], back["to"]) == (two["release"], one)
    with grown.open() as ws:
        card = ws.release.load(one).document
        assert card["superseded_by"] is None
        quality = ws.model.evaluate(again)
        assert quality
        kept = ws.release.load(two["release"]).document["quality"]
        assert {k: str(v) for k, v in kept.items()} == {k: str(v) for k, v in quality.items()}
        assert ws.fsck() == []


def test_what_may_not_be_released_says_the_commands_code(
    site: Site, api: Client, grown: Grown
) -> None:
    """A run that holds withdrawn rows is not published and not put back; unknown names start no job."""
    with grown.open() as ws, pytest.raises(ByleaveError) as caught:
        ws.release.publish(grown.run)
    assert failed(api, api.publish_release(grown.run)) == caught.value.code
    newer = released(api)
    assert failed(api, api.roll_back(newer, to=grown.release)) == "release.rollback-stale"
    assert refused(site, "releases", {"run": "x"}) == (404, "workspace.unknown-object")
    assert refused(site, "releases", {"run": grown.run}, "model.write") == (403, "api.scope")
    assert refused(site, "releases", {"run": grown.run, "x": 1}) == (422, "api.malformed")
    unknown = (404, "workspace.unknown-object")
    assert refused(site, "releases/replies-99/rollback", {}) == unknown
    assert refused(site, f"releases/{newer}/rollback", {"to": "replies-99"}) == unknown
    with pytest.raises(ApiError) as error:
        api.roll_back("a/b")
    assert error.value.status == 404
    with byleave.open(grown.path, read_only=True) as ws:
        assert ws.release.list()[-1]["release"] == newer


def test_waiting_looks_less_and_less_often_and_gives_up(site: Site) -> None:
    """A job that does not end is looked at after 0.1 s, then twice as long after each look up to 1.6 s;
    with no time left it is returned as it is.
    """
    secret = site.token()["authorization"].removeprefix("Bearer ")
    pauses: list[float] = []

    class _EnoughError(Exception):
        pass

    def look(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 7:
            raise _EnoughError

    desk: Desk = site.http.app.state.desk  # type: ignore[attr-defined]
    number = desk.work._file.add("evaluation", "test", {"run": "replies-1"}, at_us=1)
    with Client(SITE, token=secret, transport=ThroughTestClient(site), sleep=look) as api:
        job = api.job(number)
        assert job["state"] == "waiting"
        with pytest.raises(_EnoughError):
            api.wait(job)
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6]
        assert api.wait(job, seconds=0) == job
