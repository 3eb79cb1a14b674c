"""The ledgers in one SQLite file (WAL, synchronous FULL).

Three kinds of rows, all numbered by the index of their log entry:

* `members`, `regions`, `events`: many rows, own columns;
* `objects`: everything an operator makes (documents, notices, gates, snapshots, releases, ...),
  one canonical JSON document each;
* `log_entries`: the bytes that go into the transparency log, in order, and `log_head`,
  the last signed checkpoint (the compare-and-swap cell of DESIGN §9).

A ledger row and its log entry are written in one transaction: neither exists without the other.
All SQL is parameterised. Cost: one fsync a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from byleave import canonical
from byleave.errors import ConflictError, EvidenceError, WorldError

__all__ = ["SqliteLedger", "SqliteWriter"]

FORMAT: Final = 2
_BUSY_SECONDS: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE members (
    ordinal INTEGER PRIMARY KEY, member TEXT NOT NULL UNIQUE, secret BLOB,
    enrolment INTEGER NOT NULL UNIQUE, enrolled_us INTEGER NOT NULL) STRICT;
CREATE TABLE regions (
    ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
    region TEXT NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
CREATE TABLE births (
    ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
    day INTEGER NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    idx INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL REFERENCES members(ordinal),
    kind INTEGER NOT NULL, scope TEXT NOT NULL, effective_us INTEGER NOT NULL,
    recorded_us INTEGER NOT NULL, expires_us INTEGER, includes_past INTEGER NOT NULL,
    notice TEXT, grade INTEGER NOT NULL, channel TEXT NOT NULL, salt BLOB NOT NULL,
    original_us INTEGER, evidence TEXT) STRICT;
CREATE INDEX events_by_member ON events(ordinal, idx);
CREATE TABLE objects (
    idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, at_us INTEGER NOT NULL,
    document BLOB NOT NULL, UNIQUE (kind, id)) STRICT;
CREATE TABLE log_entries (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TABLE log_head (id INTEGER PRIMARY KEY CHECK (id = 1), checkpoint BLOB NOT NULL) STRICT;
"""
_EVENT_COLUMNS: Final = (
    "idx, ordinal, kind, scope, effective_us, recorded_us, expires_us, includes_past,"
    " notice, grade, channel, salt, original_us, evidence"
)
_EVENT_MARKS: Final = ",".join("?" * len(_EVENT_COLUMNS.split(",")))
# From the format before, in one transaction: rows keep their meaning, new columns are empty.
_UPGRADES: Final = {
    1: """
ALTER TABLE events ADD COLUMN original_us INTEGER;
ALTER TABLE events ADD COLUMN evidence TEXT;
CREATE TABLE births (
    ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
    day INTEGER NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
""",
}


class SqliteWriter:
    """One open write transaction. Made by `SqliteLedger.writing` only."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._next = _count(connection, "log_entries")
        self._entries: list[tuple[int, bytes]] = []

    def log(self, entry: bytes) -> int:
        """Append one log entry and return its index."""
        index = self._next
        self._next += 1
        self._entries.append((index, entry))
        return index

    def log_many(self, entries: Sequence[bytes]) -> int:
        """Append log entries in their order; return the index of the first."""
        first = self._next
        self._next += len(entries)
        self._entries.extend(enumerate(entries, first))
        return first

    def add_members(self, rows: Iterable[tuple[int, str, bytes, int, int]]) -> None:
        """Insert (ordinal, member, secret, enrolment index, enrolled_us) rows."""
        self._db.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?)", rows)

    def add_regions(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, region) rows."""
        self._db.executemany("INSERT OR REPLACE INTO regions VALUES (?, ?, ?)", rows)

    def add_births(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Insert (ordinal, from_us, latest possible day of birth since the epoch) rows."""
        self._db.executemany("INSERT OR REPLACE INTO births VALUES (?, ?, ?)", rows)

    def add_events(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert event rows in the order of the table's columns."""
        self._db.executemany(
            f"INSERT INTO events ({_EVENT_COLUMNS}) VALUES ({_EVENT_MARKS})",  # noqa: S608
            rows,
        )

    def add_object(
        self, kind: str, object_id: str, *, index: int, at_us: int, document: canonical.Json
    ) -> None:
        """Insert one object.

        Raises:
            ConflictError: `workspace.exists`, an object of that kind and id stands already.
        """
        try:
            self._db.execute(
                "INSERT INTO objects VALUES (?, ?, ?, ?, ?)",
                (index, kind, object_id, at_us, canonical.encode(document)),
            )
        except sqlite3.IntegrityError as error:
            raise ConflictError(
                f"a {kind} named {object_id!r} exists already", code="workspace.exists"
            ) from error

    def replace_object(self, kind: str, object_id: str, document: canonical.Json) -> None:
        """Change the private document of an object (its log entry stays as it is)."""
        self._db.execute(
            "UPDATE objects SET document = ? WHERE kind = ? AND id = ?",
            (canonical.encode(document), kind, object_id),
        )

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO log_entries VALUES (?, ?)", self._entries)


class SqliteLedger:
    """The ledgers of one workspace.

    Args:
        path: The SQLite file. It is created only when `create` is set.
        create: Make a new file; it must not exist.
        read_only: Open without the right to write.

    Raises:
        EvidenceError: `workspace.damaged`, the file is not a ledger of a known version.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        mode = "rwc" if create else "ro" if read_only else "rw"
        try:
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=_BUSY_SECONDS,
                check_same_thread=False,
            )
            if create:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {FORMAT};COMMIT;")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version in _UPGRADES and not read_only:
                self._db.executescript(
                    f"BEGIN IMMEDIATE;{_UPGRADES[version]}PRAGMA user_version = {FORMAT};COMMIT;"
                )
                version = FORMAT
            self._db.execute("SELECT idx FROM log_entries LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise _damaged(path, error) from error
        if version != FORMAT:
            raise EvidenceError(
                f"ledger format {version}, this program reads {FORMAT}",
                code="workspace.damaged",
                where=str(path),
                hint="an older ledger is brought up to date when it is opened for writing",
            )
        self._path = path

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[SqliteWriter]:
        """Run one transaction: all of it lands, or (on any exception, Ctrl-C too) none of it."""
        self._execute("BEGIN IMMEDIATE")
        try:
            writer = SqliteWriter(self._db)
            yield writer
            writer._flush()  # noqa: SLF001 (the writer's other half)
            self._execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _world(self._path, error) from error
            raise

    # -- members ---------------------------------------------------------------------------

    def member_count(self) -> int:
        """Return how many members are enrolled; ordinals are 0 … count - 1, never reused."""
        return _count(self._db, "members")

    def members(self) -> list[tuple[int, str, bytes | None, int, int]]:
        """Return (ordinal, member, secret, enrolment index, enrolled_us), by ordinal."""
        return self._rows("SELECT * FROM members ORDER BY ordinal")

    def member(self, member: str) -> tuple[int, str, bytes | None, int, int] | None:
        """Return one member's row, or None."""
        return self._row("SELECT * FROM members WHERE member = ?", (member,))

    def regions(self, at_us: int) -> list[tuple[int, str]]:
        """Return (ordinal, region) as the facts stand at the instant."""
        return self._rows(
            "SELECT ordinal, region FROM regions r WHERE from_us ="
            " (SELECT max(from_us) FROM regions WHERE ordinal = r.ordinal AND from_us <= ?)",
            (at_us,),
        )

    def births(self, at_us: int) -> list[tuple[int, int]]:
        """Return (ordinal, latest possible day of birth) as the facts stand at the instant."""
        return self._rows(
            "SELECT ordinal, day FROM births b WHERE from_us ="
            " (SELECT max(from_us) FROM births WHERE ordinal = b.ordinal AND from_us <= ?)",
            (at_us,),
        )

    # -- time --------------------------------------------------------------------------------

    def last_recorded(self) -> int | None:
        """Return when the last event was recorded, µs since the epoch; None before the first."""
        row = self._row("SELECT recorded_us FROM events ORDER BY idx DESC LIMIT 1", ())
        return None if row is None else int(row[0])

    def position_at(self, at_us: int) -> int:
        """Return the lowest log index that was recorded after the instant; else the log's size."""
        firsts = [
            self._row(f"SELECT min({index}) FROM {table} WHERE {column} > ?", (at_us,))  # noqa: S608
            for table, index, column in (
                ("events", "idx", "recorded_us"),
                ("members", "enrolment", "enrolled_us"),
                ("objects", "idx", "at_us"),
            )
        ]
        found = [int(row[0]) for row in firsts if row is not None and row[0] is not None]
        return min([*found, self.size()])

    # -- events ----------------------------------------------------------------------------

    def events(self, *, before: int | None = None) -> list[tuple[Any, ...]]:
        """Return all event rows with index below `before`, by index."""
        limit = 2**62 if before is None else before
        return self._rows(
            f"SELECT {_EVENT_COLUMNS} FROM events WHERE idx < ? ORDER BY idx",  # noqa: S608
            (limit,),
        )

    def member_events(self, ordinal: int) -> list[tuple[Any, ...]]:
        """Return one member's event rows, by index."""
        return self._rows(
            f"SELECT {_EVENT_COLUMNS} FROM events WHERE ordinal = ? ORDER BY idx",  # noqa: S608
            (ordinal,),
        )

    # -- objects ---------------------------------------------------------------------------

    def objects(self, kind: str) -> list[tuple[int, str, int, Any]]:
        """Return (index, id, at_us, document) of one kind, by index."""
        rows = self._rows(
            "SELECT idx, id, at_us, document FROM objects WHERE kind = ? ORDER BY idx", (kind,)
        )
        return [(i, name, at, self._document(raw)) for i, name, at, raw in rows]

    def object(self, kind: str, object_id: str) -> tuple[int, int, Any] | None:
        """Return (index, at_us, document) of one object, or None."""
        row = self._row(
            "SELECT idx, at_us, document FROM objects WHERE kind = ? AND id = ?", (kind, object_id)
        )
        return None if row is None else (row[0], row[1], self._document(row[2]))

    def object_at(self, index: int) -> tuple[str, str, int, Any] | None:
        """Return (kind, id, at_us, document) of the object whose log entry has this index."""
        row = self._row("SELECT kind, id, at_us, document FROM objects WHERE idx = ?", (index,))
        return None if row is None else (row[0], row[1], row[2], self._document(row[3]))

    # -- the log's source and head (tlog.publish ports) --------------------------------------

    def size(self) -> int:
        """Return the number of durable log entries."""
        return _count(self._db, "log_entries")

    def read(self, start: int, end: int) -> list[bytes]:
        """Return the entries with start <= index < end, in order."""
        rows = self._rows(
            "SELECT entry FROM log_entries WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
        )
        return [row[0] for row in rows]

    def get(self) -> bytes | None:
        """Return the last checkpoint that was swapped in, or None."""
        row = self._row("SELECT checkpoint FROM log_head WHERE id = 1", ())
        return None if row is None else bytes(row[0])

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Replace the checkpoint if it is still `old`; durable before it returns."""
        if old is None:
            sql, values = "INSERT OR IGNORE INTO log_head VALUES (1, ?)", (new,)
            cursor = self._execute(sql, values)
        else:
            cursor = self._execute(
                "UPDATE log_head SET checkpoint = ? WHERE id = 1 AND checkpoint = ?", (new, old)
            )
        return cursor.rowcount == 1

    def quick_check(self) -> list[str]:
        """Return SQLite's own complaints about the file; empty when sound."""
        try:
            rows = self._db.execute("PRAGMA quick_check").fetchall()
        except sqlite3.Error as error:
            return [str(error)]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    # ----------------------------------------------------------------------------------------

    def _document(self, raw: bytes) -> Any:  # noqa: ANN401 (a JSON document)
        try:
            return canonical.decode(bytes(raw))
        except Exception as error:
            raise _damaged(self._path, error) from error

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql, values).fetchall()

    def _row(self, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._execute(sql, values).fetchone()
        return row

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise _world(self._path, error) from error


def _count(connection: sqlite3.Connection, table: str) -> int:
    column = "ordinal" if table == "members" else "idx"
    row = connection.execute(f"SELECT coalesce(max({column}) + 1, 0) FROM {table}").fetchone()  # noqa: S608
    return int(row[0])


def _damaged(path: Path, error: Exception) -> EvidenceError:
    return EvidenceError(
        f"the ledger cannot be read ({type(error).__name__})",
        code="workspace.damaged",
        where=str(path),
        hint="run byleave fsck, or restore the workspace from a copy",
    )


def _world(path: Path, error: sqlite3.Error) -> Exception:
    # The primary result code is the low byte (https://www.sqlite.org/rescode.html).
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return WorldError("the disk is full", code="world.disk-full", where=str(path))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ConflictError(
                "another process is writing to this workspace",
                code="workspace.busy",
                where=str(path),
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path, error)
        case _:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            return WorldError(f"the ledger refused: {name}", code="world.storage", where=str(path))
