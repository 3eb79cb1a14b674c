"""The facts of a page are read beside the loop: while one page waits for its facts, others come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from byleave.wiring.act_nouns import Acts
from byleave.wiring.face_nouns import Faces
from byleave.wiring.member_nouns import Public
from byleave.wiring.model_nouns import Releases
from tests.portal.api_site import SITE, Site, site_at

GUARD = 60.0
"""Seconds after which a loop that is held lets the test fail instead of hanging it."""

PAGES: list[tuple[str, str, type, str]] = [
    ("", "/", Public, "overview"),
    ("", "/check", Public, "overview"),
    ("", "/policies/privacy", Public, "overview"),
    ("", "/releases/replies-1.json", Public, "overview"),
    ("", "/trust.policy", Public, "overview"),
    ("", "/transparency", Faces, "transparency"),
    ("operator", "/house", Public, "console"),
    ("operator", "/house.json", Public, "console"),
    ("operator", "/house/requests", Acts, "requests"),
    ("operator", "/house/trail.json", Acts, "trail_facts"),
    ("operator", "/house/withdrawals", Acts, "withdrawals"),
    ("operator", "/house/rules", Acts, "rules"),
    ("auditor", "/audit", Faces, "audit"),
    ("auditor", "/audit/log", Faces, "log"),
    ("auditor", "/audit/log/0", Faces, "entry"),
    ("recipient", "/recipient.json", Faces, "recipient"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_at(tmp_path_factory.mktemp("off") / "ws") as made:
        yield made


class Held:
    """A function of the workspace that goes on only when it is let go."""

    def __init__(self, patch: pytest.MonkeyPatch, noun: type, name: str) -> None:
        self.began, self.free = threading.Event(), threading.Event()
        self.threads: list[str] = []
        honest = getattr(noun, name)

        def waits(*args: Any, **named: Any) -> Any:
            self.threads.append(threading.current_thread().name)
            self.began.set()
            if not self.free.wait(GUARD):
                raise TimeoutError("the loop is held: nobody could let this go")
            return honest(*args, **named)

        patch.setattr(noun, name, waits)


async def both(site: Site, send: Callable[[httpx.AsyncClient], Any], held: Held) -> httpx.Response:
    """Return the answer that waits for its facts, which only another answer lets go."""
    transport = httpx.ASGITransport(app=site.http.app)
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
        waiting = asyncio.ensure_future(send(http))
        try:
            begun = asyncio.ensure_future(asyncio.to_thread(held.began.wait, GUARD))
            await asyncio.wait({waiting, begun}, return_when=asyncio.FIRST_COMPLETED)
            other = await http.get("/static/mark.svg")
            assert other.status_code == 200
            assert not waiting.done()
        finally:
            held.began.set()
            held.free.set()
        answer: httpx.Response = await waiting
        return answer


@pytest.mark.parametrize(("role", "path", "noun", "name"), PAGES)
def test_a_page_that_waits_holds_up_no_other(
    role: str, path: str, noun: type, name: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a page's facts are read, the loop answers another request, which lets them go."""
    held = Held(monkeypatch, noun, name)
    cookies = dict(site.signed_in(role, "r-1").cookies) if role else {}

    async def page(http: httpx.AsyncClient) -> httpx.Response:
        http.cookies.update(cookies)
        return await http.get(path)

    answer = asyncio.run(both(site, page, held))
    assert answer.status_code in {200, 404}
    assert all(thread.startswith("byleave-reader") for thread in held.threads)


def test_a_suggestion_that_waits_holds_up_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that computes a suggestion does not hold the loop."""
    held = Held(monkeypatch, Releases, "suggest_for")

    async def ask(http: httpx.AsyncClient) -> httpx.Response:
        return await http.post("/releases/replies-1/suggest", json={})

    answer = asyncio.run(both(site, ask, held))
    assert answer.status_code == 404  # there is no release
    assert held.threads[0].startswith("byleave-reader")
