"""The objects of a ledger in SQLite: one canonical JSON document for each entry that is no event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from byleave.stores.ledger_rows import FIRST_FROM, later_event

__all__ = ["SqliteObjects"]


class _Asked(Protocol):
    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def _row(self, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None: ...
    def size(self) -> int: ...
    def _document(self, raw: bytes) -> Any: ...  # noqa: ANN401 (a JSON document)


class SqliteObjects:
    """The half of `SqliteLedger` that reads objects."""

    def objects(self: _Asked, kind: str) -> list[tuple[int, str, int, Any]]:
        """Return (index, id, at_us, document) of one kind, by index."""
        rows = self._rows(
            "SELECT idx, id, at_us, document FROM objects WHERE kind = ? ORDER BY idx", (kind,)
        )
        return [(i, name, at, self._document(raw)) for i, name, at, raw in rows]

    def object(self: _Asked, kind: str, object_id: str) -> tuple[int, int, Any] | None:
        """Return (index, at_us, document) of one object, or None."""
        row = self._row(
            "SELECT idx, at_us, document FROM objects WHERE kind = ? AND id = ?", (kind, object_id)
        )
        return None if row is None else (row[0], row[1], self._document(row[2]))

    def object_at(self: _Asked, index: int) -> tuple[str, str, int, Any] | None:
        """Return (kind, id, at_us, document) of the object whose log entry has this index."""
        row = self._row("SELECT kind, id, at_us, document FROM objects WHERE idx = ?", (index,))
        return None if row is None else (row[0], row[1], row[2], self._document(row[3]))

    def index_from(self: _Asked, at_us: int) -> int:
        """Return the index from which on entries were recorded at an instant or after it.

        By halving, so it means something where instants do not go back; the log's size where none
        was. Cost: some log2(size) look-ups.
        """
        return later_event(at_us - 1, self.size(), lambda i: self._row(FIRST_FROM, (i, i, i)))

    def last_objects(
        self: _Asked, kinds: Sequence[str], *, before: int, limit: int, after: int = -1
    ) -> list[tuple[int, str, str, int, Any]]:
        """Return (index, kind, id, at_us, document) of objects of some kinds, newest first.

        Args:
            kinds: Which.
            before: Only those of a lower index.
            limit: At most so many. Cost: what is skipped between them, and they.
            after: Only those of a higher index.
        """
        marks = ", ".join("?" * len(kinds))
        rows = self._rows(
            f"SELECT idx, kind, id, at_us, document FROM objects WHERE idx < ?"  # noqa: S608
            f" AND idx > ? AND kind IN ({marks}) ORDER BY idx DESC LIMIT ?",
            (before, after, *kinds, limit),
        )
        return [(i, kind, name, at, self._document(raw)) for i, kind, name, at, raw in rows]
