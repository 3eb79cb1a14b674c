"""One platform with two recipients for the whole room; a test that changes it gets a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipients import Site, make_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A package was offered to a registered recipient and lies there; read it only."""
    return make_site(tmp_path_factory.mktemp("recipients") / "site")


@pytest.fixture(scope="session")
def delivered(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The package was pulled, and the delivery taken; read it only."""
    return site.copy(tmp_path_factory.mktemp("delivered") / "site").delivered()


@pytest.fixture
def offered_site(site: Site, tmp_path: Path) -> Site:
    """A copy before the pull that a test may change."""
    return site.copy(tmp_path / "site")


@pytest.fixture
def held_site(delivered: Site, tmp_path: Path) -> Site:
    """A copy after the pull that a test may change."""
    return delivered.copy(tmp_path / "site")
