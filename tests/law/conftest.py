"""A workspace in which everything has happened, as the services' tests grow it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.service.small import Grown, grow


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace of small generated data; read it only."""
    return grow(tmp_path_factory.mktemp("law") / "workspace")


@pytest.fixture
def copied(grown: Grown, tmp_path: Path) -> Grown:
    """A copy of it that a test may change."""
    shutil.copytree(grown.path, tmp_path / "workspace")
    return replace(grown, path=tmp_path / "workspace")
