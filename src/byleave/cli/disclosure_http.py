"""Packages and orders over HTTP, for registered recipients; deliveries and answers back.

    GET /list      GET /NAME (with `Range: bytes=N-`)      POST /inbox/NAME

Standard library alone. Every request carries a signature of a registered key over the log's
origin, method, path, instant and body (`disclosure.card`), and reaches what lies there for that
recipient and nothing else. What is sent is taken at once where nobody else writes, and kept for
`disclosure receive` where somebody does. Bounds: 64 MiB for what is sent, 30 seconds for each part
of a request, 16 requests at once. Packages go from the disk as streams. It speaks TLS where it is
given a certificate.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from byleave.cli.slotted_server import SlottedServer
from byleave.disclosure.card import MAX_SKEW_SECONDS, parse_request, request_document
from byleave.errors import (
    ByleaveError,
    ConflictError,
    EvidenceError,
    InputError,
    RefusedError,
)
from byleave.evidence.disclosed import check_signature

if TYPE_CHECKING:
    from byleave.wiring import Workspace

__all__ = ["DisclosureServer"]

MAX_BODY: Final = 64 << 20
_SECONDS: Final = 30.0
_AT_ONCE: Final = 16
_NAME: Final = re.compile(r"/(?:inbox/)?([a-z0-9][a-z0-9._-]{0,159})")
_STATUSES: Final[tuple[tuple[type[ByleaveError], int], ...]] = (
    (InputError, 400),
    (RefusedError, 403),
    (ConflictError, 409),
    (EvidenceError, 422),
)
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-")


class DisclosureServer(SlottedServer):
    """Listens, and answers for one workspace.

    Args:
        workspace: Its folder; opened anew for each request, so that it shows what is in it now.
        host: Address to listen on.
        port: Port; 0: any free one.
        now: Clock; None: this machine's.
        tls: What it speaks TLS with; None: plain HTTP.

    Raises:
        InputError: `workspace.missing`.
        WorldError: `portal.cannot-bind`.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        host: str,
        port: int,
        now: Callable[[], datetime] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.workspace = workspace
        self.now = now
        self.taking = threading.Lock()
        self.open(read_only=True).close()
        super().__init__(_Handler, host=host, port=port, at_once=_AT_ONCE, tls=tls)

    def open(self, *, read_only: bool) -> Workspace:
        """Open the workspace for one request."""
        from byleave.wiring import open as open_workspace

        return open_workspace(self.workspace, read_only=read_only, now=self.now)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "byleave-disclosure"
    sys_version = ""
    timeout = _SECONDS

    def do_GET(self) -> None:
        self._guarded(self._get, b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            self.close_connection = True
            self._send(411, b"a Content-Length is wanted\n")
            return
        if len(length) > 9 or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(413, b"at most 64 MiB\n")
            return
        body = self.rfile.read(int(length))
        if len(body) == int(length):
            self._guarded(self._post, body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name upstream)
        """Write nothing."""

    def _guarded(self, answer: Callable[[Workspace, str, str, bytes], None], body: bytes) -> None:
        try:
            name = _NAME.fullmatch(self.path)
            if name is None or ".." in self.path:
                self._send(404, b"nothing here\n")
                return
            workspace = self._server.open(read_only=True)
            try:
                answer(workspace, self._who(workspace, body), name.group(1), body)
            finally:
                workspace.close()
        except ByleaveError as error:
            self._send(_status(error), _told(error), "application/json")

    def _who(self, workspace: Workspace, body: bytes) -> str:
        """Return whose request this is.

        Raises:
            RefusedError: `disclosure.request`.
        """
        parsed = parse_request(self.headers.get("Authorization", ""))
        if parsed is None:
            raise _refused("the request is not signed")
        key, at, signature = parsed
        recipient = workspace.disclosure.recipient_of(key)
        if recipient is None:
            raise _refused("the request is signed by no registered key")
        if abs(workspace.now().timestamp() - at) > MAX_SKEW_SECONDS:
            raise _refused("the request is too old, or its clock is wrong")
        document = request_document(
            origin=workspace.config.origin,
            method=str(self.command),
            path=self.path,
            at=at,
            body=body,
        )
        try:
            check_signature(document, signature, key)
        except EvidenceError as error:
            raise _refused("the request's signature fails") from error
        return recipient

    def _get(self, workspace: Workspace, recipient: str, name: str, body: bytes) -> None:
        del body
        if name == "list":
            listing = workspace.disclosure.listing(recipient)
            self._send(200, json.dumps(listing).encode(), "application/json")
            return
        data = workspace.disclosure.file(recipient, name)
        if data is None or self.path.startswith("/inbox/"):
            self._send(404, b"nothing here\n")
            return
        part = _RANGE.fullmatch(self.headers.get("Range", ""))
        start = 0 if part is None else int(part.group(1))
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as stream:
            size = stream.seek(0, io.SEEK_END)
            if start > size:
                self._send(416, b"beyond its end\n")
                return
            stream.seek(start)
            self._head(206 if start else 200, size - start, "application/octet-stream")
            shutil.copyfileobj(stream, self.wfile)

    def _post(self, workspace: Workspace, recipient: str, name: str, body: bytes) -> None:
        if not self.path.startswith("/inbox/"):
            self._send(404, b"nothing here\n")
            return
        with self._server.taking:
            try:
                writer = self._server.open(read_only=False)
            except ConflictError as error:
                if error.code != "workspace.busy":
                    raise
                workspace.disclosure.spool(recipient, name, body)
                self._send(202, b'{"kept":true}', "application/json")
                return
            try:
                taken = writer.disclosure.take(body)
            finally:
                writer.close()
        self._send(200, json.dumps(taken).encode(), "application/json")

    @property
    def _server(self) -> DisclosureServer:
        return cast("DisclosureServer", self.server)

    def _send(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self._head(status, len(body), kind)
        self.wfile.write(body)

    def _head(self, status: int, length: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _refused(what: str) -> RefusedError:
    return RefusedError(what, code="disclosure.request")


def _status(error: ByleaveError) -> int:
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return 503


def _told(error: ByleaveError) -> bytes:
    return json.dumps({"code": error.code, "message": error.message}).encode()
