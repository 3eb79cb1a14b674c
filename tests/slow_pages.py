"""Every page made slow on its way to the browser, to find tests that read before it is there.

A proxy on loopback between the browser and all servers, whichever process they are in.
It holds each document three times: before its answer (the old page still stands), after its
headers (the new page is there, and empty), and after half of its body (the page is half there).
A test that clicks on what leads to another page and reads at once then fails for certain.
Off unless `BYLEAVE_TEST_SLOW_PAGES` says for how many seconds each pause lasts, as `0.3`.
"""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

__all__ = ["pause_asked_for", "slow_pages"]

_DOCUMENTS: Final = frozenset({"document", "iframe", "frame"})
_PATIENCE: Final = 300
"""Seconds that a server may take to answer."""


def pause_asked_for() -> float:
    """Return how many seconds each of the three pauses lasts, 0 for a proxy that is not used."""
    return float(os.environ.get("BYLEAVE_TEST_SLOW_PAGES") or 0)


class _Relay(socketserver.ThreadingTCPServer):
    """One connection a request, one thread a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    pause = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser may go away before it has read all."""


class _Passed(socketserver.StreamRequestHandler):
    """One request, passed on, and its answer, held back where it is a document."""

    server: _Relay

    def handle(self) -> None:
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        headers: list[tuple[str, str]] = []
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            if name.lower() not in {"connection", "proxy-connection"}:
                headers.append((name.lower(), value.strip()))
        given = dict(headers)
        body = self.rfile.read(int(given.get("content-length", 0)))
        path = (target.path or "/") + ("?" + target.query if target.query else "")
        asked = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers)]
        with socket.create_connection(
            (str(target.hostname), target.port or 80), timeout=_PATIENCE
        ) as upstream:
            lines = [*asked, "connection: close", "", ""]
            upstream.sendall("\r\n".join(lines).encode("latin-1") + body)
            with upstream.makefile("rb") as answered:
                answer = answered.read()
        held = self.server.pause if given.get("sec-fetch-dest") in _DOCUMENTS else 0.0
        head, blank, page = answer.partition(b"\r\n\r\n")
        half = len(page) // 2
        for piece in (head + blank, page[:half], page[half:]):
            if held:
                threading.Event().wait(held)
            self.wfile.write(piece)


@contextmanager
def slow_pages(pause: float) -> Iterator[str]:
    """Run the proxy; yield its address.

    Args:
        pause: How long a document is held each time, in seconds.
    """
    with _Relay(("127.0.0.1", 0), _Passed) as relay:
        relay.pause = pause
        thread = threading.Thread(target=relay.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{relay.server_address[1]}"
        finally:
            relay.shutdown()
            thread.join(60)
