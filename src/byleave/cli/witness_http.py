"""A witness over HTTP: the two paths of tlog-witness, and nothing else.

    POST /add-checkpoint            GET /<sha256(origin), hexadecimal>/checkpoint

Standard library alone: whoever lends a log their key should not have to trust a web framework.
Bounds: 1 MiB and a little for a request, 10 seconds for each part of it, 32 requests at once, and
a number of requests a minute for each address. Without a certificate it speaks no TLS: on a
public network give it one, or stand it behind a server that has.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final, cast

from byleave.cli.slotted_server import SlottedServer
from byleave.errors import ByleaveError
from byleave.tlog.witness import MAX_REQUEST_BYTES, Answer

if TYPE_CHECKING:
    from byleave.wiring.witness import WitnessHouse

__all__ = ["WitnessServer"]

_SECONDS: Final = 10.0
_AT_ONCE: Final = 32
_ADDRESSES: Final = 10_000
_HEX: Final = frozenset("0123456789abcdef")


class WitnessServer(SlottedServer):
    """Listens, and answers for one witness.

    Args:
        house: The witness.
        host: Address to listen on.
        port: Port; 0: any free one.
        per_minute: Requests a minute from one address.
        clock: Seconds that only rise.
        tls: What it speaks TLS with; None: plain HTTP.

    Raises:
        WorldError: `portal.cannot-bind`.
    """

    request_queue_size = 64

    def __init__(
        self,
        house: WitnessHouse,
        *,
        host: str,
        port: int,
        per_minute: int = 600,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.house = house
        self._per_minute = per_minute
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()
        super().__init__(_Handler, host=host, port=port, at_once=_AT_ONCE, tls=tls)

    def allowed(self, address: str) -> bool:
        """Count a request of an address; say whether it is within this minute's number."""
        now = self._clock()
        with self._lock:
            start, count = self._seen.get(address, (now, 0))
            if now - start >= 60:
                start, count = now, 0
            if address not in self._seen and len(self._seen) >= _ADDRESSES:
                self._seen.pop(next(iter(self._seen)))
            self._seen[address] = (start, count + 1)
        return count < self._per_minute


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "byleave-witness"
    sys_version = ""
    timeout = _SECONDS

    def do_POST(self) -> None:
        if not self._may():
            return
        if self.path != "/add-checkpoint":
            self._send(404, b"POST /add-checkpoint\n")
            return
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            self._send(411, b"a Content-Length is wanted\n")
            return
        if len(length) > 9 or int(length) > MAX_REQUEST_BYTES:
            self._send(413, b"a request is at most 1 MiB\n")
            return
        body = self._body(int(length))
        if body is None:
            self.close_connection = True
            return
        try:
            answer = self._server.house.add_checkpoint(body)
        except ByleaveError as error:
            self._send(500, f"{error.code}\n".encode())
            return
        self._answer(answer)

    def do_GET(self) -> None:
        if not self._may():
            return
        name, _, rest = self.path.removeprefix("/").partition("/")
        try:
            good = rest == "checkpoint" and len(name) == 64 and set(name) <= _HEX
            data = self._server.house.checkpoint(name) if good else None
        except ByleaveError as error:
            self._send(500, f"{error.code}\n".encode())
            return
        self._send(404, b"nothing here\n") if data is None else self._send(200, data)

    def _body(self, length: int) -> bytes | None:
        """Return the body; None: the client hung up, or took too long over it."""
        end = time.monotonic() + 3 * _SECONDS
        parts: list[bytes] = []
        while length:
            part = self.rfile.read1(min(length, 1 << 16))
            if not part or time.monotonic() > end:
                return None
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name upstream)
        """Write nothing: who asks is nobody's business."""

    @property
    def _server(self) -> WitnessServer:
        return cast("WitnessServer", self.server)

    def _may(self) -> bool:
        if self._server.allowed(str(self.client_address[0])):
            return True
        self._send(429, b"too many requests in a minute\n")
        return False

    def _answer(self, answer: Answer) -> None:
        self._send(answer.status, answer.body, answer.kind)

    def _send(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        if status in {411, 413, 429}:  # the body was not read: the connection cannot go on
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
