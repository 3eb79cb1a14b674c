"""Open the workspace that a command names, with progress on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from byleave.cli.output import Progress

if TYPE_CHECKING:
    from byleave.note.trust import Trust
    from byleave.wiring import Workspace

__all__ = ["opened", "read_text", "read_trust"]


@contextmanager
def opened(path: str, *, read_only: bool = False) -> Iterator[Workspace]:
    """Open a workspace for one command, and close it whatever happens."""
    from byleave.wiring import open as open_workspace

    progress = Progress()
    workspace = open_workspace(path, read_only=read_only, progress=progress)
    try:
        yield workspace
    finally:
        progress.close()
        workspace.close()


def read_text(path: str) -> str:
    """Return a file's text.

    Raises:
        InputError: `input.not-found`; `input.malformed`, not UTF-8.
    """
    from byleave.errors import InputError

    try:
        return Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not UTF-8 text", code="input.malformed", where=path
        ) from error
    except OSError as error:
        raise InputError("the file cannot be read", code="input.not-found", where=path) from error


def read_trust(path: str) -> Trust:
    """Read a trust file; one over its limit is refused by its size, unread.

    Raises:
        InputError: `input.not-found`.
        EvidenceError: `trust.malformed`.
    """
    from byleave.errors import InputError
    from byleave.note.trust import MAX_TRUST_BYTES, parse_trust

    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_TRUST_BYTES + 1)
    except OSError as error:
        raise InputError("the file cannot be read", code="input.not-found", where=path) from error
    return parse_trust(data)
