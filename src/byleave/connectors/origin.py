"""A file at its public origin, pinned by size and SHA-256.

`fetch` is the only function of this package that opens a connection. It takes what it is given
a limit for and no more; `pinned` then accepts only the published bytes.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from byleave.errors import InputError, WorldError

__all__ = ["Fetch", "Origin", "fetch", "pinned"]

Fetch = Callable[[str], bytes]
"""URL → the bytes there; raises `WorldError` `data.unreachable` where there are none."""

MAX_BYTES: Final = 16 * 1024 * 1024
TIMEOUT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a file is published, and which bytes it is.

    Attributes:
        url: An `https:` address with the commit in it.
        size: Its length in bytes.
        sha256: Its SHA-256, in hexadecimal.
    """

    url: str
    size: int
    sha256: str


def fetch(url: str) -> bytes:
    """Return what an `https:` address serves, up to 16 MiB, within 20 seconds of silence.

    Raises:
        WorldError: `data.unreachable`, no answer, no such file, or too long an answer.
    """
    name = url.rsplit("/", 1)[-1]
    if not url.startswith("https://"):
        raise WorldError(f"{name}: only https is fetched", code="data.unreachable", where=url)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - https
            data: bytes = answer.read(MAX_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise WorldError(
            f"{name} could not be fetched from its origin",
            code="data.unreachable",
            where=url,
            hint="check the network, or name a folder that holds the data set",
        ) from error
    if len(data) > MAX_BYTES:
        raise WorldError(
            f"{name}: the answer is longer than {MAX_BYTES} bytes",
            code="data.unreachable",
            where=url,
        )
    return data


def pinned(origin: Origin, fetch: Fetch) -> bytes:
    """Return the file of an origin, if it is the published one.

    Raises:
        WorldError: `data.unreachable`, from `fetch`.
        InputError: `data.digest`, other bytes came.
    """
    data = fetch(origin.url)
    if len(data) != origin.size or hashlib.sha256(data).hexdigest() != origin.sha256:
        raise InputError(
            f"{origin.url.rsplit('/', 1)[-1]} is not the published file",
            code="data.digest",
            where=origin.url,
            hint="something on the way changed it; do not use it",
        )
    return data
