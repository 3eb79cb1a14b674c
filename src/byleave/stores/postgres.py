"""The ledgers in a PostgreSQL database, by URL: the same port as `stores/sqlite.py`.

One schema holds one workspace (the first of the connection's search path). Writers take turns by
an advisory lock that is held to the end of the transaction, under READ COMMITTED: the writer that
gets it sees all that was committed before, so log indexes have no gaps and ledger order is the
order of commits. Bulk rows go in and come out as binary COPY. All SQL is parameterised.

Texts from outside are kept as UTF-8 bytes. A password is never part of the URL: libpq finds it in
`PGPASSWORD` or `~/.pgpass`. Needs the extra `postgres`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, Final
from weakref import WeakSet

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from byleave import canonical
from byleave.consent.batch import MemberHistory
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, WorldError
from byleave.stores.ledger_rows import (
    ENDS,
    FIRST_FROM,
    POSITION,
    STRUCTURE,
    later_event,
    named,
)
from byleave.stores.ledger_writer import Terms, unfit
from byleave.stores.migrations import POSTGRES
from byleave.stores.postgres_columns import PostgresColumns
from byleave.stores.postgres_errors import busy, damaged, world
from byleave.stores.postgres_history import look_up, look_up_in_transaction
from byleave.stores.postgres_writer import (
    EVENT_COLUMNS,
    MEMBER_COLUMNS,
    READ_ENDS,
    Connection,
    Ends,
    PostgresWriter,
    statement,
)

__all__ = ["PostgresLedger", "checked_url"]

FORMAT: Final = len(POSTGRES)
_BUSY_MS: Final = 5_000
_LOCK_CLASS: Final = 0x42796C76  # "Bylv"
_LOCK: Final = f"SELECT pg_advisory_xact_lock({_LOCK_CLASS}, hashtext(current_schema()))"
_TABLES: Final = (
    "byleave_format members regions births terms events objects log_entries log_head ledger_ends"
    " fact_tail member_groups"
).split()


def checked_url(url: str) -> str:
    """Return `url` if it is the address of a PostgreSQL ledger and holds no password.

    Raises:
        InputError: `workspace.ledger-url`.
    """
    try:
        parts = conninfo_to_dict(url) if url.startswith(("postgresql://", "postgres://")) else {}
    except psycopg.Error:
        parts = {}
    if not parts.get("dbname"):
        raise InputError(
            "not the address of a PostgreSQL database",
            code="workspace.ledger-url",
            hint="postgresql://USER@HOST/DATABASE",
        )
    if parts.keys() & {"password", "sslpassword"}:
        raise InputError(
            "a ledger's address holds no password: it would be kept in byleave.toml",
            code="workspace.ledger-url",
            hint="put the password into PGPASSWORD or ~/.pgpass",
        )
    return url


class PostgresLedger(PostgresColumns):
    """The ledgers of one workspace in one schema of a database.

    Args:
        url: `postgresql://…` without a password.
        create: Make the tables; there must be none yet.
        read_only: Open without the right to write.

    Raises:
        InputError: `workspace.ledger-url`.
        EvidenceError: `workspace.damaged`, there is no ledger, or one of a newer version.
        ConflictError: `workspace.exists`; `workspace.older`, an older version's, opened without
            the right to write.
        WorldError: `world.storage`, the server does not answer or refuses.
    """

    def __init__(self, url: str, *, create: bool = False, read_only: bool = False) -> None:
        self._url = checked_url(url)
        self._read_only = read_only
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._thread: int | None = None
        self._terms = Terms()
        self._writer: Connection | None = None
        self._open: PostgresWriter | None = None
        self._ready: WeakSet[Connection] = WeakSet()
        self._reader = self._connect(read_only=True)
        try:
            self._prepare(create=create)
        except BaseException as error:
            self.close()
            if isinstance(error, psycopg.Error):
                raise self._world(error) from error
            raise

    def close(self) -> None:
        """Close the connections."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()

    def drop(self) -> None:
        """Remove the ledger's tables with all that is in them."""
        with self._alone() as database:
            try:
                database.execute(statement(f"DROP TABLE {', '.join(_TABLES)}"))
            except psycopg.Error as error:
                raise self._world(error) from error

    @property
    def place(self) -> str:
        """Where the ledger stands, for people."""
        return self._url

    @contextmanager
    def writing(self) -> Iterator[PostgresWriter]:
        """Run one transaction: all of it lands, or (on any exception, Ctrl-C too) none of it.

        Raises:
            ConflictError: `workspace.busy`; `workspace.read-only`.
            InputError: `workspace.value`, an integer beyond 64 bits or a lone surrogate.
            WorldError: `world.storage`; where the connection is lost while the transaction is
                being committed, it may have landed: read before writing again.
        """
        with self._alone() as database:
            try:
                database.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                database.execute(statement(f"SET LOCAL lock_timeout = {_BUSY_MS}"))
                database.execute(statement(_LOCK))
                writer = PostgresWriter(database, self._terms, self._ends())
                self._open = writer
                yield writer
                writer._flush()  # noqa: SLF001 (the writer's other half)
                done = database.execute("COMMIT")
                # PostgreSQL answers ROLLBACK where an error inside was swallowed.
                if done.statusmessage != "COMMIT":
                    raise WorldError(
                        "the ledger refused a row", code="world.storage", where=self.place
                    )
                writer.landed()
            except BaseException as error:
                with suppress(psycopg.Error):
                    if not database.closed and database.info.transaction_status:
                        database.execute("ROLLBACK")
                if isinstance(error, psycopg.Error):
                    raise self._world(error) from error
                if isinstance(error, OverflowError | UnicodeEncodeError):
                    raise unfit("a value has more than 64 bits, or no encoding") from error
                raise
            finally:
                self._open = None

    @staticmethod
    def prepared(entries: Sequence[bytes]) -> Sequence[bytes]:
        """Return the entries: rows of COPY need their indexes, and are made in the transaction."""
        return entries

    # -- members ---------------------------------------------------------------------------

    def member_count(self) -> int:
        """Return how many members are enrolled; ordinals are 0 … count - 1, never reused."""
        return self._ends().members

    def members(self) -> list[tuple[int, str, bytes | None, int, int]]:
        """Return (ordinal, member, secret, enrolment index, enrolled_us), by ordinal."""
        rows = self._rows(f"SELECT {MEMBER_COLUMNS} FROM members ORDER BY ordinal")  # noqa: S608
        return [(o, m.decode(), r, e, us) for o, m, r, e, us in rows]

    def member(self, member: str) -> tuple[int, str, bytes | None, int, int] | None:
        """Return one member's row, or None."""
        return self._member("member", _utf8(member))

    def member_at(self, ordinal: int) -> tuple[int, str, bytes | None, int, int] | None:
        """Return the row of the member with this ordinal, or None."""
        return self._member("ordinal", ordinal)

    def ordinals(self, members: Sequence[str]) -> dict[str, int]:
        """Return the ordinals of those of `members` who are enrolled; cost: their number."""
        rows = self._rows(
            "SELECT member, ordinal FROM members WHERE member = ANY(%s)",
            ([_utf8(member) for member in members],),
        )
        return {member.decode(): ordinal for member, ordinal in rows}

    def regions(self, at_us: int) -> list[tuple[int, str]]:
        """Return (ordinal, region) as the facts stand at the instant."""
        return [(ordinal, region.decode()) for ordinal, region in self._facts("regions", at_us)]

    def births(self, at_us: int) -> list[tuple[int, int]]:
        """Return (ordinal, latest possible day of birth) as the facts stand at the instant."""
        return [(ordinal, day) for ordinal, day in self._facts("births", at_us)]

    # -- time --------------------------------------------------------------------------------

    def last_recorded(self) -> int | None:
        """Return when the last event was recorded, µs since the epoch; None before the first."""
        return self._ends().last_recorded

    def position_at(self, at_us: int) -> int:
        """Return the lowest log index that was recorded after the instant; else the log's size."""
        size = self.size()
        rows = self._rows(POSITION.replace("?", "%s"), (at_us,) * 2)
        found = [int(index) for (index,) in rows if index is not None]
        sql = "SELECT idx, recorded_us FROM events WHERE idx >= %s ORDER BY idx LIMIT 1"
        return min([*found, later_event(at_us, size, lambda i: self._row(sql, (i,)))])

    def index_from(self, at_us: int) -> int:
        """Return the index from which on entries were recorded at an instant or after it.

        By halving, so it means something where instants do not go back; the log's size where none
        was. Cost: some log2(size) look-ups.
        """
        sql = FIRST_FROM.replace("?", "%s")
        return later_event(at_us - 1, self.size(), lambda i: self._row(sql, (i, i, i)))

    # -- events ----------------------------------------------------------------------------

    def events(self, *, before: int | None = None, after: int = -1) -> list[tuple[Any, ...]]:
        """Return the event rows with after < index < before, by index."""
        limit = 2**62 if before is None else before
        return self._event_rows("idx > %s AND idx < %s", after, limit)

    def member_events(self, ordinal: int) -> list[tuple[Any, ...]]:
        """Return one member's event rows, by index."""
        return self._event_rows("ordinal = %s", ordinal)

    def history(self, member: str) -> MemberHistory | None:
        """Return what a decision about a member needs, in one look-up; None: not enrolled."""
        rows = self._asked(_utf8(member))
        if not rows:
            return None
        rows.sort(key=itemgetter(0))  # a handful: cheaper here than a step of the server's plan
        ordinal, last_object, last_recorded = rows[0][-3:]
        if self._open is not None and self._thread == threading.get_ident():
            last_recorded = self._open.ends.last_recorded
        return MemberHistory(
            ordinal=ordinal,
            events=[] if rows[0][0] is None else self._named(rows),
            last_object=-1 if last_object is None else last_object,
            last_recorded=last_recorded,
        )

    # -- objects ---------------------------------------------------------------------------

    def objects(self, kind: str) -> list[tuple[int, str, int, Any]]:
        """Return (index, id, at_us, document) of one kind, by index."""
        rows = self._rows(
            "SELECT idx, id, at_us, document FROM objects WHERE kind = %s ORDER BY idx",
            (_utf8(kind),),
        )
        return [(i, name.decode(), at, self._document(raw)) for i, name, at, raw in rows]

    def object(self, kind: str, object_id: str) -> tuple[int, int, Any] | None:
        """Return (index, at_us, document) of one object, or None."""
        row = self._row(
            "SELECT idx, at_us, document FROM objects WHERE kind = %s AND id = %s",
            (_utf8(kind), _utf8(object_id)),
        )
        return None if row is None else (row[0], row[1], self._document(row[2]))

    def object_at(self, index: int) -> tuple[str, str, int, Any] | None:
        """Return (kind, id, at_us, document) of the object whose log entry has this index."""
        row = self._row("SELECT kind, id, at_us, document FROM objects WHERE idx = %s", (index,))
        if row is None:
            return None
        return row[0].decode(), row[1].decode(), row[2], self._document(row[3])

    def last_objects(
        self, kinds: Sequence[str], *, before: int, limit: int, after: int = -1
    ) -> list[tuple[int, str, str, int, Any]]:
        """Return (index, kind, id, at_us, document) of objects of some kinds, newest first.

        Args:
            kinds: Which.
            before: Only those of a lower index.
            limit: At most so many. Cost: what is skipped between them, and they.
            after: Only those of a higher index.
        """
        rows = self._rows(
            "SELECT idx, kind, id, at_us, document FROM objects WHERE idx < %s"
            " AND idx > %s AND kind = ANY(%s) ORDER BY idx DESC LIMIT %s",
            (before, after, [_utf8(kind) for kind in kinds], limit),
        )
        return [
            (i, kind.decode(), name.decode(), at, self._document(raw))
            for i, kind, name, at, raw in rows
        ]

    # -- the log's source and head (tlog.publish ports) --------------------------------------

    def size(self) -> int:
        """Return the number of durable log entries."""
        return self._ends().entries

    def read(self, start: int, end: int) -> list[bytes]:
        """Return the entries with start <= index < end, in order."""
        rows = self._rows(
            "SELECT entry FROM log_entries WHERE idx >= %s AND idx < %s ORDER BY idx", (start, end)
        )
        return [row[0] for row in rows]

    def get(self) -> bytes | None:
        """Return the last checkpoint that was swapped in, or None."""
        row = self._row("SELECT checkpoint FROM log_head WHERE id = 1")
        return None if row is None else bytes(row[0])

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Replace the checkpoint if it is still `old`; durable before it returns."""
        with self._alone() as database:
            try:
                if old is None:
                    sql = "INSERT INTO log_head VALUES (1, %s) ON CONFLICT (id) DO NOTHING"
                    return database.execute(statement(sql), (new,)).rowcount == 1
                sql = "UPDATE log_head SET checkpoint = %s WHERE id = 1 AND checkpoint = %s"
                return database.execute(statement(sql), (new, old)).rowcount == 1
            except psycopg.Error as error:
                raise self._world(error) from error

    def scrub(self) -> None:
        """Rewrite the tables that an erasure touched, so that no dead row is left in their files.

        Locks them meanwhile. The server's WAL, its archive, replicas and backups are not reached.
        """
        with self._alone() as database:
            try:
                database.execute(
                    "VACUUM FULL members, events, regions, births, member_groups, objects"
                )
            except psycopg.Error as error:
                raise self._world(error) from error

    def quick_check(self) -> list[str]:
        """Return which tables cannot be read to their end; empty when all can."""
        found = []
        for table in _TABLES:
            try:
                self._rows(f"SELECT count(t) FROM {table} t")  # noqa: S608
            except ByleaveError as error:
                found.append(f"{table}: {error.message}")
        return found

    def gaps(self) -> list[str]:
        """Return what the numbers in readable tables show to be missing; empty when nothing is."""
        return [what for what, sql in (*STRUCTURE, ENDS) if self._rows(sql)[0][0]]

    # ----------------------------------------------------------------------------------------

    def _connect(self, *, read_only: bool) -> Connection:
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, prepare_threshold=1, fallback_application_name="byleave"
            )
            connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
            connection.execute(
                "SELECT set_config('default_transaction_read_only', %s, false)",
                ("on" if read_only else "off",),
            )
        except psycopg.Error as error:
            raise self._world(error) from error
        return connection

    def _prepare(self, *, create: bool) -> None:
        """Make the tables, or take the steps that they lack, all or none."""
        found = self._version()
        if create and found is not None:
            raise ConflictError(
                "a ledger stands there already", code="workspace.exists", where=self.place
            )
        if found is None and not create:
            raise self._damaged("no ledger stands there")
        if found is not None and found > FORMAT:
            raise self._damaged(f"ledger format {found}, this program reads {FORMAT}")
        if found == FORMAT:
            return
        if self._read_only:
            raise ConflictError(
                f"the ledger has format {found}, an older program's",
                code="workspace.older",
                where=self.place,
                hint="open the workspace for writing once; that brings it up to date",
            )
        with self._alone() as database, database.transaction():
            database.execute(statement(f"SET LOCAL lock_timeout = {_BUSY_MS}"))
            database.execute(statement(_LOCK))
            now = self._version()  # another may have been first
            if create and now is not None:
                raise ConflictError(
                    "a ledger stands there already", code="workspace.exists", where=self.place
                )
            if now is None:
                database.execute("CREATE TABLE byleave_format (version INTEGER NOT NULL)")
                database.execute("INSERT INTO byleave_format VALUES (0)")
            for step in POSTGRES[now or 0 :]:
                database.execute(statement(step))
            database.execute("UPDATE byleave_format SET version = %s", (FORMAT,))

    def _version(self) -> int | None:
        """Return the version of the tables in the first schema of the search path."""
        schema = self._row("SELECT current_schema()")
        if schema is None or schema[0] is None:
            raise WorldError(
                "the search path names no schema that is there",
                code="world.storage",
                where=self.place,
            )
        there = self._row(
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"
            " AND tablename = 'byleave_format'"
        )
        return None if there is None else self._number("SELECT max(version) FROM byleave_format")

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Hold the writing connection, one thread at a time; a broken one is made anew."""
        if self._read_only:
            raise ConflictError(
                "the ledger was opened read-only", code="workspace.read-only", where=self.place
            )
        me = threading.get_ident()
        if self._thread == me or not self._lock.acquire(timeout=_BUSY_MS / 1000):
            raise self._busy()
        self._thread = me
        try:
            if self._writer is None or self._writer.closed:
                self._writer = self._connect(read_only=False)
            yield self._writer
        finally:
            self._thread = None
            self._lock.release()

    def _connection(self) -> Connection:
        """Return the connection of this thread: only the writer sees its own transaction."""
        if self._thread == threading.get_ident() and self._writer is not None:
            return self._writer
        if self._reader.closed:
            with self._renewing:
                if self._reader.closed:
                    self._reader = self._connect(read_only=True)
        return self._reader

    def _member(
        self, column: str, value: bytes | int
    ) -> tuple[int, str, bytes | None, int, int] | None:
        row = self._row(
            f"SELECT {MEMBER_COLUMNS} FROM members WHERE {column} = %s",  # noqa: S608
            (value,),
        )
        return None if row is None else (row[0], row[1].decode(), row[2], row[3], row[4])

    def _ends(self) -> Ends:
        """Return how far the ledger reaches; to the thread that writes, with its own rows."""
        if self._open is not None and self._thread == threading.get_ident():
            return self._open.ends
        row = self._row(READ_ENDS)
        if row is None:
            raise self._damaged("the row of its ends is not there")
        return Ends(*row)

    def _facts(self, table: str, at_us: int) -> list[tuple[Any, ...]]:
        column = "region" if table == "regions" else "day"
        return self._rows(
            f"SELECT DISTINCT ON (ordinal) ordinal, {column} FROM {table}"  # noqa: S608
            " WHERE from_us <= %s ORDER BY ordinal, from_us DESC",
            (at_us,),
        )

    def _texts(self) -> dict[int | None, Any]:
        rows = self._rows("SELECT id, text FROM terms")
        self._terms.learn((number, text.decode()) for number, text in rows)
        return self._terms.texts

    def _event_rows(self, where: str, *values: int) -> list[tuple[Any, ...]]:
        return self._named(
            self._rows(f"SELECT {EVENT_COLUMNS} FROM events WHERE {where} ORDER BY idx", values)  # noqa: S608
        )

    def _named(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Put texts in the place of term numbers and bytes."""
        try:
            try:
                return named(rows, self._terms.texts)
            except KeyError:  # a term of another writer
                return named(rows, self._texts())
        except KeyError as error:
            raise self._damaged("an event names a term that is not there") from error

    def _document(self, raw: bytes) -> Any:  # noqa: ANN401 (a JSON document)
        try:
            return canonical.decode(bytes(raw))
        except InputError as error:
            raise self._damaged("a document is not canonical JSON") from error

    def _number(self, sql: str) -> int:
        return int(self._rows(sql)[0][0])

    def _row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        for last in (False, True):
            connection = self._connection()
            try:
                return connection.execute(statement(sql), values or None, binary=True).fetchall()
            except psycopg.Error as error:
                # The server was restarted: once more, unless a transaction went with it.
                if last or not connection.closed or connection is self._writer:
                    raise self._world(error) from error
        raise AssertionError

    def _asked(self, member: bytes) -> list[tuple[Any, ...]]:
        """Return the rows of `_HISTORY`, past the driver's cursor: that takes 27 of its 65 µs."""
        for last in (False, True):
            connection = self._connection()
            try:
                if connection is self._writer:
                    return look_up_in_transaction(connection, member)
                return look_up(connection, member, self._ready)
            except psycopg.Error as error:
                # The server was restarted, or a pool gave another session: once more.
                self._ready.discard(connection)
                lost = connection.closed or isinstance(error, pg.InvalidSqlStatementName)
                if last or not lost or connection is self._writer:
                    raise self._world(error) from error
        raise AssertionError

    def _busy(self) -> ConflictError:
        return busy(self.place)

    def _damaged(self, what: str) -> EvidenceError:
        return damaged(what, self.place)

    def _world(self, error: psycopg.Error) -> ByleaveError:
        return world(error, self.place)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise unfit("a text has a lone surrogate") from error
