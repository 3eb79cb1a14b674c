"""The typed client against the real application."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import byleave
from byleave.client import ApiError, Choice, Client
from tests.portal.api_site import NOTICE, SITE, USE, Site, site_at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


class ThroughTestClient(httpx.BaseTransport):
    """Sends the client's requests to the application; loses the first `lost` answers."""

    def __init__(self, site: Site, *, lost: int = 0) -> None:
        self.site = site
        self.lost = lost
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        answer = self.site.http.request(
            request.method,
            str(request.url).removeprefix(SITE),
            content=request.read(),
            headers={k: v for k, v in request.headers.items() if k != "host"},
        )
        if self.lost:
            self.lost -= 1
            raise httpx.ReadError("the answer was lost")
        return httpx.Response(
            answer.status_code,
            content=answer.content,
            headers={"content-type": answer.headers["content-type"]},
        )


def client(site: Site, **options: Any) -> Client:
    secret = site.token()["authorization"].removeprefix("Bearer ")
    transport = ThroughTestClient(site, **options)
    return Client(SITE, token=secret, transport=transport, sleep=lambda _: None)


def test_the_story_by_client(site: Site) -> None:
    """Enrol, show the notice, agree, decide, withdraw, read back: all by the typed client."""
    with client(site) as api:
        assert api.enrol(["m-9"], regions={"m-9": "de"}) == 1
        shown = api.notice("m-9", "ask-1")
        assert shown["text"] == NOTICE
        api.record([Choice(member="m-9", kind="grant", scope=USE, token=shown["token"])])
        assert api.decide("m-9", USE).allowed
        api.record([Choice(member="m-9", kind="withdraw", scope=USE)])
        assert [d.because for d in api.decide_many(["m-9", "m-1"], USE)] == [
            "withdrawn",
            "no-grant",
        ]
        assert [e.kind for e in api.history("m-9")] == ["grant", "withdrawal"]
        assert api.answer("m-9")["member_label"] == "m-9"
        assert api.link("m-9").startswith(f"{SITE}/in/")


def test_everything_held_and_a_request_by_client(site: Site) -> None:
    """The client fetches a member's file, with a reason that is logged, and notes what they ask."""
    secret = site.token()["authorization"].removeprefix("Bearer ")
    given: dict[str, Any] = {"transport": ThroughTestClient(site), "sleep": lambda _: None}
    with Client(SITE, token=secret, reason="asked by letter", **given) as api:
        noted = api.request("m-1", "access", channel="letter")
        assert noted["rule"] == "gdpr-12-3"
        assert api.request("m-1", "access")["request"] == noted["request"]
        longer = api.extend(noted["request"], why="so many came at once")
        assert longer["first_due"] == noted["due"] < longer["due"]
        with pytest.raises(ApiError) as caught:
            api.extend(noted["request"], why="again")
        assert (caught.value.status, caught.value.code) == (409, "request.extended")
        data = b"".join(api.export("m-1"))
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            assert "requests.json" in file.namelist()
        with pytest.raises(ApiError, match=r"member\.unknown"):
            list(api.export("nobody"))
    with byleave.open(site.path, read_only=True) as ws:
        assert [look["why"] for look in ws.member.looks()] == ["asked by letter"]


def test_what_a_platform_registers_and_lists(site: Site) -> None:
    """A webhook's secret is told once, a link leads to the settings, releases come page by page."""
    with client(site) as api:
        address = "http://127.0.0.1:9/hook"
        assert api.add_webhook("web", address).startswith("whsec_")
        with pytest.raises(ApiError) as caught:
            api.add_webhook("web", address)
        assert caught.value.code == "webhook.exists"
        assert api.link("m-1", to="settings").endswith("?to=settings")
        assert list(api.releases()) == []


def test_every_page_of_the_releases_is_asked_for() -> None:
    """The next page begins where the one before ended, until there is none."""
    pages = {"-1": ([{"release": "a"}], 7), "7": ([{"release": "b"}], None)}
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(after := request.url.params["after"])
        items, following = pages[after]
        return httpx.Response(200, json={"items": items, "next": following})

    with Client(SITE, token="t", transport=httpx.MockTransport(answer)) as api:
        assert [found["release"] for found in api.releases()] == ["a", "b"]
    assert asked == ["-1", "7"]


def test_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(site: Site) -> None:
    """Where the answer is lost the client sends again under one key, and one choice stands."""
    with client(site, lost=2) as api:
        [index] = api.record([Choice(member="m-1", kind="refuse", scope=USE)])
        assert [e.index for e in api.history("m-1")] == [index]


def test_a_refusal_is_an_error_with_its_code(site: Site) -> None:
    """What the API refuses raises `ApiError` with the API's own code and status."""
    with client(site) as api, pytest.raises(ApiError) as caught:
        api.record([Choice(member="m-1", kind="grant", scope=USE)])
    assert (caught.value.status, caught.value.code) == (403, "consent.notice-missing")


def test_a_server_that_never_answers_is_given_up(site: Site) -> None:
    """After four tries the transport's own error is raised."""
    with client(site, lost=9) as api, pytest.raises(httpx.ReadError):
        api.decide("m-1", USE)
