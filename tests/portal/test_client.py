"""The typed client against the real application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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
