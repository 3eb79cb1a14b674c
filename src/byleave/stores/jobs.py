"""What the server was asked to compute, and what came of it: one SQLite file beside the ledgers.

Nothing here decides about data. A job that was waiting or running when its server stopped is *lost*:
nobody goes on with it, and whoever asks is told so. What it may have written is in the ledger.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from byleave.errors import EvidenceError, WorldError

__all__ = ["Job", "JobFile"]

_FORMAT: Final = 2
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS job (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, caller TEXT NOT NULL,
    asked TEXT NOT NULL, state TEXT NOT NULL, at_us INTEGER NOT NULL, began_us INTEGER,
    ended_us INTEGER, result TEXT, problem TEXT, why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS job_open ON job (number) WHERE ended_us IS NULL;
"""
_FROM_1: Final = "ALTER TABLE job ADD COLUMN why TEXT NOT NULL DEFAULT '';"
_COLUMNS: Final = (
    "SELECT number, kind, caller, why, asked, state, at_us, began_us, ended_us, result, problem"
)
_ONE: Final = _COLUMNS + " FROM job WHERE number = ?"
_SOME: Final = _COLUMNS + " FROM job WHERE number > ? ORDER BY number LIMIT ?"
_NEWEST: Final = _COLUMNS + " FROM job WHERE number < ? ORDER BY number DESC LIMIT ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing to compute.

    Attributes:
        number: Its number.
        kind: One of `wiring.job_kinds.KINDS`.
        who: Who asked.
        why: Why, as they said.
        asked: What was asked.
        state: `waiting`, `running`, `done`, `failed`, `cancelled` or `lost`.
        at_us: When it was asked for.
        began_us: When it began.
        ended_us: When it ended, or was found lost.
        result: What came of it.
        problem: Code, detail and hint, where it failed or was lost.
    """

    number: int
    kind: str
    who: str
    why: str
    asked: dict[str, Any] = field(repr=False)
    state: str
    at_us: int
    began_us: int | None
    ended_us: int | None
    result: dict[str, Any] | None = field(repr=False)
    problem: dict[str, Any] | None


class JobFile:
    """The jobs' file; its methods may be called by any thread.

    Args:
        path: Of the file; made, readable by its owner alone, where there is none.

    Raises:
        EvidenceError: `desk.damaged`, the file is not one of ours.
        WorldError: `desk.unreadable`, it can be neither read nor made.
    """

    def __init__(self, path: Path) -> None:
        self._one = threading.Lock()
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=10, check_same_thread=False
            )
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, 1, _FORMAT}:
                raise sqlite3.DatabaseError
            if version == 1:
                self._db.executescript(_FROM_1)
            self._db.executescript(_SCHEMA + f"PRAGMA user_version = {_FORMAT};")
        except sqlite3.DatabaseError as error:
            raise EvidenceError(
                "this is no file of jobs", code="desk.damaged", where=str(path)
            ) from error
        except OSError as error:
            raise WorldError(
                "the file of jobs can be neither read nor made",
                code="desk.unreadable",
                where=str(path),
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._one:
            self._db.close()

    def add(self, kind: str, who: str, asked: dict[str, Any], *, at_us: int, why: str = "") -> int:
        """Keep a job that waits; return its number."""
        with self._one:
            made = self._db.execute(
                "INSERT INTO job (kind, caller, why, asked, state, at_us) "
                "VALUES (?, ?, ?, ?, 'waiting', ?)",
                (kind, who, why, json.dumps(asked), at_us),
            )
        assert made.lastrowid is not None  # noqa: S101 (for the types)
        return made.lastrowid

    def begin(self, number: int, *, at_us: int) -> None:
        """Note that a job runs, unless it was cancelled."""
        with self._one:
            self._db.execute(
                "UPDATE job SET state = 'running', began_us = ?"
                " WHERE number = ? AND state = 'waiting'",
                (at_us, number),
            )

    def end(
        self,
        number: int,
        *,
        at_us: int,
        result: dict[str, Any] | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        """Note what came of a job; a problem means that it failed."""
        state = "done" if problem is None else "failed"
        values = [None if value is None else json.dumps(value) for value in (result, problem)]
        with self._one:
            self._db.execute(
                "UPDATE job SET state = ?, ended_us = ?, result = ?, problem = ? WHERE number = ?",
                (state, at_us, *values, number),
            )

    def cancel(self, number: int, *, at_us: int, running: bool = False) -> bool:
        """Note that a job was cancelled; return whether it was.

        Args:
            number: The job.
            at_us: When.
            running: It had begun, and has stopped; else only one that waits is cancelled.
        """
        state = "running" if running else "waiting"
        with self._one:
            return bool(
                self._db.execute(
                    "UPDATE job SET state = 'cancelled', ended_us = ?"
                    " WHERE number = ? AND state = ?",
                    (at_us, number, state),
                ).rowcount
            )

    def lose(self, problem: dict[str, Any], *, at_us: int) -> int:
        """Note of every job that has not ended that it is lost; return how many."""
        with self._one:
            return self._db.execute(
                "UPDATE job SET state = 'lost', ended_us = ?, problem = ? WHERE ended_us IS NULL",
                (at_us, json.dumps(problem)),
            ).rowcount

    def waiting(self) -> int:
        """Return how many jobs have not ended."""
        with self._one:
            found = self._db.execute("SELECT count(*) FROM job WHERE ended_us IS NULL").fetchone()
        return int(found[0])

    def job(self, number: int) -> Job | None:
        """Return a job by its number."""
        with self._one:
            row = self._db.execute(_ONE, (number,)).fetchone()
        return None if row is None else _job(row)

    def jobs(self, *, after: int, limit: int) -> list[Job]:
        """Return the jobs with a higher number, the oldest first."""
        with self._one:
            rows = self._db.execute(_SOME, (after, limit)).fetchall()
        return [_job(row) for row in rows]

    def newest(self, *, before: int | None, limit: int) -> list[Job]:
        """Return the jobs with a lower number, or all, the newest first."""
        with self._one:
            rows = self._db.execute(_NEWEST, (before or 2**62, limit)).fetchall()
        return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    number, kind, who, why, asked, state, at, began, ended, result, problem = row
    return Job(
        number=number,
        kind=kind,
        who=who,
        why=why,
        asked=json.loads(asked),
        state=state,
        at_us=at,
        began_us=began,
        ended_us=ended,
        result=None if result is None else json.loads(result),
        problem=None if problem is None else json.loads(problem),
    )
