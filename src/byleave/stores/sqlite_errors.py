"""What SQLite's errors mean for a ledger in a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from byleave.errors import ConflictError, EvidenceError, WorldError

__all__ = ["busy", "damaged", "world"]


def damaged(path: Path, error: Exception) -> EvidenceError:
    """Return the error of a file that is not, or no longer, a ledger."""
    return EvidenceError(
        f"the ledger cannot be read ({type(error).__name__})",
        code="workspace.damaged",
        where=str(path),
        hint="run byleave fsck, or restore the workspace from a copy",
    )


def busy(path: Path) -> ConflictError:
    """Return the error of a file that somebody else writes to."""
    return ConflictError(
        "another process is writing to this workspace", code="workspace.busy", where=str(path)
    )


def world(path: Path, error: sqlite3.Error) -> Exception:
    """Return what an error of SQLite's is called here."""
    # The primary result code is the low byte (https://www.sqlite.org/rescode.html).
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return WorldError("the disk is full", code="world.disk-full", where=str(path))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(path, error)
        case _:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            return WorldError(f"the ledger refused: {name}", code="world.storage", where=str(path))
