"""An HTTP server that answers so many at once and hangs up on the rest; over TLS where asked."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from byleave.errors import WorldError

__all__ = ["SlottedServer"]

_HANDSHAKE_SECONDS = 10.0


class SlottedServer(ThreadingHTTPServer):
    """A threading server with slots.

    Args:
        handler: Answers one connection.
        host: Address to listen on.
        port: Port; 0: any free one.
        at_once: Slots.
        tls: Certificate and key to speak TLS with (`wiring.tls`); None: plain HTTP.

    Raises:
        WorldError: `portal.cannot-bind`.
    """

    daemon_threads = True

    def __init__(
        self,
        handler: type[BaseHTTPRequestHandler],
        *,
        host: str,
        port: int,
        at_once: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._tls = tls
        self._host = host
        try:
            super().__init__((host, port), handler)
        except (OSError, OverflowError) as error:
            raise WorldError(
                "cannot listen there",
                code="portal.cannot-bind",
                where=f"{host}:{port}",
                hint="choose another --port, or 0 for any free one",
            ) from error

    @property
    def url(self) -> str:
        """Address of it, by the name that it was given: a certificate is of a name."""
        scheme = "http" if self._tls is None else "https"
        bound, port = self.server_address[:2]
        return f"{scheme}://{self._host or str(bound)}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer on a thread of its own, where one of the slots is free; else hang up."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer, and give the slot back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Shake hands on the thread that answers, so that a slow client holds up nobody else."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing of a client that hung up, was too slow, or did not shake hands."""
