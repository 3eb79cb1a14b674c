"""The log explorer and the checking page as one file, which works from a disk, without a server.

The scripts are the verifier's (`check.script`), and `static/explorer/log.js`, which reads a published
log from its files and takes every hash of it again; docs/spec/explorer.md. The file allows its own
scripts by their digests. It can connect nowhere, or to the one log it was made for.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from byleave.errors import InputError
from byleave.evidence.entry import ENTRY_KINDS
from byleave.evidence.pointers import POINTERS
from byleave.pages.check import document_of, script, static
from byleave.pages.html import environment
from byleave.pages.words import say

__all__ = ["EXPLORER_NAME", "explorer"]

EXPLORER_NAME: Final = "byleave-explorer.html"
_SCRIPT: Final = (
    "yes no unchecked holds limits working missing notrust nofolder fault origin size root "
    "witnesses nobody newest searching entries none absence index kind means leaf newestentries "
    "older list nosuch entry proof save bytes"
).split()


def explorer(log: str | None = None) -> str:
    """Return the file.

    Args:
        log: Address of the one log it may fetch, https or on this machine; None: it can connect
            nowhere, and reads files that are chosen.

    Raises:
        InputError: `log.address`, another kind of address.
    """
    return _explorer(None if log is None else _checked(log))


@cache
def _explorer(log: str | None) -> str:
    code = [
        script(),
        static("check.js"),
        static("explorer/log.js"),
        static("explorer/page.js"),
    ]
    connect = "" if log is None else f"; connect-src {_site(log)}"
    return document_of(
        environment("en").get_template("explorer.html"),
        code,
        more=connect,
        words=json.dumps(_words(), sort_keys=True),
        log=log,
    )


def _words() -> dict[str, object]:
    """Return what the script says; the places stay open for it."""
    places = {name: f"{{{name}}}" for name in ("bytes", "index", "size")}
    found: dict[str, object] = {n: say(f"explorer-script.{n}", **places) for n in _SCRIPT}
    for kind in ENTRY_KINDS:
        found[f"kind-{kind}"] = say(f"explorer-kind.{kind.replace('/', '-')}")
    return {**found, "pointers": sorted(POINTERS)}


def _checked(log: str) -> str:
    parts = urlsplit(log)
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    plain = log.isascii() and not set(log) & set(" ;,'\"\\<>")
    if (
        not plain
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not (parts.scheme == "https" or (here and parts.scheme == "http"))
    ):
        raise InputError(
            "not the https address of a log", code="log.address", hint="https://HOST/PATH"
        )
    return log.rstrip("/")


def _site(log: str) -> str:
    parts = urlsplit(log)
    return f"{parts.scheme}://{parts.netloc}"
