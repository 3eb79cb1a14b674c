"""The world: clock, randomness, keys, the workspace's lock. Read here and nowhere else."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from byleave.errors import ConflictError

__all__ = ["ReplayClock", "SeededBytes", "WriteLock", "system_bytes", "system_now"]

_AGAIN: Final = 0.005
"""Seconds between two looks at a lock that another process holds."""


def system_now() -> datetime:
    """Return this machine's clock, UTC, whole microseconds."""
    return datetime.now(UTC)


def system_bytes(count: int) -> bytes:
    """Return random bytes of the operating system."""
    return secrets.token_bytes(count)


class ReplayClock:
    """A clock that a replay sets; it never goes backwards."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the instant last set."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Move forward to `instant`.

        Raises:
            ConflictError: `workspace.clock`, the instant lies before the one last set.
        """
        if instant < self._now:
            raise ConflictError("a replay's clock cannot go back", code="workspace.clock")
        self._now = instant


class SeededBytes:
    """Reproducible bytes: SHAKE-256 of (seed, call number). Marks a workspace `demo`."""

    def __init__(self, seed: int, *, stream: str = "demo") -> None:
        self._seed = seed
        self._stream = stream
        self._calls = 0

    def __call__(self, count: int) -> bytes:
        """Return the next `count` bytes of the stream."""
        self._calls += 1
        material = f"byleave-{self._stream}\n{self._seed}\n{self._calls}".encode()
        return hashlib.shake_256(material).digest(count)


class WriteLock:
    """At most one writing process a workspace (an advisory lock on one file).

    Args:
        path: The file.
        wait: Seconds for which another process's turn is waited for.

    Raises:
        ConflictError: `workspace.busy`.
    """

    def __init__(self, path: Path, *, wait: float = 0.0) -> None:
        give_up = time.monotonic() + wait
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() < give_up:
                    time.sleep(_AGAIN)
                    continue
                os.close(self._descriptor)
                raise ConflictError(
                    "another process is writing to this workspace",
                    code="workspace.busy",
                    where=str(path.parent),
                    hint="wait until it is done, then run the command again",
                ) from error
            return

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._descriptor)
