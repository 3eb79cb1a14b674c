"""The ledgers in one SQLite file (WAL; each commit flushed by who made it, `sqlite_ahead`).

Three kinds of rows, all numbered by the index of their log entry:

* `members`, `regions`, `events`: many rows, own columns;
* `objects`: everything an operator makes (documents, notices, gates, snapshots, releases, ...),
  one canonical JSON document each;
* `log_entries`, `log_bundles`: the bytes that go into the transparency log; and `log_head`,
  the last signed checkpoint (the compare-and-swap cell of DESIGN §9).

A ledger row and its log entry are written in one transaction: neither exists without the other.
All SQL is parameterised. Cost: one flush a transaction, in which the next one can work. Threads
share one ledger: the thread that writes has a connection of its own, and no other sees what it has
not committed, nor is answered from what is not durable.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave import canonical
from byleave.consent.batch import EventBatch, MemberHistory
from byleave.errors import ConflictError, EvidenceError
from byleave.ids import FAR_FUTURE_US
from byleave.stores.ledger_rows import (
    POSITION,
    STRUCTURE,
    batch_of,
    chunks,
    later_event,
    named,
    with_evidence,
)
from byleave.stores.ledger_writer import Terms, unfit
from byleave.stores.migrations import SQLITE
from byleave.stores.sqlite_ahead import Ahead, flush_data
from byleave.stores.sqlite_columns import SqliteColumns
from byleave.stores.sqlite_entries import (
    ENTRY_STRUCTURE,
    SIZE,
    PackedEntries,
    read_entries,
)
from byleave.stores.sqlite_errors import busy, damaged, world
from byleave.stores.sqlite_objects import SqliteObjects
from byleave.stores.sqlite_writer import EVENT_COLUMNS, LAST_RECORDED, SqliteWriter

__all__ = ["SqliteLedger", "SqliteWriter"]

FORMAT: Final = len(SQLITE)
_BUSY_SECONDS: Final = 5.0
# An import in the order of time touches every page of the index by member in each transaction:
# what does not fit is written twice.
_WRITER_CACHE_KIB: Final = 512 * 1024
_READER_CACHE_KIB: Final = 32 * 1024
_IDS_AT_ONCE: Final = 500
_ROWS_AT_ONCE: Final = 1 << 20
_HISTORY: Final = (
    f"SELECT {EVENT_COLUMNS.replace('ordinal', 'e.ordinal')}, m.ordinal,"  # noqa: S608
    f" (SELECT max(idx) FROM objects), ({LAST_RECORDED})"
    " FROM members m LEFT JOIN events e ON e.ordinal = m.ordinal"
    " WHERE m.member = ? ORDER BY e.idx"
)
# Fixed-width hexadecimal, one row after another: read into columns without a step per row.
_PACKED: Final = (
    "printf('%016x%016x%02x%08x%016x%016x%016x%02x%08x%02x%08x%016x', idx, ordinal, kind, scope,"
    f" effective_us, recorded_us, ifnull(expires_us, {FAR_FUTURE_US}), includes_past,"
    f" ifnull(notice, 0), grade, channel, ifnull(original_us, {FAR_FUTURE_US}))"
)
_PACKED_ROW: Final = np.dtype(
    [
        ("idx", ">i8"), ("ordinal", ">i8"), ("kind", "u1"), ("scope", ">i4"),
        ("effective", ">i8"), ("recorded", ">i8"), ("expires", ">i8"), ("past", "u1"),
        ("notice", ">i4"), ("grade", "u1"), ("channel", ">i4"), ("original", ">i8"),
    ]
)  # fmt: skip


class SqliteLedger(SqliteColumns, SqliteObjects):
    """The ledgers of one workspace.

    Args:
        path: The SQLite file. It is created only when `create` is set.
        create: Make a new file; it must not exist.
        read_only: Open without the right to write.
        sync: Makes a file durable, by its descriptor.

    Raises:
        EvidenceError: `workspace.damaged`, the file is not a ledger, or of a newer version.
        ConflictError: `workspace.older`, an older version's, opened without the right to write.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        read_only: bool = False,
        sync: Callable[[int], None] = flush_data,
    ) -> None:
        self._path = path
        self._read_only = read_only
        self._ahead = Ahead(path, sync)
        self._renewed = create
        self._lock = threading.Lock()
        self._writer: int | None = None
        self._terms = Terms()
        self._open: list[sqlite3.Connection] = []
        try:
            if create:  # it will hold every member's secret
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._db = self._connect("rwc" if create else "ro" if read_only else "rw")
            if create:
                self._db.execute("PRAGMA journal_mode = WAL")
            self._migrate(create=create)
            self._db.execute(SIZE).fetchone()
            self._db.execute("SELECT id FROM terms LIMIT 1").fetchone()
            self._db.execute("PRAGMA synchronous = NORMAL")  # commits are flushed by `Ahead`
            self._reader = self._db if read_only else self._connect("ro")
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise damaged(path, error) from error
            raise

    def close(self) -> None:
        """Close the file."""
        self._ahead.close()
        for connection in reversed(self._open):
            connection.close()

    @property
    def place(self) -> str:
        """Where the ledger stands, for people."""
        return str(self._path)

    @contextmanager
    def writing(self) -> Iterator[SqliteWriter]:
        """Run one transaction: all of it lands, or (on any exception, Ctrl-C too) none of it.

        It is durable when the block is left; the flush is outside the turn, where others write.

        Raises:
            ConflictError: `workspace.busy`; `workspace.read-only`.
            InputError: `workspace.value`, an integer beyond 64 bits or a lone surrogate.
            WorldError: `world.storage`, `world.disk-full`. Where the flush failed it may have
                landed, and the ledger refuses to go on until it is opened again.
        """
        number = None
        try:
            with self._alone() as database:
                try:
                    database.execute("BEGIN IMMEDIATE")
                    writer = SqliteWriter(database, self._terms)
                    yield writer
                    writer._flush()  # noqa: SLF001 (the writer's other half)
                    number, _ = self._committing(database, "COMMIT")
                    writer.landed()
                except BaseException as error:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                    if isinstance(error, sqlite3.Error):
                        raise world(self._path, error) from error
                    if isinstance(error, OverflowError | UnicodeEncodeError):
                        raise unfit("a value has more than 64 bits, or no encoding") from error
                    raise
        finally:
            # a transaction that was refused may have been so for what another has just committed
            self._ahead.settle(number)

    @staticmethod
    def prepared(entries: Sequence[bytes]) -> Sequence[bytes]:
        """Return entries as `log_many` writes them, so that this is not done in the writer's turn.

        Nothing of it depends on their indexes. Cost: 60 ns an entry, for the writer then 10.
        """
        return PackedEntries(entries)

    # -- members ---------------------------------------------------------------------------

    def member_count(self) -> int:
        """Return how many members are enrolled; ordinals are 0 … count - 1, never reused."""
        return self._number("SELECT coalesce(max(ordinal) + 1, 0) FROM members")

    def members(self) -> list[tuple[int, str, bytes | None, int, int]]:
        """Return (ordinal, member, secret, enrolment index, enrolled_us), by ordinal."""
        return self._rows("SELECT * FROM members ORDER BY ordinal")

    def member(self, member: str) -> tuple[int, str, bytes | None, int, int] | None:
        """Return one member's row, or None."""
        return self._row("SELECT * FROM members WHERE member = ?", (member,))

    def member_at(self, ordinal: int) -> tuple[int, str, bytes | None, int, int] | None:
        """Return the row of the member with this ordinal, or None."""
        return self._row("SELECT * FROM members WHERE ordinal = ?", (ordinal,))

    def ordinals(self, members: Sequence[str]) -> dict[str, int]:
        """Return the ordinals of those of `members` who are enrolled; cost: their number."""
        found: dict[str, int] = {}
        for start in range(0, len(members), _IDS_AT_ONCE):
            some = members[start : start + _IDS_AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(
                self._rows(f"SELECT member, ordinal FROM members WHERE member IN ({marks})", some)  # noqa: S608
            )
        return found

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
        row = self._row(LAST_RECORDED, ())
        return None if row is None else int(row[0])

    def position_at(self, at_us: int) -> int:
        """Return the lowest log index that was recorded after the instant; else the log's size."""
        size = self.size()
        found = [int(i) for (i,) in self._rows(POSITION, (at_us, at_us)) if i is not None]
        sql = "SELECT idx, recorded_us FROM events WHERE idx >= ? ORDER BY idx LIMIT 1"
        return min([*found, later_event(at_us, size, lambda i: self._row(sql, (i,)))])

    # -- events ----------------------------------------------------------------------------

    def events(self, *, before: int | None = None, after: int = -1) -> list[tuple[Any, ...]]:
        """Return the event rows with after < index < before, by index."""
        limit = 2**62 if before is None else before
        return self._event_rows("WHERE idx > ? AND idx < ?", after, limit)

    def member_events(self, ordinal: int) -> list[tuple[Any, ...]]:
        """Return one member's event rows, by index."""
        return self._event_rows("WHERE ordinal = ?", ordinal)

    def history(self, member: str) -> MemberHistory | None:
        """Return what a decision about a member needs, in one look-up; None: not enrolled."""
        rows = self._rows(_HISTORY, (member,))
        if not rows:
            return None
        ordinal, last_object, last_recorded = rows[0][-3:]
        return MemberHistory(
            ordinal=ordinal,
            events=[] if rows[0][0] is None else self._named(rows),
            last_object=-1 if last_object is None else last_object,
            last_recorded=last_recorded,
        )

    def events_columns(
        self,
        *,
        before: int | None = None,
        after: int = -1,
        ordinals: Sequence[int] | None = None,
        evidence: bool = False,
    ) -> EventBatch:
        """Return the events with after < index < before as columns, by index, without salts.

        Costs about 2 µs and 91 bytes an event: the file writes rows of fixed width, NumPy cuts.

        Args:
            before: Index below which to read; None: to the end.
            after: Index above which to read.
            ordinals: Only these members' events, each member once; the cost is theirs then.
            evidence: Whether to read the events' further evidence, too.
        """
        limit = 2**62 if before is None else before
        parts = [np.empty(0, _PACKED_ROW)]
        if ordinals is None:
            last = after
            while len(part := self._packed("LIMIT ?", (last, limit, _ROWS_AT_ONCE))):
                parts.append(part)
                last = int(part["idx"][-1])
        else:
            for some in chunks(ordinals, _IDS_AT_ONCE):
                marks = ",".join("?" * len(some))
                parts.append(self._packed("", (after, limit, *some), f"AND ordinal IN ({marks})"))
        rows = np.concatenate(parts)
        if ordinals is not None:
            rows = rows[np.argsort(rows["idx"], kind="stable")]
        batch = batch_of(rows, self._texts())
        if not evidence:
            return batch
        sql = "SELECT idx, evidence FROM events WHERE evidence NOTNULL AND idx > ? AND idx < ?"
        return with_evidence(batch, self._rows(sql, (after, limit)))

    def _packed(self, end: str, values: Sequence[Any], more: str = "") -> npt.NDArray[np.void]:
        """Return rows between two indexes, by index."""
        by = "INDEXED BY events_by_member" if more else ""
        row = self._row(
            f"SELECT group_concat({_PACKED}, '') FROM (SELECT * FROM events {by}"  # noqa: S608
            f" WHERE idx > ? AND idx < ? {more} ORDER BY idx {end})",
            values,
        )
        part = np.frombuffer(bytes.fromhex((row and row[0]) or ""), _PACKED_ROW)
        return part[np.argsort(part["idx"], kind="stable")]

    # -- the log's source and head (tlog.publish ports) --------------------------------------

    def size(self) -> int:
        """Return the number of durable log entries."""
        return self._number(SIZE)

    def read(self, start: int, end: int) -> list[bytes]:
        """Return the entries with start <= index < end, in order."""
        return read_entries(self._rows, start, end)

    def get(self) -> bytes | None:
        """Return the last checkpoint that was swapped in, or None."""
        row = self._row("SELECT checkpoint FROM log_head WHERE id = 1", ())
        return None if row is None else bytes(row[0])

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Replace the checkpoint if it is still `old`; durable before it returns."""
        sql, values = "INSERT OR IGNORE INTO log_head VALUES (1, ?)", [new]
        if old is not None:
            sql = "UPDATE log_head SET checkpoint = ? WHERE id = 1 AND checkpoint = ?"
            values.append(old)
        with self._alone() as database:
            try:
                number, changed = self._committing(database, sql, values)
            except sqlite3.Error as error:
                raise world(self._path, error) from error
        self._ahead.settle(number)
        return changed == 1

    def scrub(self) -> None:
        """Leave no page that was deleted from: zeroed in the file, and none in the WAL.

        What the disk below keeps of overwritten blocks is beyond the file's reach.
        """
        with self._alone() as database:
            try:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise world(self._path, error) from error

    def quick_check(self) -> list[str]:
        """Return SQLite's own complaints about the file; empty when sound."""
        try:
            rows = self._connection().execute("PRAGMA quick_check").fetchall()
        except sqlite3.Error as error:
            return [str(error)]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def gaps(self) -> list[str]:
        """Return what the numbers in a sound file show to be missing; empty when nothing is."""
        asked = {**dict(STRUCTURE), **dict(ENTRY_STRUCTURE)}
        return [what for what, sql in asked.items() if self._rows(sql)[0][0]]

    # ----------------------------------------------------------------------------------------

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,
            cached_statements=256,
        )
        self._open.append(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what an erasure deletes is overwritten
        kept = _READER_CACHE_KIB if mode == "ro" else _WRITER_CACHE_KIB
        connection.execute(f"PRAGMA cache_size = -{kept}")
        return connection

    def _migrate(self, *, create: bool) -> None:
        """Take the steps that the file lacks, all or none; two that open it at once take turns."""
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT or (version == 0 and not create):
            raise EvidenceError(
                f"ledger format {version}, this program reads {FORMAT}",
                code="workspace.damaged",
                where=str(self._path),
            )
        if version == FORMAT:
            return
        if self._read_only:
            raise ConflictError(
                f"the ledger has format {version}, an older program's",
                code="workspace.older",
                where=str(self._path),
                hint="open the workspace for writing once; that brings it up to date",
            )
        self._db.execute("PRAGMA foreign_keys = OFF")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            for step in SQLITE[version:]:
                for statement in step.split(";"):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """Hold the writing connection: one thread at a time."""
        if self._read_only:
            raise ConflictError(
                "the ledger was opened read-only", code="workspace.read-only", where=self.place
            )
        if self._writer == threading.get_ident() or not self._lock.acquire(timeout=_BUSY_SECONDS):
            raise busy(self._path)
        self._writer = threading.get_ident()
        try:
            self._ahead.check()
            self._renew()
            yield self._db
        finally:
            self._writer = None
            self._lock.release()

    def _renew(self) -> None:
        """Before the first transaction, move what somebody left in the log into the file.

        Whoever left it may have died, or failed, before it was flushed; here SQLite writes it
        again and flushes it, so that what is committed behind it does not stand on it.
        """
        if self._renewed:
            return
        if self._ahead.held():
            try:
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                raise world(self._path, error) from error
        self._renewed = True

    def _committing(
        self, database: sqlite3.Connection, sql: str, values: Sequence[Any] = ()
    ) -> tuple[int, int]:
        """Run a statement that commits; return the number to settle, and the rows it changed."""
        number = self._ahead.begin()
        try:
            return number, database.execute(sql, values).rowcount
        finally:
            self._ahead.end()

    def _connection(self) -> sqlite3.Connection:
        """Return the connection of this thread: only the writer sees its own transaction."""
        return self._db if self._writer == threading.get_ident() else self._reader

    def _texts(self) -> dict[int | None, Any]:
        self._terms.learn(self._rows("SELECT id, text FROM terms"))
        return self._terms.texts

    def _event_rows(self, where: str, *values: int) -> list[tuple[Any, ...]]:
        return self._named(
            self._rows(f"SELECT {EVENT_COLUMNS} FROM events {where} ORDER BY idx", values)  # noqa: S608
        )

    def _named(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Put texts in the place of term numbers."""
        try:
            try:
                return named(rows, self._terms.texts)
            except KeyError:  # a term of another writer
                return named(rows, self._texts())
        except KeyError as error:
            raise damaged(self._path, error) from error

    def _document(self, raw: bytes) -> Any:  # noqa: ANN401 (a JSON document)
        try:
            return canonical.decode(bytes(raw))
        except Exception as error:
            raise damaged(self._path, error) from error

    def _number(self, sql: str) -> int:
        return int(self._rows(sql)[0][0])

    def _row(self, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        connection = self._connection()
        try:
            rows = connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise world(self._path, error) from error
        except UnicodeEncodeError as error:
            raise unfit("a text has a lone surrogate") from error
        if connection is self._reader:
            self._ahead.settle()
        return rows
