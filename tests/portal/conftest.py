"""The application over hand-built facts, and a client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from byleave.pages.link import link_token
from byleave.portal import create_app
from tests.portal.facts import KEY, NOW, HandBuilt


@pytest.fixture
def token() -> str:
    """A link to the member's page that has a day to live."""
    return link_token(KEY, 0, NOW + timedelta(days=1))


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client of the demo application."""
    with TestClient(create_app(HandBuilt(), demo=True)) as client:
        yield client


@pytest.fixture
def addresses(token: str) -> dict[str, str]:
    """One address of each kind of page."""
    return {
        "public": "/",
        "policy": "/policies/privacy-policy/2",
        "release": "/releases/replies-2",
        "member": f"/m/{token}",
        "receipt": f"/m/{token}/receipt",
    }


@pytest.fixture
def with_answers() -> Callable[..., TestClient]:
    """Make a client over changed answers."""

    def make(answers: HandBuilt, *, demo: bool = False, **options: object) -> TestClient:
        return TestClient(create_app(answers, demo=demo, **options))  # type: ignore[arg-type]

    return make
