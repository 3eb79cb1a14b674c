"""Suggestions to members who agreed and who did not: from Python, the command line and HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import byleave
from byleave.cli.main import cli
from byleave.errors import InputError
from byleave.pages.link import link_token
from byleave.portal import create_app
from byleave.portal.answers import WorkspaceAnswers
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import START, empty

USE = "train.ranking.content/activity.feed/platform"
NOTICE = "May we use what you read to train the model that suggests content?\n"
CONTRACT = """\
contract: v1
record_id: id
parties: {author: who}
category_constant: activity.feed
collected_at: at
"""
LATER = START + timedelta(days=1)


@pytest.fixture(scope="module", params=["activity.feed", "activity"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a release of `content`: m0 to m9 agreed, m10 did not and reads most.

    The release is for one category, or for a group of which the source holds one.
    """
    folder = tmp_path_factory.mktemp("suggest") / "ws"
    sides = [(m, i) for m in range(5) for i in (1, 2)] + [
        (m, i) for m in range(5, 10) for i in (3, 4)
    ]
    held = [*sides, (10, 1), (10, 9)]
    table = pa.table(
        {
            "id": [str(n) for n in range(len(held))],
            "who": [f"m{m}" for m, _ in held],
            "item": [f"item-{i}" for _, i in held],
            "at": pa.array([START] * len(held), pa.timestamp("us", "UTC")),
        }
    )
    clock = ReplayClock(START)
    with empty(folder, clock) as ws:
        ws.policy.publish_notice(NOTICE, notice="content-1", asks=[USE])
        ws.source.add("reads", table, CONTRACT, regions={f"m{m}": "eu" for m in range(11)})
        clock.set(LATER)
        for m in range(10):
            ws.consent.grant(f"m{m}", USE, notice="content-1", includes_past=True)
        gate, gated = ws.gate.run("reads", f"train.ranking.content/{request.param}/platform")
        columns = {"member": "who", "item": "item"}
        run = ws.model.train("content", ws.snapshot.seal(gate, gated=gated), columns=columns)
        assert ws.release.publish(run).release == "content-1"
    return folder


def texts(answer: Any) -> list[str]:
    """Return what was suggested, best first."""
    return [entry["text"] for entry in answer["suggestions"]]


def python(folder: Path, member: str, history: list[str]) -> Any:
    """Ask in Python."""
    with byleave.open(folder, read_only=True) as ws:
        return ws.release.suggest_for(member, "content-1", history=history, count=3)


def command(folder: Path, member: str, history: list[str]) -> Any:
    """Ask on the command line."""
    given = [word for item in history for word in ("--history", item)]
    words = ["model", "suggest", "content-1", "--member", member, *given]
    done = CliRunner().invoke(cli, [*words, "--workspace", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def http(folder: Path, member: str, history: list[str]) -> Any:
    """Ask over HTTP, by the member's own link."""
    with byleave.open(folder, read_only=True) as ws:
        answers = WorkspaceAnswers(ws)
        ordinal, end = ws.member.ordinal(member), answers.now() + timedelta(days=1)
        link = link_token(answers.key(), ordinal, end)
        client = TestClient(create_app(answers, demo=False))
        answer = client.post(
            f"/m/{link}/releases/content-1/suggest", json={"history": history, "count": 3}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


WAYS = [python, command, http]


@pytest.mark.parametrize("ask", WAYS)
def test_a_member_who_agreed_is_served_from_their_own(folder: Path, ask: Any) -> None:
    """What a member holds decides what comes first, and is named as the reason."""
    left, right = ask(folder, "m0", ["item-1"]), ask(folder, "m0", ["item-3"])
    assert (left["personal"], left["reason"]) == (True, "kept")
    assert (texts(left)[0], texts(right)[0]) == ("item-2", "item-4")
    assert left["suggestions"][0]["because"] == ["item-1"]


@pytest.mark.parametrize("ask", WAYS)
def test_a_member_who_did_not_is_served_from_public_data(folder: Path, ask: Any) -> None:
    """Whatever somebody without consent holds, the answer is the same, and comes from others."""
    answers = [ask(folder, "m10", history) for history in ([], ["item-1"], ["item-3", "item-9"])]
    assert all(answer["personal"] is False for answer in answers)
    assert all(answer["reason"] == "no-grant" for answer in answers)
    assert texts(answers[0])
    assert texts(answers[0]) == texts(answers[1]) == texts(answers[2])
    assert {s["why"] for s in answers[1]["suggestions"]} <= {"popular", "trend"}
    assert "item-9" not in texts(answers[0])  # theirs alone: in no release


def test_nobody_is_asked_for_by_name_over_http(folder: Path) -> None:
    """Without a link the portal answers from public data, and takes no history."""
    with byleave.open(folder, read_only=True) as ws:
        client = TestClient(create_app(WorkspaceAnswers(ws), demo=False))
        assert client.post("/releases/content-1/suggest").json()["personal"] is False
        assert client.post("/releases/none-1/suggest").status_code == 404
        refused = client.post("/releases/content-1/suggest", json={"history": ["item-1"]})
        assert refused.status_code == 422


def test_strangers_and_force_are_refused(folder: Path) -> None:
    """A member the ledger does not know is refused; so is forcing a release on a member."""
    with pytest.raises(InputError) as caught:
        python(folder, "nobody", [])
    assert caught.value.code == "member.unknown"
    words = ["model", "suggest", "content-1", "--member", "m0", "--force"]
    assert CliRunner().invoke(cli, [*words, "--workspace", str(folder)]).exit_code == 2


def test_force_wants_its_reason(folder: Path) -> None:
    """`--force` without `--because` is refused, and so is a reason for nothing."""
    for command in ("model suggest", "release suggest", "release show"):
        for words in (["--force"], ["--force", "--because", " "], ["--because", "to compare"]):
            told = CliRunner().invoke(
                cli, [*command.split(), "content-1", *words, "--workspace", str(folder)]
            )
            assert told.exit_code == 2
            assert "--because" in told.output


def test_the_model_noun_asks_the_same_release(folder: Path) -> None:
    """`ws.model.suggest` and `ws.release.suggest` are one."""
    with byleave.open(folder, read_only=True) as ws:
        question: dict[str, Any] = {"history": ["item-1"], "count": 2}
        assert ws.model.suggest("content-1", **question) == ws.release.suggest(
            "content-1", **question
        )
