"""The writing half of the ledgers in PostgreSQL: how rows of a transaction reach its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import numpy as np
import psycopg

from byleave import canonical
from byleave.consent.batch import SALT_BYTES, EventBatch
from byleave.errors import ConflictError, InputError
from byleave.ids import FAR_FUTURE_US
from byleave.stores.copy_binary import HEADER, TRAILER, ended_rows, fixed_rows
from byleave.stores.ledger_writer import Numbers, Terms, WriterBase, key

__all__ = [
    "EVENT_COLUMNS",
    "MEMBER_COLUMNS",
    "READ_ENDS",
    "Connection",
    "Ends",
    "PostgresWriter",
    "statement",
]

_FEW: Final = 32
EVENT_COLUMNS: Final = (
    "idx, ordinal, kind, scope, effective_us, recorded_us, expires_us, includes_past,"
    " notice, grade, channel, salt, original_us, evidence"
)
_EVENT_TYPES: Final = (
    "int8 int8 int2 int4 int8 int8 int8 int2 int4 int2 int4 bytea int8 bytea".split()
)
MEMBER_COLUMNS: Final = "ordinal, member, secret, enrolment, enrolled_us"
READ_ENDS: Final = "SELECT entries, members, last_recorded FROM ledger_ends"
Connection = psycopg.Connection[tuple[Any, ...]]


class Ends(NamedTuple):
    """How far a ledger reaches: its one row of `ledger_ends`.

    Read off the tables instead, each would stand behind all rows of an open transaction, which
    PostgreSQL passes one by one: up to 131,072 of them while an import is under way.
    """

    entries: int
    members: int
    last_recorded: int | None


class PostgresWriter(WriterBase):
    """One open write transaction. Made by `PostgresLedger.writing` only.

    Args:
        connection: In a transaction that holds the writers' lock.
        terms: The ledger's terms.
        ends: How far the ledger reached when the lock was taken.
    """

    def __init__(self, connection: Connection, terms: Terms, ends: Ends) -> None:
        super().__init__(ends.entries, terms)
        self._db = connection
        self._before = ends
        self._members = ends.members

    @property
    def ends(self) -> Ends:
        """How far the ledger reaches with the rows of this transaction; its entries come last."""
        last = self._before.last_recorded if self._clock is None else self._clock
        return Ends(self._start, self._members, last)

    def add_members(self, rows: Iterable[tuple[int, str, bytes, int, int]]) -> None:
        """Insert (ordinal, member, secret, enrolment index, enrolled_us) rows."""
        listed = [(o, key(m).encode(), r, e, us) for o, m, r, e, us in self._enrolling(rows)]
        self._members = max([self._members, *(row[0] + 1 for row in listed)])
        if len(listed) < _FEW or any(len(row[2]) != SALT_BYTES for row in listed):
            types = "int8 bytea bytea int8 int8".split()
            self._insert("members", MEMBER_COLUMNS, types, listed)
            return
        ordinals, members, secrets, enrolments, instants = zip(*listed, strict=True)
        joined = np.frombuffer(b"".join(secrets), np.uint8).reshape(-1, SALT_BYTES)
        numbers = [np.array(column, np.int64) for column in (ordinals, enrolments, instants)]
        stream = ended_rows([*((column, None) for column in numbers), (joined, None)], members)
        self._copy("members (ordinal, enrolment, enrolled_us, secret, member)", stream)

    def add_regions(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, region) rows."""
        encoded = ((o, us, key(region).encode()) for o, us, region in rows)
        self._facts("regions", "region", encoded)

    def add_births(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Insert (ordinal, from_us, latest possible day of birth since the epoch) rows."""
        self._facts("births", "day", rows)

    def add_groups(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, names of groups with a space between) rows."""
        encoded = ((o, us, key(names).encode()) for o, us, names in rows)
        self._facts("member_groups", "names", encoded)

    def add_object(
        self, kind: str, object_id: str, *, index: int, at_us: int, document: canonical.Json
    ) -> None:
        """Insert one object.

        Raises:
            ConflictError: `workspace.exists`, an object of that kind and id stands already.
        """
        inserted = self._execute(
            "INSERT INTO objects (idx, at_us, kind, id, document) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (kind, id) DO NOTHING",
            (index, at_us, key(kind).encode(), key(object_id).encode(), canonical.encode(document)),
        )
        if inserted.rowcount != 1:
            raise ConflictError(
                f"a {kind} named {object_id!r} exists already", code="workspace.exists"
            )

    def replace_object(self, kind: str, object_id: str, document: canonical.Json) -> None:
        """Change the private document of an object (its log entry stays as it is)."""
        self._execute(
            "UPDATE objects SET document = %s WHERE kind = %s AND id = %s",
            (canonical.encode(document), kind.encode(), object_id.encode()),
        )

    def erase_members(self, rows: Iterable[tuple[int, str]]) -> None:
        """Take the secret, id, salts, evidence and dated facts of (ordinal, new id) members."""
        for ordinal, name in self._touching(rows):
            self._execute(
                "UPDATE members SET secret = NULL, member = %s WHERE ordinal = %s",
                (key(name).encode(), ordinal),
            )
            self._execute(
                "UPDATE events SET salt = %s, evidence = NULL WHERE ordinal = %s", (b"", ordinal)
            )
            self._execute("DELETE FROM regions WHERE ordinal = %s", (ordinal,))
            self._execute("DELETE FROM births WHERE ordinal = %s", (ordinal,))
            self._execute("DELETE FROM member_groups WHERE ordinal = %s", (ordinal,))

    def _insert_events(self, rows: Iterator[tuple[Any, ...]], count: int) -> None:
        encoded = [(*row[:13], None if row[13] is None else row[13].encode()) for row in rows]
        self._insert("events", EVENT_COLUMNS, _EVENT_TYPES, encoded)

    def _insert_batch(
        self, first: int, batch: EventBatch, scopes: Numbers, notices: Numbers, channels: Numbers
    ) -> None:
        count = len(batch)
        columns = EVENT_COLUMNS.removesuffix(", evidence")
        stream = fixed_rows(
            [
                (np.arange(first, first + count, dtype=np.int64), None),
                (batch.ordinal, None),
                (batch.kind.astype(np.int16), None),
                (scopes[batch.scope], None),
                (batch.effective_us, None),
                (batch.recorded_us, None),
                (batch.expires_us, batch.expires_us == FAR_FUTURE_US),
                (batch.includes_past.astype(np.int16), None),
                (np.append(notices, np.int32(0))[batch.notice], batch.notice < 0),
                (batch.grade.astype(np.int16), None),
                (channels[batch.channel], None),
                (batch.salts, None),
                (batch.original_us, batch.original_us == FAR_FUTURE_US),
            ]
        )
        self._copy(f"events ({columns})", stream)
        if batch.evidence is not None:
            given = [(e.encode(), first + i) for i, e in enumerate(batch.evidence) if e is not None]
            with self._db.cursor() as cursor:
                cursor.executemany("UPDATE events SET evidence = %s WHERE idx = %s", given)

    def _insert_term(self, text: str) -> int:
        raw = text.encode()
        self._execute(
            "INSERT INTO terms SELECT coalesce(max(id), 0) + 1, %s FROM terms"
            " ON CONFLICT (text) DO NOTHING",
            (raw,),
        )
        return self._value("SELECT id FROM terms WHERE text = %s", (raw,))

    def _member_count(self) -> int:
        return self._members

    def _last_recorded(self) -> int | None:
        return self._before.last_recorded

    def _flush(self) -> None:
        ends = self.ends._replace(entries=self._next)
        if ends != self._before:
            self._execute(
                "UPDATE ledger_ends SET entries = %s, members = %s, last_recorded = %s", ends
            )
        for raw in self._tail():
            self._execute(
                "INSERT INTO fact_tail SELECT coalesce(max(seq), 0) + 1, %s FROM fact_tail", (raw,)
            )
        if not self._entries:
            return
        entries = self._entries
        lengths = np.fromiter(map(len, entries), np.int64, len(entries))
        usual = int(np.bincount(lengths).argmax())  # an import's entries are of one length but few
        same = np.flatnonzero(lengths == usual)
        others: Sequence[int] = range(len(entries))
        if len(same) >= _FEW:
            index = self._start + same
            joined = np.frombuffer(b"".join([entries[i] for i in same.tolist()]), np.uint8)
            rows = fixed_rows([(index, None), (joined.reshape(len(same), usual), None)])
            self._copy("log_entries (idx, entry)", rows)
            others = np.flatnonzero(lengths != usual).tolist()
        rest = [(self._start + i, entries[i]) for i in others]
        self._insert("log_entries", "idx, entry", ["int8", "bytea"], rest)

    # ----------------------------------------------------------------------------------------

    def _facts(self, table: str, column: str, facts: Iterable[tuple[Any, ...]]) -> None:
        """Insert or replace dated facts of members."""
        rows = list(self._touching(facts))
        if (
            rows
            and not 0 <= min(r[0] for r in rows) <= max(r[0] for r in rows) < self._member_count()
        ):
            raise InputError("a fact's member is not enrolled", code="member.unknown")
        with self._db.cursor() as cursor:
            cursor.executemany(
                statement(
                    f"INSERT INTO {table} VALUES (%s, %s, %s)"  # noqa: S608
                    f" ON CONFLICT (ordinal, from_us) DO UPDATE SET {column} = excluded.{column}"
                ),
                rows,
            )

    def _insert(
        self, table: str, columns: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        if not rows:
            return
        if len(rows) < _FEW:
            marks = ", ".join(f"%s::{kind}" for kind in types)
            single = statement(f"INSERT INTO {table} ({columns}) VALUES ({marks})")  # noqa: S608
            with self._db.cursor() as cursor:
                cursor.executemany(single, rows)
            return
        with (
            self._db.cursor() as cursor,
            cursor.copy(statement(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)")) as copy,
        ):
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def _copy(self, target: str, stream: bytes) -> None:
        with (
            self._db.cursor() as cursor,
            cursor.copy(statement(f"COPY {target} FROM STDIN (FORMAT BINARY)")) as copy,
        ):
            copy.write(HEADER + stream + TRAILER)

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._db.execute(statement(sql), values or None, binary=True)

    def _value(self, sql: str, values: Sequence[Any] = ()) -> int:
        row = self._execute(sql, values).fetchone()
        return int(cast("tuple[int]", row)[0])


@lru_cache(maxsize=256)
def statement(sql: str) -> bytes:
    """Return a statement as bytes, which psycopg's types take for one that was not pasted together.

    No value ever becomes part of a statement; what is put together are our own names.
    """
    return sql.encode("ascii")
