"""Webhooks: every no is told, in order, signed, again until it is taken, and given up last."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import byleave
from byleave.client import webhook_is_good
from byleave.errors import InputError
from byleave.portal.webhooks import TRIES, Webhooks, check_address, signed
from tests.portal.api_site import USE, Site, site_at

Message = tuple[dict[str, str], bytes]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def register(site: Site, url: str, *, name: str = "crm", after: int | None = None) -> bytes:
    """Register an address; return its secret."""
    body = {"webhook": name, "url": url, "after": after}
    made = site.post("/api/v1/webhooks", body, site.token("webhook.write"))
    assert made.status_code == 201, made.text
    return base64.b64decode(made.json()["secret"].removeprefix("whsec_"))


def say_no(site: Site, member: str) -> int:
    """Record a refusal by another door than the API; return its index."""
    with byleave.open(site.path) as ws:
        return ws.consent.refuse(member, USE)


def test_a_no_by_any_door_is_told_and_signed(site: Site) -> None:
    """A refusal from the command line's side reaches a real HTTP address, with a good signature."""
    got: list[Message] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    secret = register(site, f"http://127.0.0.1:{server.server_port}/hook")
    index = say_no(site, "m-1")
    for _ in range(3_600):  # the server tells by itself, once a second
        if got:
            break
        threading.Event().wait(0.05)
    server.shutdown()
    server.server_close()
    headers, body = got[0]
    assert json.loads(body)["data"]["index"] == index
    assert json.loads(body)["data"]["member"] == "m-1"
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(secret, told, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    whole = "whsec_" + base64.b64encode(secret).decode()
    assert webhook_is_good(whole, headers, body)


def test_what_was_not_signed_so_is_no_message() -> None:
    """Another body, id, secret, a time long ago or none, and a missing signature are refused."""
    secret, at, body = "whsec_" + base64.b64encode(b"k" * 32).decode(), 1_700_000_000, b"{}"
    good = {
        "webhook-id": "crm-1",
        "webhook-timestamp": str(at),
        "webhook-signature": "v1,AAAA " + signed(b"k" * 32, "crm-1", at, body),
    }
    assert webhook_is_good(secret, good, body, now=at + 299)
    assert not webhook_is_good(secret, good, body, now=at + 301)
    assert not webhook_is_good(secret, good, body, now=at - 301)
    assert not webhook_is_good(secret, good, b"{} ", now=at)
    assert not webhook_is_good("whsec_" + base64.b64encode(b"j" * 32).decode(), good, body, now=at)
    assert not webhook_is_good(secret, good | {"webhook-id": "crm-2"}, body, now=at)
    assert not webhook_is_good(secret, good | {"webhook-timestamp": str(at + 1)}, body, now=at)
    assert not webhook_is_good(secret, good | {"webhook-timestamp": "soon"}, body, now=at)
    for name in good:
        assert not webhook_is_good(secret, good | {name: ""}, body, now=at)


@pytest.fixture
def quiet(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose own telling stands still, so that a test tells."""

    async def nothing(_self: Webhooks) -> int:
        return 0

    site.tell_by_hand = Webhooks.tell  # type: ignore[attr-defined]
    monkeypatch.setattr(Webhooks, "tell", nothing)
    return site


def told(site: Site, send: Any) -> int:
    desk = site.http.app.state.desk  # type: ignore[attr-defined]
    desk.file._db.execute("UPDATE webhook SET next_us = 0")  # as if the wait were over
    by_hand = site.tell_by_hand  # type: ignore[attr-defined]
    return int(asyncio.run(by_hand(Webhooks(desk, send))))


def test_what_was_not_taken_is_told_again_in_order(quiet: Site) -> None:
    """An event that was not taken is told again under one id before anything after it."""
    register(quiet, "https://crm.example/hook")
    first, second = say_no(quiet, "m-1"), say_no(quiet, "m-2")
    seen: list[str] = []
    answers = iter([500, 204, 204])

    def send(_url: str, headers: dict[str, str], _body: bytes) -> int:
        seen.append(headers["webhook-id"])
        return next(answers)

    assert told(quiet, send) == 0
    assert told(quiet, send) == 2
    assert seen == [f"crm-{first}", f"crm-{first}", f"crm-{second}"]
    assert told(quiet, send) == 0


def test_after_the_last_try_it_is_a_dead_letter_and_the_next_one_is_told(quiet: Site) -> None:
    """After the twelfth try an event is listed as given up, with why, and the next is told."""
    register(quiet, "https://crm.example/hook")
    first, second = say_no(quiet, "m-1"), say_no(quiet, "m-2")

    def unreachable(*_: object) -> int:
        raise ConnectionRefusedError

    for _ in range(TRIES):
        assert told(quiet, unreachable) == 0
    seen: list[str] = []

    def send(_url: str, headers: dict[str, str], _body: bytes) -> int:
        seen.append(headers["webhook-id"])
        return 200

    assert told(quiet, send) == 1
    assert seen == [f"crm-{second}"]
    [hook] = quiet.http.get("/api/v1/webhooks", headers=quiet.token("webhook.write")).json()
    [dead] = hook["dead"]
    assert dead["index"] == first
    assert dead["why"] == "no answer (ConnectionRefusedError)"


def test_a_yes_is_not_told(quiet: Site) -> None:
    """Grants are told to nobody."""
    register(quiet, "https://crm.example/hook")
    quiet.post("/api/v1/choices", quiet.grant("m-1"), quiet.token("consent.write"))
    assert told(quiet, lambda *_: pytest.fail("a yes was told")) == 0


def test_an_address_that_was_dropped_is_told_no_more(quiet: Site) -> None:
    """After its end an address is told nothing, and its name is free."""
    register(quiet, "https://crm.example/hook")
    say_no(quiet, "m-1")
    gone = quiet.http.delete("/api/v1/webhooks/crm", headers=quiet.token("webhook.write"))
    assert gone.status_code == 204
    assert told(quiet, lambda *_: pytest.fail("it was told")) == 0
    again = quiet.http.delete("/api/v1/webhooks/crm", headers=quiet.token("webhook.write"))
    assert again.status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/hook", "https://user:word@crm.example/", "ftp://crm.example/",
        "https://", "file:///etc/passwd", "https://crm.example/#x", "https://[::1", "crm.example",
    ],
)  # fmt: skip
def test_a_secret_goes_to_https_alone(url: str) -> None:
    """An address that is not https, or names a user, is refused before it is kept."""
    with pytest.raises(InputError) as caught:
        check_address(url)
    assert caught.value.code == "webhook.address"
