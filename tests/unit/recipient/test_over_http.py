"""The same over loopback: signed requests, ranges, a workspace that somebody else writes to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from byleave.cli.disclosure_http import DisclosureServer
from byleave.disclosure.card import format_request, request_document
from byleave.errors import ByleaveError, WorldError
from byleave.evidence.disclosed import signed_bytes
from byleave.note.keys import SignerKey
from byleave.stores.outbox import WebOutbox
from tests.recipients import Site


@contextmanager
def _served(site: Site, **later: float) -> Iterator[DisclosureServer]:
    server = DisclosureServer(
        site.root / "ws", host="127.0.0.1", port=0, now=lambda: site.at(**later)
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _connection(server: DisclosureServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", int(server.server_address[1]), timeout=120)


def test_the_whole_way_over_http(offered_site: Site) -> None:
    """Pull, delivery, recall, obey, answer: each taken by the server at once."""
    site = offered_site
    with _served(site, hours=2) as server:
        mine = site.recipient(hours=2)
        outbox = mine.outbox(server.url)
        assert mine.pull(outbox).packages == (site.package,)
        assert [error for _, error in mine.acknowledge(outbox)] == [None]
    with site.open(read_only=True, hours=3) as ws:
        assert ws.disclosure.status()[0]["state"] == "delivered"
    site.withdraw(site.agreed[0], days=1)
    with _served(site, days=2) as server:
        mine = site.recipient(days=2)
        outbox = mine.outbox(server.url)
        assert len(mine.pull(outbox).orders) == 1
        mine.obey()
        mine.sign_answers()
        assert [error for _, error in mine.acknowledge(outbox)] == [None]
        assert mine.pull(outbox).orders == ()
    with site.open(read_only=True, days=3) as ws:
        assert ws.disclosure.status()[0]["state"] == "acknowledged"


def test_a_request_that_nobody_registered_signed_is_refused(offered_site: Site) -> None:
    """No signature, a stranger's, an old one, one for another path: 403, `disclosure.request`."""
    site = offered_site
    signer = SignerKey.parse((site.root / "host" / "keys" / "sign.key").read_text().strip())
    stranger = SignerKey(name="stranger", seed=bytes(32))
    now = int(site.at(hours=2).timestamp())

    def signed(key: SignerKey, *, at: int = now, path: str = "/list", origin: str = "") -> str:
        document = request_document(
            origin=origin or "log.test/byleave", method="GET", path=path, at=at, body=b""
        )
        return format_request(key.verifier.public, at, key.sign(signed_bytes(document)))

    headers = {
        "none": "",
        "stranger": signed(stranger),
        "old": signed(signer, at=now - 301),
        "early": signed(signer, at=now + 301),
        "path": signed(signer, path="/other"),
        "origin": signed(signer, origin="other.example/log"),
    }
    with _served(site, hours=2) as server:
        for name, header in headers.items():
            connection = _connection(server)
            connection.request("GET", "/list", headers={"Authorization": header})
            answer = connection.getresponse()
            assert answer.status == 403, name
            assert b"disclosure.request" in answer.read()
            connection.close()
        connection = _connection(server)
        connection.request("GET", "/list", headers={"Authorization": signed(signer)})
        assert connection.getresponse().status == 200
        connection.close()


def test_another_recipient_gets_nothing_of_it(offered_site: Site) -> None:
    """A registered recipient asks for the other's package: its list is empty, the file not there."""
    site = offered_site
    with _served(site, hours=2) as server:
        logs = site.recipient("logs", hours=2)
        outbox = logs.outbox(server.url)
        assert logs.pull(outbox).packages == ()
        with pytest.raises(WorldError) as error:
            outbox.read(f"{site.package}.age")
        assert error.value.code == "disclosure.unreachable"


@pytest.mark.parametrize("path", ["/..%2Fledger.sqlite", "/a/b", "/.x", "/", "/inbox/../x"])
def test_no_path_leads_out(offered_site: Site, path: str) -> None:
    """An address that is no name is answered 404, whoever asks."""
    with _served(offered_site, hours=2) as server:
        connection = _connection(server)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


def test_a_download_goes_on_by_range(offered_site: Site) -> None:
    """What is in `incoming/` is asked for no second time: the rest comes as a range, and it opens."""
    site = offered_site
    with _served(site, hours=2) as server:
        mine = site.recipient(hours=2)
        outbox = mine.outbox(server.url)
        (listed,) = outbox.listing()["packages"]
        part = site.root / "host" / "incoming" / listed["name"]
        outbox.fetch(listed["name"], part, listed["bytes"])
        whole = part.read_bytes()
        part.write_bytes(whole[:777])
        asked: list[str] = []
        assert isinstance(outbox, WebOutbox)
        plain = outbox._request

        def watched(method: str, path: str, body: bytes) -> object:
            request = plain(method, path, body)
            add = request.add_header

            def note(name: str, value: str) -> None:
                if name == "Range":
                    asked.append(value)
                add(name, value)

            request.add_header = note  # type: ignore[method-assign, assignment]
            return request

        outbox._request = watched  # type: ignore[method-assign, assignment]
        assert mine.pull(outbox).packages == (site.package,)
        assert asked == ["bytes=777-"]


def test_what_comes_while_another_writes_is_kept(offered_site: Site) -> None:
    """A delivery sent while the workspace is held is spooled; `receive` takes it later."""
    site = offered_site
    with _served(site, hours=2) as server:
        mine = site.recipient(hours=2)
        outbox = mine.outbox(server.url)
        mine.pull(outbox)
        with site.open(hours=2):
            assert [error for _, error in mine.acknowledge(outbox)] == [None]
    with site.open(hours=3) as ws:
        assert ws.disclosure.status()[0]["state"] == "offered"
        ((_, taken, refusal),) = ws.disclosure.receive()
        assert refusal is None
        assert taken is not None
        assert taken["what"] == "delivery"
        assert ws.disclosure.status()[0]["state"] == "delivered"


def test_a_refusal_comes_back_with_its_code(offered_site: Site, tmp_path: Path) -> None:
    """Something that is no answer, posted: refused with the platform's own code."""
    del tmp_path
    site = offered_site
    with _served(site, hours=2) as server:
        outbox = site.recipient(hours=2).outbox(server.url)
        with pytest.raises(ByleaveError) as error:
            outbox.put("x.answer", b"{}")
        assert (error.value.code, error.value.exit_code) == ("disclosure.package", 3)


def test_nobody_there_is_told(site: Site) -> None:
    """An address where nobody listens: `disclosure.unreachable`; one that is none: `log.address`."""
    mine = site.recipient()
    with pytest.raises(WorldError) as error:
        mine.pull(mine.outbox("http://127.0.0.1:9"))
    assert error.value.code == "disclosure.unreachable"
    with pytest.raises(ByleaveError) as failed:
        mine.outbox("http://")
    assert failed.value.code == "log.address"
