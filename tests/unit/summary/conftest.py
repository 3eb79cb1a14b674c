"""The grown workspace of the services' tests, with one withdrawal carried out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from byleave.wiring import Workspace
from tests.unit.service.small import Grown, grow


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace of small generated data, after two members' withdrawal reached the model."""
    made = grow(tmp_path_factory.mktemp("summaries") / "workspace")
    with made.open() as ws:
        ws.withdrawal.run()
    return made


@pytest.fixture
def ws(grown: Grown) -> Iterator[Workspace]:
    """The same, open for reading."""
    with grown.open(read_only=True) as opened:
        yield opened
