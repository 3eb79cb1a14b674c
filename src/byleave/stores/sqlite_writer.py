"""The open write transaction of a ledger in SQLite: rows and log entries on their way in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np

from byleave import canonical
from byleave.consent.batch import SALT_BYTES, EventBatch
from byleave.errors import ConflictError
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.stores.ledger_writer import Numbers, Terms, WriterBase, key
from byleave.stores.sqlite_columns import or_null
from byleave.stores.sqlite_entries import SIZE, PackedEntries, add_entries

__all__ = ["EVENT_COLUMNS", "LAST_RECORDED", "SqliteWriter"]

EVENT_COLUMNS: Final = (
    "idx, ordinal, kind, scope, effective_us, recorded_us, expires_us, includes_past,"
    " notice, grade, channel, salt, original_us, evidence"
)
_EVENT_MARKS: Final = ",".join("?" * len(EVENT_COLUMNS.split(",")))
LAST_RECORDED: Final = "SELECT recorded_us FROM events ORDER BY idx DESC LIMIT 1"


class SqliteWriter(WriterBase):
    """One open write transaction. Made by `SqliteLedger.writing` only."""

    def __init__(self, connection: sqlite3.Connection, terms: Terms) -> None:
        super().__init__(int(connection.execute(SIZE).fetchone()[0]), terms)
        self._db = connection
        self._written = self._start  # entries below it are in their tables

    def add_members(self, rows: Iterable[tuple[int, str, bytes, int, int]]) -> None:
        """Insert (ordinal, member, secret, enrolment index, enrolled_us) rows."""
        checked = self._enrolling((o, key(m), r, e, us) for o, m, r, e, us in rows)
        self._db.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?)", checked)

    def add_regions(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, region) rows."""
        checked = self._touching((o, us, key(region)) for o, us, region in rows)
        self._db.executemany("INSERT OR REPLACE INTO regions VALUES (?, ?, ?)", checked)

    def add_births(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Insert (ordinal, from_us, latest possible day of birth since the epoch) rows."""
        self._db.executemany("INSERT OR REPLACE INTO births VALUES (?, ?, ?)", self._touching(rows))

    def add_groups(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Insert (ordinal, from_us, names of groups with a space between) rows."""
        checked = self._touching((o, us, key(names)) for o, us, names in rows)
        self._db.executemany("INSERT OR REPLACE INTO member_groups VALUES (?, ?, ?)", checked)

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
                (index, key(kind), key(object_id), at_us, canonical.encode(document)),
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

    def erase_members(self, rows: Iterable[tuple[int, str]]) -> None:
        """Take the secret, id, salts, evidence and dated facts of (ordinal, new id) members."""
        listed = [(key(name), ordinal) for ordinal, name in rows]
        self._db.executemany(
            "UPDATE members SET secret = NULL, member = ? WHERE ordinal = ?", listed
        )
        who = [*self._touching((ordinal,) for _, ordinal in listed)]
        self._db.executemany("UPDATE events SET salt = x'', evidence = NULL WHERE ordinal = ?", who)
        for table in ("regions", "births", "member_groups"):
            self._db.executemany(f"DELETE FROM {table} WHERE ordinal = ?", who)  # noqa: S608

    def _insert_events(self, rows: Iterator[tuple[Any, ...]], count: int) -> None:
        self._db.executemany(
            f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({_EVENT_MARKS})",  # noqa: S608
            rows,
        )

    def _insert_batch(
        self,
        first: int,
        batch: EventBatch,
        scopes: Numbers,
        notices: Numbers,
        channels: Numbers,
    ) -> None:
        count = len(batch)
        notice = np.append(notices, 0)[batch.notice].astype(object)
        notice[batch.notice < 0] = None
        salts = np.ascontiguousarray(batch.salts).view(f"V{SALT_BYTES}")
        self._insert_events(
            zip(
                range(first, first + count),
                batch.ordinal.tolist(),
                batch.kind.tolist(),
                scopes[batch.scope].tolist(),
                batch.effective_us.tolist(),
                batch.recorded_us.tolist(),
                or_null(batch.expires_us),
                batch.includes_past.view(np.uint8).tolist(),
                notice.tolist(),
                batch.grade.tolist(),
                channels[batch.channel].tolist(),
                salts.ravel().tolist(),
                or_null(batch.original_us),
                batch.evidence or repeat(None, count),
                strict=True,
            ),
            count,
        )

    def _insert_term(self, text: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO terms(text) VALUES (?)", (text,))
        row = self._db.execute("SELECT id FROM terms WHERE text = ?", (text,)).fetchone()
        return int(row[0])

    def _member_count(self) -> int:
        return _count(self._db, "members")

    def _last_recorded(self) -> int | None:
        row = self._db.execute(LAST_RECORDED).fetchone()
        return None if row is None else int(row[0])

    def log_many(self, entries: Sequence[bytes]) -> int:
        """Append log entries and return the index of the first.

        Prepared ones, and commitments, are written as they stand.
        """
        first = self._next
        if isinstance(entries, PackedEntries | CommitmentEntries):
            self._add_entries()
            add_entries(self._db, first, entries)
            self._next = self._written = first + len(entries)
            return first
        return super().log_many(entries)

    def _add_entries(self) -> None:
        """Write what was logged since the last such call."""
        if self._entries:
            add_entries(self._db, self._written, self._entries)
            self._written += len(self._entries)
            self._entries.clear()

    def _flush(self) -> None:
        self._add_entries()
        for raw in self._tail():
            self._db.execute("INSERT INTO fact_tail(ordinals) VALUES (?)", (raw,))


def _count(connection: sqlite3.Connection, table: str) -> int:
    column = "ordinal" if table == "members" else "idx"
    row = connection.execute(f"SELECT coalesce(max({column}) + 1, 0) FROM {table}").fetchone()  # noqa: S608
    return int(row[0])
