"""Replays to look at: two of one seed on the real messages, and small ones on generated messages.

The real ones are made once a session, side by side: this process makes one, a process of its own
the other. The small ones take a second or two each.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from byleave.connectors import persuasion
from byleave.demo import run
from byleave.errors import WorldError

SEED = 2024
COMMAND = [sys.executable, "-c", "from byleave.cli.main import run; run()"]
Replay = Callable[..., "Replayed"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay: what it returned, where it stands, what it told people."""

    facts: dict[str, Any]
    path: Path
    told: str


def replay(path: Path, *, data: Path | None = None, seed: int = SEED) -> Replayed:
    """Make a replay in this process."""
    told: list[str] = []
    facts = run(workspace=path, data=data, seed=seed, tell=told.append, progress=lambda *_: None)
    return Replayed(facts, path, "\n".join(told))


@pytest.fixture(scope="session")
def real_twice(
    data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Replayed, Replayed]:
    """Two replays of one seed on the real messages, the second by the command in its own process."""
    folder = tmp_path_factory.mktemp("real")
    other = folder / "other"
    command = [*COMMAND, "demo", "--data", str(data_dir), "--workspace", str(other)]
    with subprocess.Popen(
        [*command, "--seed", str(SEED), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as second:
        first = replay(folder / "one", data=data_dir)
        out, told = second.communicate(timeout=240)
    assert second.returncode == 0, told
    return first, Replayed(json.loads(out), other, told)


@pytest.fixture(scope="session")
def real(real_twice: tuple[Replayed, Replayed]) -> Replayed:
    """A replay on the real messages."""
    return real_twice[0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Replay:
    """Make replays on a small generated set, in a world without data folder and network.

    Their report is left out: its charts take longer than all the rest.
    """

    def unreachable(*args: object, **more: object) -> bytes:
        raise WorldError("no network in this test", code="data.unreachable")

    monkeypatch.delenv("BYLEAVE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("byleave.wiring.data.fetch", unreachable)
    monkeypatch.setattr("byleave.pages.report.render_report", lambda facts: "")
    monkeypatch.setattr(persuasion, "MEMBERS", 250)
    monkeypatch.setattr(persuasion, "THREADS", 200)
    monkeypatch.setattr(persuasion, "MESSAGES", 2_400)
    return replay
