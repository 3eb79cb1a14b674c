"""Members and facts about them in SQLite as columns: what a gate's plan is compiled from.

SQLite puts rows of fixed width into one text, NumPy cuts it: no step per row in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.ids import FAR_FUTURE_US
from byleave.stores.ledger_rows import chunks
from byleave.stores.text_columns import joined, texts_of

__all__ = ["SqliteColumns", "or_null"]

_IDS_AT_ONCE: Final = 500
_MEMBERS_AT_ONCE: Final = 1 << 18  # of 2,048 bytes each: SQLite's longest text is 10^9 bytes
_FACTS_AT_ONCE: Final = 1 << 22
_ORDINALS: Final = "group_concat(printf('%016x', ordinal), '')"
_MEMBERS: Final = (
    "SELECT group_concat(printf('%016x%08x', ordinal, length(CAST(member AS BLOB))), ''),"
    " CAST(group_concat(member, '') AS BLOB) FROM (SELECT ordinal, member FROM members"
    " WHERE ordinal >= ? AND ordinal < ? AND enrolment < ? ORDER BY ordinal)"
)
_MEMBER_ROW: Final = np.dtype([("ordinal", ">i8"), ("length", ">i4")])
_AS_OF: Final = (
    "from_us = (SELECT max(from_us) FROM {table} WHERE ordinal = f.ordinal AND from_us <= ?)"
)
_REGIONS: Final = (
    f"SELECT region, {_ORDINALS} FROM regions f WHERE {_AS_OF.format(table='regions')}"  # noqa: S608
    " AND {some} GROUP BY region"
)
_GROUPS: Final = (
    f"SELECT names, {_ORDINALS} FROM member_groups f"  # noqa: S608
    f" WHERE {_AS_OF.format(table='member_groups')} AND {{some}} GROUP BY names"
)
_BIRTHS: Final = (
    "SELECT group_concat(printf('%016x%016x', ordinal, day), '') FROM births f"  # noqa: S608
    f" WHERE {_AS_OF.format(table='births')} AND {{some}}"
)
_EVENT_INSTANTS: Final = (
    "SELECT group_concat(CASE WHEN (effective_us > ?1 AND effective_us <= ?2)"
    " OR (expires_us > ?1 AND expires_us <= ?2) THEN printf('%016x', ordinal) END, ''),"
    " min(CASE WHEN effective_us > ?2 THEN effective_us END),"
    " min(CASE WHEN expires_us > ?2 THEN expires_us END) FROM events"
)
_FACT_INSTANTS: Final = (
    "SELECT group_concat(CASE WHEN from_us > ?1 AND from_us <= ?2 THEN printf('%016x', ordinal)"
    " END, ''), min(CASE WHEN from_us > ?2 THEN from_us END) FROM "
)
Longs = npt.NDArray[np.int64]


class _Rows(Protocol):
    def member_count(self) -> int: ...
    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...


class SqliteColumns:
    """The columnar half of `SqliteLedger`."""

    def member_ids(self: _Rows, *, first: int = 0, before: int | None = None) -> pa.Array:
        """Return members' ids in the order of ordinals, `large_string`; 0.6 µs a member.

        Args:
            first: Ordinal to begin with.
            before: Log index below which members were enrolled; None: all.
        """
        parts = []
        limit = 2**62 if before is None else before
        for start in range(first, self.member_count(), _MEMBERS_AT_ONCE):
            found = self._rows(_MEMBERS, (start, start + _MEMBERS_AT_ONCE, limit))[0]
            rows = np.frombuffer(bytes.fromhex(found[0] or ""), _MEMBER_ROW)
            parts.append(texts_of(rows["ordinal"], rows["length"], found[1] or b""))
        return joined(parts)

    def regions_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        """Return for each region the members who have it at an instant, ascending.

        Args:
            at_us: The instant, µs.
            ordinals: Only of these members, each once; the cost is theirs then.
        """
        return _by_text(self, _REGIONS, at_us, ordinals)

    def groups_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        """Return for each set of groups the members who are in it at an instant (see above)."""
        return _by_text(self, _GROUPS, at_us, ordinals)

    def births_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> tuple[Longs, Longs]:
        """Return members, ascending, and the latest possible day of birth of each at an instant.

        Args:
            at_us: The instant, µs.
            ordinals: Only of these members, each once; the cost is theirs then.
        """
        pairs = [np.zeros((0, 2), np.int64)]
        for some, values in _ranges(self.member_count(), ordinals):
            packed = self._rows(_BIRTHS.format(some=some), (at_us, *values))[0][0]
            pairs.append(_numbers(packed).reshape(-1, 2))
        both = np.concatenate(pairs)
        both = both[np.argsort(both[:, 0], kind="stable")]
        return both[:, 0].copy(), both[:, 1].copy()

    def born_between(self: _Rows, first: int, last: int) -> Longs:
        """Return the members of whom a birth on one of these days was ever recorded, ascending."""
        sql = f"SELECT {_ORDINALS} FROM births WHERE day BETWEEN ? AND ?"  # noqa: S608
        return np.unique(_numbers(self._rows(sql, (first, last))[0][0]))

    def event_instants(self: _Rows, after_us: int, until_us: int) -> tuple[Longs, int]:
        """Return whose choices take effect or end within a time, and when the next one does.

        Args:
            after_us: Its beginning, not part of it.
            until_us: Its end, part of it.

        Returns:
            Ordinals, ascending; the first such instant after the end, `FAR_FUTURE_US`: none.
        """
        packed, *later = self._rows(_EVENT_INSTANTS, (after_us, until_us))[0]
        return np.unique(_numbers(packed)), _first(later)

    def fact_instants(self: _Rows, after_us: int, until_us: int) -> tuple[Longs, int]:
        """Return whose region, birth or groups are others from an instant within a time on (see above)."""
        found = [
            self._rows(_FACT_INSTANTS + table, (after_us, until_us))[0]
            for table in ("regions", "births", "member_groups")
        ]
        who = np.concatenate([_numbers(packed) for packed, _ in found])
        return np.unique(who), _first([next_us for _, next_us in found])

    def facts_since(self: _Rows, position: int) -> tuple[int, Longs]:
        """Return whose facts were written since a position of `fact_tail`, and the position now.

        Facts that came with their member's enrolment are not told of.
        """
        rows = self._rows(
            "SELECT seq, ordinals FROM fact_tail WHERE seq > ? ORDER BY seq", (position,)
        )
        who = [np.zeros(0, np.int64), *(np.frombuffer(raw, "<i8") for _, raw in rows)]
        return rows[-1][0] if rows else position, np.unique(np.concatenate(who).astype(np.int64))


def _by_text(
    rows: _Rows, sql: str, at_us: int, ordinals: Sequence[int] | Longs | None
) -> dict[str, Longs]:
    """Return for each text of a fact its members, ascending."""
    found: dict[str, list[Longs]] = {}
    for some, values in _ranges(rows.member_count(), ordinals):
        for text, packed in rows._rows(sql.format(some=some), (at_us, *values)):  # noqa: SLF001
            found.setdefault(text, []).append(_numbers(packed))
    return {text: np.sort(np.concatenate(parts)) for text, parts in found.items()}


def _ranges(
    members: int, ordinals: Sequence[int] | Longs | None
) -> list[tuple[str, tuple[int, ...]]]:
    """Return conditions that together name everybody, or some members, and their values."""
    if ordinals is None:
        starts = range(0, members, _FACTS_AT_ONCE)
        return [("ordinal >= ? AND ordinal < ?", (n, n + _FACTS_AT_ONCE)) for n in starts]
    return [
        (f"ordinal IN ({','.join('?' * len(some))})", tuple(some))
        for some in chunks(np.asarray(ordinals).tolist(), _IDS_AT_ONCE)
    ]


def _numbers(packed: str | None) -> Longs:
    """Return numbers of sixteen hexadecimal digits."""
    return np.frombuffer(bytes.fromhex(packed or ""), ">i8").astype(np.int64)


def _first(instants: Sequence[int | None]) -> int:
    return min((us for us in instants if us is not None), default=FAR_FUTURE_US)


def or_null(instants: npt.NDArray[np.int64]) -> list[int | None]:
    """Return instants as a list, None where there is none."""
    none = instants == FAR_FUTURE_US
    if none.all():
        return [None] * len(instants)
    values = instants.astype(object)
    values[none] = None
    listed: list[int | None] = values.tolist()
    return listed
