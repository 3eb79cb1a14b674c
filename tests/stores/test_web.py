"""Logs and witnesses over HTTP: bounded answers, and a witness that speaks the protocol."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from byleave.cli.witness_http import WitnessServer
from byleave.errors import EvidenceError, InputError, WorldError
from byleave.evidence.entry import RulesetEntry
from byleave.evidence.fork import parse_fork
from byleave.merkle.tile import Tile
from byleave.note import SignerKey, parse_trust
from byleave.stores.web import WebTiles, WebWitness, is_web_address
from byleave.stores.witness_files import WitnessFiles
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.cosign import Quorum
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader
from byleave.tlog.witness import MAX_REQUEST_BYTES, AddCheckpoint, encode_request, origin_hash
from byleave.wiring.witness import WitnessHouse, make_witness

KEY = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
ENTRIES = [RulesetEntry(ruleset=f"r{n}", sha256=bytes(32)).encode() for n in range(600)]


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(120)


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET  # noqa: N815 (its name upstream)

        def log_message(self, *_: object) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


def files(tiles: MemoryTiles) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        path = request.path.removeprefix("/log/")
        data = tiles.published if path == "checkpoint" else tiles.files.get(path)
        request.send_response(404 if data is None else 200)
        request.end_headers()
        request.wfile.write(data or b"")

    return answer


def made(size: int = 600) -> MemoryTiles:
    tiles, source, head = MemoryTiles(), MemorySource(), MemoryHead()
    for part in (300, size):
        source.entries = list(ENTRIES[:part])
        publish(source, tiles, head, KEY, origin=KEY.name)
    return tiles


def test_a_log_is_read_over_http() -> None:
    """Checkpoint, entries and proofs come back from a web server as they were published."""
    tiles = made()
    with answering(files(tiles)) as url:
        reader = LogReader(WebTiles(f"{url}/log/"), verifier=KEY.verifier)
        assert list(reader.entries(0, 600)) == ENTRIES
    with answering(files(MemoryTiles())) as url:
        assert WebTiles(f"{url}/log").read_checkpoint() is None


def test_a_partial_file_that_is_gone_is_cut_from_the_full_one() -> None:
    """Where only the full tile or bundle is left, the partial one is its beginning."""
    tiles = made()
    for gone in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        kept = tiles.files.pop(gone)
        with answering(files(tiles)) as url:
            assert WebTiles(f"{url}/log").read(gone) == kept


def test_a_file_that_is_not_there_is_named() -> None:
    """A tile that the server does not have is missing, and another path is never asked for."""
    with answering(files(made())) as url:
        tiles = WebTiles(f"{url}/log")
        with pytest.raises(EvidenceError) as caught:
            tiles.read(Tile(level=0, index=9).path)
        assert caught.value.code == "log.tile-missing"
        with pytest.raises(InputError):
            tiles.read("../secret")


def test_answers_are_bounded() -> None:
    """An answer longer than the file can be is refused, without reading its gigabyte."""
    sent = []

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(1 << 30))
        request.end_headers()
        try:
            for _ in range(1 << 14):
                request.wfile.write(bytes(1 << 16))
                sent.append(1)
        except OSError:
            pass

    with answering(endless) as url:
        for read in (
            lambda: WebTiles(url).read_checkpoint(),
            lambda: WebTiles(url).read("tile/0/000"),
        ):
            with pytest.raises(EvidenceError) as caught:
                read()
            assert caught.value.code == "log.tile-damaged"
    assert len(sent) < 1 << 12


def test_what_is_no_web_address_is_refused() -> None:
    """Files, other schemes, and addresses with a query are refused before anything is fetched."""
    for text in ("file:///etc", "ftp://x/", "http://", "x", "http://x/?a=1", "http://[", ""):
        assert not is_web_address(text)
        with pytest.raises(InputError) as caught:
            WebTiles(text)
        assert caught.value.code == "log.address"


def test_a_redirect_to_a_file_is_not_followed(tmp_path: Path) -> None:
    """A server that redirects to another scheme, or that fails, is a server that cannot be read."""
    secret = tmp_path / "secret"
    secret.write_text("x")

    def away(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", secret.as_uri())
        request.end_headers()

    def broken(request: BaseHTTPRequestHandler) -> None:
        request.send_response(503)
        request.end_headers()

    for answer in (away, broken):
        with answering(answer) as url, pytest.raises(WorldError) as caught:
            WebTiles(url).read_checkpoint()
        assert caught.value.code == "log.unreachable"


def test_nobody_there() -> None:
    """An address where nobody listens, and one that never answers, end in time."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(WorldError) as caught:
            WebTiles(url, seconds=0.2).read_checkpoint()
        assert caught.value.code == "log.unreachable"
    with pytest.raises(WorldError):
        WebWitness(url)(b"x")


@pytest.fixture
def house(tmp_path: Path) -> WitnessHouse:
    make_witness(tmp_path / "w", "w.test.invalid", random=bytes)
    found = WitnessHouse(tmp_path / "w")
    found.follow((KEY.verifier,))
    return found


def test_a_log_is_cosigned_over_http(house: WitnessHouse) -> None:
    """A log that grows is cosigned by a witness behind HTTP, which then serves what it cosigned."""
    trust = parse_trust(f"log {KEY.verifier}\nwitness W {house.key}\nquorum W\n")
    tiles, source, head = MemoryTiles(), MemorySource(), MemoryHead()
    with serving(WitnessServer(house, host="127.0.0.1", port=0)) as url:
        quorum = Quorum(trust, {"W": WebWitness(url)}, pause=lambda turn: False)
        for size in (3, 300):
            source.entries = list(ENTRIES[:size])
            publish(source, tiles, head, KEY, origin=KEY.name, cosigners=quorum)
            assert tiles.published is not None
            assert trust.check(tiles.published).witnesses == ("W",)
        status, body = fetched(url, "GET", f"/{origin_hash(KEY.name)}/checkpoint")
        assert (status, trust.check(body).checkpoint.size) == (200, 300)
        assert fetched(url, "GET", f"/{origin_hash('x')}/checkpoint")[0] == 404
        assert fetched(url, "GET", "/checkpoint")[0] == 404


def fetched(url: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_other_requests_are_refused(house: WitnessHouse) -> None:
    """Other paths, bodies without a length or over the bound, and methods we do not know are refused."""
    with serving(WitnessServer(house, host="127.0.0.1", port=0)) as url:
        assert fetched(url, "POST", "/other", b"x")[0] == 404
        assert fetched(url, "POST", "/add-checkpoint", b"x")[0] == 400
        assert fetched(url, "PUT", "/add-checkpoint", b"x")[0] == 501
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 120) as raw:
            length = MAX_REQUEST_BYTES + 1
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length)
            assert raw.recv(100).startswith(b"HTTP/1.1 413")
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 120) as raw:
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 411")


def test_an_address_has_a_number_of_requests_a_minute(house: WitnessHouse) -> None:
    """Beyond its number an address is told 429 until the minute is over."""
    now = [0.0]
    server = WitnessServer(house, host="127.0.0.1", port=0, per_minute=2, clock=lambda: now[0])
    with serving(server) as url:
        found = [fetched(url, "GET", "/")[0] for _ in range(3)]
        now[0] = 61
        assert [*found, fetched(url, "GET", "/")[0]] == [404, 404, 429, 404]


def test_a_taken_port_is_told(house: WitnessHouse) -> None:
    """A witness that cannot listen says where."""
    server = WitnessServer(house, host="127.0.0.1", port=0)
    try:
        with pytest.raises(WorldError) as caught:
            WitnessServer(house, host="127.0.0.1", port=server.server_address[1])
        assert caught.value.code == "portal.cannot-bind"
    finally:
        server.server_close()


def cosign(house: WitnessHouse, entries: list[bytes], old: int = 0) -> int:
    tiles = MemoryTiles()
    publish(MemorySource(entries), tiles, MemoryHead(), KEY, origin=KEY.name)
    assert tiles.published is not None
    path = LogReader(tiles).consistency(old)
    request = AddCheckpoint(old=old, path=path, note=tiles.published)
    return house.add_checkpoint(encode_request(request)).status


def test_a_witness_remembers_over_restarts(house: WitnessHouse, tmp_path: Path) -> None:
    """A witness opened again refuses what contradicts what it cosigned, and keeps the contradiction."""
    assert cosign(house, ENTRIES[:5]) == 200
    again = WitnessHouse(tmp_path / "w")
    assert cosign(again, ENTRIES[10:15], old=5) == 409
    assert cosign(again, ENTRIES[10:19], old=5) == 422
    forks = [path for path in again.refused(KEY.name) if path.suffix == ".fork"]
    assert (len(again.refused(KEY.name)), len(forks)) == (2, 1)
    assert parse_fork(forks[0].read_bytes()).check([KEY.verifier]).first.size == 5
    assert [(origin, note is not None) for origin, note in again.kept()] == [(KEY.name, True)]


def test_a_damaged_memory_cosigns_nothing(house: WitnessHouse, tmp_path: Path) -> None:
    """When what was cosigned last cannot be read, or is another log's, the witness says so and stops."""
    assert cosign(house, ENTRIES[:5]) == 200
    path = tmp_path / "w" / "logs" / origin_hash(KEY.name) / "checkpoint"
    for damage in (b"junk", path.read_bytes().replace(b"log.test", b"log.tent")):
        path.write_bytes(damage)
        with pytest.raises(EvidenceError) as caught:
            cosign(house, ENTRIES[:9], old=5)
        assert caught.value.code == "witness.state"


def test_two_threads_never_roll_back(tmp_path: Path) -> None:
    """Of many requests at once for one log, the state only grows, and each swap starts from what was kept."""
    files = [WitnessFiles(tmp_path) for _ in range(4)]
    tiles = MemoryTiles()
    source, head = MemorySource(), MemoryHead()
    notes = []
    for size in range(1, 21):
        source.entries = list(ENTRIES[:size])
        publish(source, tiles, head, KEY, origin=KEY.name)
        assert tiles.published is not None
        notes.append(tiles.published)
    swapped: list[int] = []

    def climb(store: WitnessFiles) -> None:
        for number, note in enumerate(notes):
            old = notes[number - 1] if number else None
            if store.compare_and_swap(KEY.name, old, note):
                swapped.append(number)

    threads = [threading.Thread(target=climb, args=(store,)) for store in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert swapped == sorted(set(swapped))
    assert files[0].get(KEY.name) == notes[swapped[-1]]


def test_a_witness_is_made_once(tmp_path: Path) -> None:
    """A witness's key is not replaced, is readable by its owner alone, and a folder without one is refused."""
    key = make_witness(tmp_path / "w", "w.test.invalid")
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "w" / "witness.vkey").read_text().strip() == str(key)
    for call in (
        lambda: make_witness(tmp_path / "w", "w.test.invalid"),
        lambda: WitnessHouse(tmp_path / "nowhere"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "witness.folder"
