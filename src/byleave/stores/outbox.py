"""Where packages and orders lie for a recipient, and where its answers go: a folder, or a server.

    list             what lies there
    NAME             one file
    inbox/NAME       what the recipient puts there

A name is one word of lowercase letters, digits, dot, dash and underscore: nothing on the other
side decides where anything is written. A package comes in parts: `fetch` appends to what is there.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from urllib.parse import urlsplit

from byleave.errors import ConflictError, EvidenceError, InputError, RefusedError, WorldError
from byleave.stores.artefacts import write_file

__all__ = ["INBOX", "LISTING", "FolderOutbox", "Outbox", "WebOutbox", "is_outbox_name"]

LISTING: Final = "list"
INBOX: Final = "inbox"
MAX_LISTING_BYTES: Final = 4 << 20
MAX_LETTER_BYTES: Final = 64 << 20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,159}")
_PIECE: Final = 1 << 20
_SECONDS: Final = 60.0
_PORTAL: Final = "/api/v1/packages"
"""Below which a portal serves the same (docs/spec/api.md)."""
_ELSEWHERE: Final = frozenset({404, 405})
_ERRORS: Final = {
    400: InputError,
    403: RefusedError,
    409: ConflictError,
    422: EvidenceError,
}


class Outbox(Protocol):
    """What a recipient needs of the other side."""

    def listing(self) -> Any:  # noqa: ANN401 (JSON)
        """Return what lies there, as JSON."""
        ...

    def read(self, name: str) -> bytes:
        """Return one small file."""
        ...

    def fetch(self, name: str, target: Path, size: int) -> None:
        """Append to `target` until it has `size` bytes."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Hand over one small file."""
        ...


def is_outbox_name(name: object) -> bool:
    """Say whether a file of an outbox may be called this."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and ".." not in name


class FolderOutbox:
    """A folder that both sides see, or that was carried over.

    Args:
        root: The folder.

    Raises:
        InputError: `input.not-found`.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError("no such folder", code="input.not-found", where=str(root))
        self._root = root

    def listing(self) -> Any:  # noqa: ANN401 (JSON)
        """Return what lies there.

        Raises:
            EvidenceError: `disclosure.package`, the list is none.
        """
        return _json(self.read(LISTING))

    def read(self, name: str) -> bytes:
        """Return one small file.

        Raises:
            EvidenceError: `disclosure.package-path`, `disclosure.package`.
            WorldError: `disclosure.unreachable`.
        """
        with self._open(name) as stream:
            data = stream.read(MAX_LETTER_BYTES + 1)
        if len(data) > MAX_LETTER_BYTES:
            raise EvidenceError("a file is over 64 MiB", code="disclosure.package", where=name)
        return data

    def fetch(self, name: str, target: Path, size: int) -> None:
        """Append to `target` until it has `size` bytes.

        Raises:
            ConflictError: `disclosure.half-downloaded`, the file there is shorter.
            EvidenceError: `disclosure.package-path`.
            WorldError: `disclosure.unreachable`, `world.disk-full`, `world.storage`.
        """
        with self._open(name) as stream:
            have = target.stat().st_size if target.exists() else 0
            stream.seek(have)
            _append(target, size - have, stream.read, name)

    def put(self, name: str, data: bytes) -> None:
        """Hand over one small file, whole or not at all.

        Raises:
            EvidenceError: `disclosure.package-path`.
            WorldError: `disclosure.unreachable`, the folder is nobody's outbox;
                `world.disk-full`, `world.storage`.
        """
        self._open(LISTING).close()  # who reads there has written it
        write_file(self._root / INBOX / _checked(name), data)

    def _open(self, name: str) -> BinaryIO:
        path = self._root / _checked(name)
        try:
            return path.open("rb")
        except OSError as error:
            raise WorldError(
                "a file cannot be read there", code="disclosure.unreachable", where=str(path)
            ) from error


class WebOutbox:
    """The same over http or https; every request is signed.

    Args:
        prefix: Address of the server.
        sign: Takes method, path and body; returns the value of `Authorization`.
        seconds: Longest wait for a part of an answer.

    Raises:
        InputError: `log.address`.
    """

    def __init__(
        self, prefix: str, sign: Callable[[str, str, bytes], str], *, seconds: float = _SECONDS
    ) -> None:
        parts = urlsplit(prefix)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("not an http or https address", code="log.address", where=prefix)
        self._prefix = prefix.rstrip("/")
        self._maybe_portal = not parts.path.strip("/")
        self._sign = sign
        self._seconds = seconds

    def listing(self) -> Any:  # noqa: ANN401 (JSON)
        """Return what lies there.

        Raises:
            EvidenceError: `disclosure.package`.
            RefusedError: `disclosure.request`.
            WorldError: `disclosure.unreachable`.
        """
        return _json(self._all("GET", LISTING, b"", MAX_LISTING_BYTES))

    def read(self, name: str) -> bytes:
        """Return one small file.

        Raises:
            EvidenceError: `disclosure.package-path`, `disclosure.package`.
            RefusedError: `disclosure.request`.
            WorldError: `disclosure.unreachable`.
        """
        return self._all("GET", _checked(name), b"", MAX_LETTER_BYTES)

    def fetch(self, name: str, target: Path, size: int) -> None:
        """Append to `target` until it has `size` bytes.

        Raises:
            ConflictError: `disclosure.half-downloaded`, the answer ended before.
            EvidenceError: `disclosure.package-path`.
            RefusedError: `disclosure.request`.
            WorldError: `disclosure.unreachable`, `world.disk-full`, `world.storage`.
        """
        have = target.stat().st_size if target.exists() else 0
        part = f"bytes={have}-" if have else None
        with self._asked("GET", _checked(name), b"", part) as answer:
            if have and answer.status != 206:  # the server sent all of it again
                target.unlink()
                have = 0
            _append(target, size - have, answer.read, name)

    def put(self, name: str, data: bytes) -> None:
        """Hand over one small file.

        Raises:
            ByleaveError: What the other side answers, with its code.
            WorldError: `disclosure.unreachable`.
        """
        self._all("POST", f"{INBOX}/{_checked(name)}", data, MAX_LISTING_BYTES)

    def _all(self, method: str, path: str, body: bytes, limit: int) -> bytes:
        parts: list[bytes] = []
        left, end = limit + 1, time.monotonic() + 10 * self._seconds
        with self._asked(method, path, body) as answer:
            try:
                while left and (part := answer.read(min(left, _PIECE))):
                    parts.append(part)
                    left -= len(part)
                    if time.monotonic() > end:
                        raise self._unreachable("the answer takes too long")
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(type(error).__name__) from error
        if not left:
            raise EvidenceError("an answer is too long", code="disclosure.package", where=path)
        return b"".join(parts)

    def _asked(self, method: str, path: str, body: bytes, part: str | None = None) -> Any:  # noqa: ANN401
        """Send a request; where an address without a path has no such thing, it may be a portal's."""
        try:
            request = self._request(method, path, body)
            if part is not None:
                request.add_header("Range", part)
            return self._answered(request)
        except _NothingHereError as error:
            if not self._maybe_portal:
                raise self._unreachable(f"the server answers {error.status}") from None
        self._prefix, self._maybe_portal = f"{self._prefix}{_PORTAL}", False
        return self._asked(method, path, body, part)

    def _request(self, method: str, path: str, body: bytes) -> urllib.request.Request:
        request = urllib.request.Request(  # noqa: S310 (the prefix is http or https)
            f"{self._prefix}/{path}", data=body if method == "POST" else None, method=method
        )
        request.add_header("Authorization", self._sign(method, f"/{path}", body))
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept-Encoding", "identity")
        return request

    def _answered(self, request: urllib.request.Request) -> Any:  # noqa: ANN401 (urllib's)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            return opener.open(request, timeout=self._seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise self._told(error.code, error.read(1 << 16)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise self._unreachable(str(reason)) from error

    def _told(self, status: int, body: bytes) -> Exception:
        """Return the other side's error as ours; its words are cut, its code must be one of ours."""
        try:
            found = json.loads(body)
            said = found["message"] if "message" in found else found["detail"]  # RFC 9457
            kind = _ERRORS[status]
            return kind(str(said)[:300], code=str(found["code"]))
        except (ValueError, KeyError, TypeError):
            if status in _ELSEWHERE:
                return _NothingHereError(status)
            return self._unreachable(f"the server answers {status}")

    def _unreachable(self, why: str) -> WorldError:
        return WorldError(
            f"the other side cannot be reached: {why}",
            code="disclosure.unreachable",
            where=self._prefix,
        )


class _NothingHereError(Exception):
    """The server has nothing under this address."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 (urllib's)
        """Follow nothing: a signed request is for one server."""


def _append(target: Path, left: int, read: Callable[[int], bytes], name: str) -> None:
    """Append `left` bytes to a file, and flush it; what came stays where the rest did not come."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as stream:
            try:
                while left > 0 and (part := read(min(left, _PIECE))):
                    stream.write(part)
                    left -= len(part)
            except (http.client.HTTPException, ConnectionError, TimeoutError):
                pass  # told below: it ended before its size
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise WorldError(
            "cannot write the download", code="world.storage", where=str(target)
        ) from error
    if left > 0:
        raise ConflictError(
            f"{left:,} bytes of the package have not come",
            code="disclosure.half-downloaded",
            where=name,
            hint="pull again: it goes on from there",
        )


def _checked(name: str) -> str:
    if not is_outbox_name(name):
        raise EvidenceError(
            "the other side names a file that may not be", code="disclosure.package-path"
        )
    return name


def _json(data: bytes) -> Any:  # noqa: ANN401 (JSON)
    try:
        return json.loads(data)
    except ValueError:
        raise EvidenceError("the list of packages is none", code="disclosure.package") from None
