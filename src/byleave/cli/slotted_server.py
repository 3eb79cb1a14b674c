"""An HTTP server that answers so many at once and hangs up on the rest; over TLS where asked."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from byleave.errors import InputError, WorldError

__all__ = ["SlottedServer", "tls_context"]

_HANDSHAKE_SECONDS = 10.0


class SlottedServer(ThreadingHTTPServer):
    """A threading server with slots.

    Args:
        handler: Answers one connection.
        host: Address to listen on.
        port: Port; 0: any free one.
        at_once: Slots.
        tls: Certificate and key to speak TLS with (`tls_context`); None: plain HTTP.

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
        """Address of it."""
        host, port = self.server_address[:2]
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host!s}:{port}"

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


def tls_context(certificate: str | Path | None, key: str | Path | None) -> ssl.SSLContext | None:
    """Return what a server speaks TLS 1.2 or newer with; None where neither file is named.

    Args:
        certificate: PEM file: the certificate, then those that lead to a root.
        key: PEM file of its private key.

    Raises:
        InputError: `server.tls`, one without the other, or they cannot be read together.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InputError("TLS takes a certificate and its key", code="server.tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            "the certificate and its key cannot be read, or do not belong together",
            code="server.tls",
            where=str(certificate),
        ) from error
    return context
