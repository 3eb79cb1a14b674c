"""The stage on which commands are run: made once, copied for each test that changes it."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from byleave.cli.main import main
from tests.cli.stage import set_stage


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output; fails where it is not exactly one."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        found = json.loads(lines[0])
        assert isinstance(found, dict)
        return found


Say = Callable[..., Said]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The folder as it was set; read it only."""
    folder = tmp_path_factory.mktemp("stage")
    set_stage(folder, root)
    return folder


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command line in this process, in the current folder."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        with warnings.catch_warnings():
            code = main(list(arguments))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def here(stage: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand on the stage, for commands that only read."""
    monkeypatch.chdir(stage)
    _clean(monkeypatch)
    return stage


@pytest.fixture
def copy(stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand on a copy of the stage, for commands that write."""
    shutil.copytree(stage, tmp_path / "stage", symlinks=True)
    monkeypatch.chdir(tmp_path / "stage")
    _clean(monkeypatch)
    return tmp_path / "stage"


def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BYLEAVE_WORKSPACE", "BYLEAVE_DATA", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
