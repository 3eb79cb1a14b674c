"""Where signing in leads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.api_site import Site, site_at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


@pytest.mark.parametrize(
    ("role", "who"),
    [
        ("member", "m-1"),
        ("operator", "alex"),
        ("auditor", "kim"),
        ("recipient", "provider.model-host"),
    ],
)
def test_everybody_lands_on_a_page_that_is_there(site: Site, role: str, who: str) -> None:
    """Each role that a link can be made for lands on a page that answers 200."""
    browser = site.signed_in(role, who)
    again = browser.post(site.link(role, who), headers={"origin": "http://testserver"})
    landing = browser.get(again.headers["location"])
    assert landing.status_code == 200
    assert "text/html" in landing.headers["content-type"]
