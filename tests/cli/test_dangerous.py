"""What cannot be undone wants its name typed, and a reason that the log holds before it is done."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import byleave
from byleave.cli.main import cli
from tests.unit.service.small import Grown, grow

WHY = "they asked by letter"


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace in which nothing current holds a row of the two who withdrew."""
    grown = grow(tmp_path_factory.mktemp("erased") / "ws")
    with byleave.open(grown.path) as ws:
        ws.withdrawal.run(with_refit=False)
        assert [ws.member.standing(member) for member in grown.withdrew] == [[], []]
    return grown


@pytest.fixture
def copied(unlearned: Grown, tmp_path: Path) -> Grown:
    shutil.copytree(unlearned.path, tmp_path / "ws")
    return replace(unlearned, path=tmp_path / "ws")


def erase(grown: Grown, *words: str, typed: str | None = None) -> tuple[int, str]:
    runner = CliRunner()
    said = runner.invoke(
        cli,
        ["member", "erase", *words, "--workspace", str(grown.path)],
        input=None if typed is None else f"{typed}\n",
    )
    refused = getattr(said.exception, "code", None)
    return said.exit_code, said.output + (refused if isinstance(refused, str) else "")


def erasures(grown: Grown) -> int:
    with byleave.open(grown.path, read_only=True) as ws:
        return len(ws.ledger.objects("erasure"))


def test_erasing_wants_a_reason_and_a_name(copied: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a reason, without anybody to type the name, or with another name, nothing goes."""
    one, other = copied.withdrew
    assert erase(copied, one, "--yes")[0] == 2
    assert erase(copied, one, "--because", "  ", "--yes")[0] == 2
    assert erase(copied, one, "--because", WHY)[0] == 2  # nobody is at a terminal
    monkeypatch.setattr("byleave.cli.member.at_a_terminal", lambda: True)
    code, told = erase(copied, one, "--because", WHY, typed=other)
    assert code != 0
    assert "nothing was erased" in told
    assert erase(copied, one, other, "--because", WHY, typed=one)[0] != 0
    assert erasures(copied) == 0
    code, told = erase(copied, one, "--because", WHY, typed=one)
    assert code == 0, told
    code, told = erase(copied, other, "--because", WHY, typed=f" {other} ")
    assert code == 0, told
    assert erasures(copied) == 2


def test_the_reason_is_in_the_log_before_the_erasure(copied: Grown) -> None:
    """The trail holds an act with the reason, and the erasure behind it; no id stands in it."""
    code, told = erase(copied, *copied.withdrew, "--because", WHY, "--yes")
    assert code == 0, told
    with byleave.open(copied.path, read_only=True) as ws:
        done, act = [row for row in ws.acts.trail(limit=9) if row["kind"] in {"act", "erasure"}]
        assert (done["kind"], act["kind"]) == ("erasure", "act")
        assert (act["what"], act["why"]) == ("member.erase", WHY)
        documents = [document for _, _, _, document in ws.ledger.objects("act")]
        assert not any(member in str(documents) for member in copied.withdrew)


def test_what_is_refused_leaves_no_act(copied: Grown) -> None:
    """An erasure that rows of theirs stand in the way of logs nothing."""
    with byleave.open(copied.path, read_only=True) as ws:
        size = ws.ledger.size()
    code, told = erase(copied, copied.agreed[5], "--because", WHY, "--yes")
    assert code != 0
    assert "erasure.standing" in told
    with byleave.open(copied.path, read_only=True) as ws:
        assert ws.ledger.size() == size


def test_a_terminal_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody can type where standard input is a terminal, and nowhere else."""
    from byleave.cli.member import at_a_terminal

    for answer in (True, False):
        monkeypatch.setattr(sys.stdin, "isatty", lambda answer=answer: answer, raising=False)
        assert at_a_terminal() is answer
