"""The log and its witnesses over HTTP: reading static files, asking for a cosignature.

Every answer is bounded in size before it is read, and in time; addresses other than http and
https are refused, also where a server redirects. What comes back is never believed: callers
authenticate it against a checkpoint, or a key.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any, Final, Protocol
from urllib.parse import urlsplit

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.merkle.tile import TILE_WIDTH, parse_tile_path
from byleave.note.signed import MAX_NOTE_BYTES
from byleave.tlog.bundle import (
    MAX_FILE_BYTES,
    bundle_path,
    decode_bundle,
    encode_bundle,
    parse_bundle_path,
)
from byleave.tlog.cosign import MAX_ANSWER_BYTES

__all__ = ["WebTiles", "WebWitness", "is_web_address"]

_SECONDS: Final = 20.0
_SCHEMES: Final = frozenset({"http", "https"})
_TILE_BYTES: Final = 32 * TILE_WIDTH
_AGENT: Final = "byleave"
_PIECE: Final = 1 << 16


class _Answer(Protocol):
    def read1(self, amount: int, /) -> bytes: ...


class _NoOtherScheme(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in _SCHEMES:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class WebTiles:
    """A `tlog.ports.TileSource` under a prefix of a web server.

    Args:
        prefix: Address under which `checkpoint` and `tile/` lie.
        seconds: Time for one answer, from the first byte asked to the last one read.

    Raises:
        InputError: `log.address`.
    """

    def __init__(self, prefix: str, *, seconds: float = _SECONDS) -> None:
        self._fetch = _Fetch(prefix, seconds)

    def read(self, path: str) -> bytes:
        """Return a file's bytes; a partial one that is gone is cut from its full successor.

        Raises:
            InputError: `log.tile-path`.
            EvidenceError: `log.tile-missing`; `log.tile-damaged`, longer than it can be.
            WorldError: `log.unreachable`.
        """
        full, cut, limit = _full_path(path)
        data = self._fetch(path, limit)
        if data is None and full != path:
            data = self._fetch(full, limit)
            return cut(_there(data, path))
        return _there(data, path)

    def read_checkpoint(self) -> bytes | None:
        """Return the checkpoint; None: the server has none.

        Raises:
            EvidenceError: `log.tile-damaged`, over 1 MiB.
            WorldError: `log.unreachable`.
        """
        return self._fetch("checkpoint", MAX_NOTE_BYTES)


class WebWitness:
    """A `tlog.cosign.Post` to the submission prefix of a witness."""

    def __init__(self, prefix: str, *, seconds: float = _SECONDS) -> None:
        self._fetch = _Fetch(prefix, seconds)

    def __call__(self, body: bytes) -> tuple[int, bytes]:
        """Send an add-checkpoint request.

        Raises:
            WorldError: `log.unreachable`.
        """
        return self._fetch.post("add-checkpoint", body, MAX_ANSWER_BYTES)


def is_web_address(text: str) -> bool:
    """Say whether this is an http or https address with a host, and nothing after the path."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in _SCHEMES and bool(parts.hostname) and not parts.query + parts.fragment
        )
    except ValueError:
        return False


class _Fetch:
    """Answers below one prefix, each bounded in bytes and seconds."""

    def __init__(self, prefix: str, seconds: float) -> None:
        if not is_web_address(prefix):
            raise InputError("not an http or https address", code="log.address", where=prefix)
        self._prefix = prefix.rstrip("/")
        self._seconds = seconds
        # No handlers for files or ftp: what an address may mean is http and https alone.
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _NoOtherScheme(),
        ):
            self._opener.add_handler(handler)

    def __call__(self, path: str, limit: int) -> bytes | None:
        status, data = self._send(path, None, limit)
        if status == 200:
            return data
        if status in {404, 410}:
            return None
        raise _unreachable(self._at(path), f"the server answers {status}")

    def post(self, path: str, body: bytes, limit: int) -> tuple[int, bytes]:
        return self._send(path, body, limit)

    def _send(self, path: str, body: bytes | None, limit: int) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 (the prefix is http or https)
            self._at(path), data=body, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        )
        if body is not None:
            request.add_header("Content-Type", "text/plain; charset=utf-8")
        end = time.monotonic() + self._seconds
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                return answer.status, self._read(answer, limit, end, path)
        except urllib.error.HTTPError as error:
            failed: Any = error  # it reads as the answer that it is
            with error:
                return error.code, self._read(failed, limit, end, path)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise _unreachable(self._at(path), str(reason)) from error

    def _read(self, answer: _Answer, limit: int, end: float, path: str) -> bytes:
        parts: list[bytes] = []
        left = limit + 1
        while left and (part := answer.read1(min(left, _PIECE))):
            parts.append(part)
            left -= len(part)
            if time.monotonic() > end:
                raise _unreachable(self._at(path), "the answer takes too long")
        if not left:
            raise EvidenceError(
                "an answer is longer than it can be", code="log.tile-damaged", where=self._at(path)
            )
        return b"".join(parts)

    def _at(self, path: str) -> str:
        return f"{self._prefix}/{path}"


def _full_path(path: str) -> tuple[str, Callable[[bytes], bytes], int]:
    """Return the path of the full file, how to cut it to this one, and the longest it can be."""
    try:
        tile = parse_tile_path(path)
    except InputError:
        index, width = parse_bundle_path(path)

        def cut(data: bytes) -> bytes:
            return encode_bundle(decode_bundle(data, TILE_WIDTH)[:width])

        return bundle_path(index), cut, MAX_FILE_BYTES
    full = f"tile/{tile.level}/{path.removesuffix(f'.p/{tile.width}').split('/', 2)[2]}"
    return full, lambda data: data[: 32 * tile.width], _TILE_BYTES


def _there(data: bytes | None, path: str) -> bytes:
    if data is None:
        raise EvidenceError("a file of the log is not there", code="log.tile-missing", where=path)
    return data


def _unreachable(where: str, why: str) -> WorldError:
    return WorldError(f"cannot be fetched: {why}", code="log.unreachable", where=where)
