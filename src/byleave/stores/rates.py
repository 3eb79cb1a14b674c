"""How often callers asked, shared by every server of one workspace: token buckets in SQLite.

Nothing here has to outlive a crash, so nothing waits for the disk (`synchronous = OFF`). The instant
is the machine's steady clock, which all its processes share; one that went back (the machine was
started anew) makes a bucket full. Callers stand in the file by a hash that its user keys.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from byleave.errors import WorldError

__all__ = ["RateFile"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bucket (
    caller BLOB PRIMARY KEY, remaining REAL NOT NULL, at REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""
_WAIT: Final = 0.1
_SWEEP: Final = 1_000
_SHARE: Final = 8


class RateFile:
    """Buckets in a file; used by one thread at a time.

    Args:
        path: Of the file; made, its owner's alone, where there is none.

    Raises:
        WorldError: `desk.unreadable`, it can be neither read nor made.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=_WAIT, check_same_thread=False
            )
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise WorldError(
                "the file of rates can be neither read nor made",
                code="desk.unreadable",
                where=str(path),
                hint="it may be removed: it holds nothing that lasts",
            ) from error
        self._takes = 0

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def take(
        self, caller: bytes, *, most: int, now: float, rate: float, burst: float
    ) -> tuple[int, float]:
        """Take requests out of a caller's bucket, to be counted down by whoever took them.

        At most an eighth of what is left is given at once, so that several processes can ask.

        Args:
            caller: Who asks.
            most: How many are wanted.
            now: The steady clock, in seconds.
            rate: Requests that come back in a second.
            burst: Requests that a full bucket holds.

        Returns:
            How many were given, and what is left. Where none was, what is left is less than one.

        Raises:
            sqlite3.Error: The file could not be written to within a tenth of a second.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            row = self._db.execute(
                "SELECT remaining, at FROM bucket WHERE caller = ?", (caller,)
            ).fetchone()
            left = burst
            if row is not None and row[1] <= now:
                left = min(burst, row[0] + (now - row[1]) * rate)
            given = 0 if left < 1 else min(most, max(1, int(left / _SHARE)))
            self._db.execute(
                "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?)", (caller, left - given, now)
            )
            self._takes += 1
            if self._takes % _SWEEP == 0:  # a bucket nobody took from for so long is full
                self._db.execute(
                    "DELETE FROM bucket WHERE at < ? OR at > ?", (now - burst / rate, now)
                )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return given, left - given
