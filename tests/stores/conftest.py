"""A real PostgreSQL for the stores' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stores.postgres_server import Server, find_binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server of this session's own."""
    binaries = find_binaries()
    if binaries is None:
        what = "no PostgreSQL can be run here (scripts/setup brings one; Debian: postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI leaves nothing out, and {what}", pytrace=False)
        pytest.skip(what)
    server = Server(binaries)
    yield server
    server.stop()
