"""Every link of every page leads somewhere, for whom the page is shown to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

import pytest
from fastapi.testclient import TestClient

from tests.portal.api_site import SITE, Site, serving
from tests.unit.service.small import Grown, grow

AT_MOST = 400


class _Links(HTMLParser):
    """The addresses a page names: links, what it loads, and forms that only ask."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if "id" in named:
            self.ids.add(named["id"] or "")
        if tag == "form" and (named.get("method") or "get").lower() != "get":
            return
        for name in ("href", "src", "action"):
            if named.get(name):
                self.found.append(named[name] or "")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("links") / "workspace")


@pytest.fixture(scope="module")
def site(grown: Grown) -> Iterator[Site]:
    with serving(grown.path) as site:
        yield site


def crawl(
    browser: TestClient, start: list[tuple[str, str]], pages: dict[str, str] | None = None
) -> list[str]:
    """Follow links from (address, page text) pairs; return what did not open, keep what did."""
    broken, seen, waiting = [], {address for address, _ in start}, list(start)
    while waiting and len(seen) < AT_MOST:
        address, page = waiting.pop()
        links = _Links(page)
        for link in links.found:
            target, fragment = urldefrag(urljoin(f"{SITE}{address}", link))
            if not target.startswith(f"{SITE}/"):
                continue
            path = target.removeprefix(SITE)
            if path == address and fragment and fragment not in links.ids:
                broken.append(f"{address}: #{fragment}")
            if path in seen or path.startswith("/in/"):
                continue
            seen.add(path)
            answer = browser.get(path)
            if answer.status_code >= 400:
                broken.append(f"{address}: {path} {answer.status_code}")
            elif answer.headers["content-type"].startswith("text/html"):
                waiting.append((path, answer.text))
                if pages is not None:
                    pages[path] = answer.text
    assert len(seen) > 1
    return broken


@pytest.mark.parametrize("role", ["public", "member", "operator", "auditor", "recipient"])
def test_every_link_opens(site: Site, grown: Grown, role: str) -> None:
    """From the page a person lands on, every address that any page names opens for them."""
    who = {"member": grown.withdrew[0], "recipient": "provider.host"}.get(role, "alex")
    browser = TestClient(site.http.app)
    landing = "/"
    if role != "public":
        answer = browser.post(site.link(role, who), headers={"origin": SITE})
        assert answer.status_code == 200
        landing = answer.url.path
    page = browser.get(landing)
    assert page.status_code == 200
    assert crawl(browser, [(landing, page.text)]) == []


def test_a_looked_at_page_has_no_dead_links(site: Site, grown: Grown) -> None:
    """What an operator sees of a member names no address that an operator cannot open."""
    browser = TestClient(site.http.app)
    browser.post(site.link("operator", "alex"), headers={"origin": SITE})
    form = re.search(r'name="form" value="([^"]+)"', browser.get("/house").text)
    assert form is not None
    sent = {"form": form[1], "member": grown.agreed[0], "why": "access request 3"}
    page = browser.post("/house/look", data=sent, headers={"origin": SITE})
    assert page.status_code == 200
    assert crawl(browser, [("/house/look", page.text)]) == []
