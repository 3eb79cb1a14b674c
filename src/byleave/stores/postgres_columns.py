"""Members, facts about them and events in PostgreSQL as columns: what gates are compiled from.

The server puts numbers and texts one behind the other, NumPy cuts them: no step per row here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.consent.batch import EventBatch
from byleave.ids import FAR_FUTURE_US
from byleave.stores.ledger_rows import batch_of, chunks, with_evidence
from byleave.stores.text_columns import joined, texts_of

__all__ = ["PostgresColumns"]

_IDS_AT_ONCE: Final = 10_000
_MEMBERS_AT_ONCE: Final = 1 << 18  # of 2,048 bytes each: the longest value has 2^30 bytes
_FACTS_AT_ONCE: Final = 1 << 22
_ORDINALS: Final = "string_agg(int8send(ordinal), ''::bytea)"
_MEMBERS: Final = (
    "SELECT string_agg(int8send(ordinal), ''::bytea ORDER BY ordinal),"
    " string_agg(int4send(length(member)), ''::bytea ORDER BY ordinal),"
    " string_agg(member, ''::bytea ORDER BY ordinal) FROM members"
    " WHERE ordinal >= %s AND ordinal < %s AND enrolment < %s"
)
_AS_OF: Final = (
    "from_us = (SELECT max(from_us) FROM {table} WHERE ordinal = f.ordinal AND from_us <= %s)"
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
    "SELECT string_agg(int8send(ordinal) || int8send(day), ''::bytea) FROM births f"  # noqa: S608
    f" WHERE {_AS_OF.format(table='births')} AND {{some}}"
)
_EVENTS_AT_ONCE: Final = 1 << 20
_EVENT_COLUMNS: Final = (
    ("idx", "idx", "int8send", ">i8"),
    ("ordinal", "ordinal", "int8send", ">i8"),
    ("kind", "kind", "int2send", ">i2"),
    ("scope", "scope", "int4send", ">i4"),
    ("effective", "effective_us", "int8send", ">i8"),
    ("recorded", "recorded_us", "int8send", ">i8"),
    ("expires", f"coalesce(expires_us, {FAR_FUTURE_US})", "int8send", ">i8"),
    ("past", "includes_past", "int2send", ">i2"),
    ("notice", "coalesce(notice, 0)", "int4send", ">i4"),
    ("grade", "grade", "int2send", ">i2"),
    ("channel", "channel", "int4send", ">i4"),
    ("original", f"coalesce(original_us, {FAR_FUTURE_US})", "int8send", ">i8"),
)
_EVENT_ROW: Final = np.dtype([(name, kind[1:]) for name, _, _, kind in _EVENT_COLUMNS])
_EVENTS: Final = (
    "SELECT "  # noqa: S608 (columns of our own)
    + ", ".join(f"string_agg({send}({name}), ''::bytea)" for name, _, send, _ in _EVENT_COLUMNS)
    + " FROM (SELECT "
    + ", ".join(f"{sql} AS {name}" for name, sql, _, _ in _EVENT_COLUMNS)
    + " FROM events WHERE idx > %s AND idx < %s {more} ORDER BY idx {end}) e"
)
_EVENT_INSTANTS: Final = (
    f"SELECT {_ORDINALS} FILTER (WHERE (effective_us > %s AND effective_us <= %s)"  # noqa: S608
    " OR (expires_us > %s AND expires_us <= %s)),"
    " min(effective_us) FILTER (WHERE effective_us > %s),"
    " min(expires_us) FILTER (WHERE expires_us > %s) FROM events"
)
_FACT_INSTANTS: Final = (
    f"SELECT {_ORDINALS} FILTER (WHERE from_us > %s AND from_us <= %s),"  # noqa: S608
    " min(from_us) FILTER (WHERE from_us > %s) FROM "
)
Longs = npt.NDArray[np.int64]


class _Rows(Protocol):
    def member_count(self) -> int: ...
    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def _texts(self) -> dict[int | None, Any]: ...


class PostgresColumns:
    """The columnar half of `PostgresLedger` (docs of each method: `stores/sqlite_columns.py`)."""

    def member_ids(self: _Rows, *, first: int = 0, before: int | None = None) -> pa.Array:
        """Return members' ids in the order of ordinals, `large_string`."""
        parts = []
        limit = 2**62 if before is None else before
        for start in range(first, self.member_count(), _MEMBERS_AT_ONCE):
            found = self._rows(_MEMBERS, (start, start + _MEMBERS_AT_ONCE, limit))[0]
            order, lengths = (
                np.frombuffer(raw or b"", kind)
                for raw, kind in zip(found, (">i8", ">i4"), strict=False)
            )
            parts.append(texts_of(order, lengths, found[2] or b""))
        return joined(parts)

    def events_columns(
        self: _Rows,
        *,
        before: int | None = None,
        after: int = -1,
        ordinals: Sequence[int] | None = None,
        evidence: bool = False,
    ) -> EventBatch:
        """Return the events with after < index < before as columns, by index, without salts.

        Costs some 4 µs an event in the server and 0.3 here, and 66 bytes; a mebi of them at a time.
        """
        limit = 2**62 if before is None else before
        parts = [np.empty(0, _EVENT_ROW)]
        if ordinals is None:
            last = after
            while len(part := _events(self, (last, limit), end=f"LIMIT {_EVENTS_AT_ONCE}")):
                parts.append(part)
                last = int(part["idx"][-1])
        else:
            parts += [
                _events(self, (after, limit, some), more="AND ordinal = ANY(%s)")
                for some in chunks(ordinals, _IDS_AT_ONCE)
            ]
        rows = np.concatenate(parts)
        if ordinals is not None:
            rows = rows[np.argsort(rows["idx"], kind="stable")]
        batch = batch_of(rows, self._texts())
        if not evidence:
            return batch
        sql = "SELECT idx, evidence FROM events WHERE evidence NOTNULL AND idx > %s AND idx < %s"
        return with_evidence(batch, self._rows(sql, (after, limit)))

    def regions_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        """Return for each region the members who have it at an instant, ascending."""
        return _by_text(self, _REGIONS, at_us, ordinals)

    def groups_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        """Return for each set of groups the members who are in it at an instant (see above)."""
        return _by_text(self, _GROUPS, at_us, ordinals)

    def births_columns(
        self: _Rows, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> tuple[Longs, Longs]:
        """Return members, ascending, and the latest possible day of birth of each at an instant."""
        pairs = [np.zeros((0, 2), np.int64)]
        for some, values in _ranges(self.member_count(), ordinals):
            packed = self._rows(_BIRTHS.format(some=some), (at_us, *values))[0][0]
            pairs.append(_numbers(packed).reshape(-1, 2))
        both = np.concatenate(pairs)
        both = both[np.argsort(both[:, 0], kind="stable")]
        return both[:, 0].copy(), both[:, 1].copy()

    def born_between(self: _Rows, first: int, last: int) -> Longs:
        """Return the members of whom a birth on one of these days was ever recorded, ascending."""
        sql = f"SELECT {_ORDINALS} FROM births WHERE day BETWEEN %s AND %s"  # noqa: S608
        return np.unique(_numbers(self._rows(sql, (first, last))[0][0]))

    def event_instants(self: _Rows, after_us: int, until_us: int) -> tuple[Longs, int]:
        """Return whose choices take effect or end within a time, and when the next one does."""
        values = (after_us, until_us, after_us, until_us, until_us, until_us)
        packed, *later = self._rows(_EVENT_INSTANTS, values)[0]
        return np.unique(_numbers(packed)), _first(later)

    def fact_instants(self: _Rows, after_us: int, until_us: int) -> tuple[Longs, int]:
        """Return whose region, birth or groups are others from an instant within a time on."""
        found = [
            self._rows(_FACT_INSTANTS + table, (after_us, until_us, until_us))[0]
            for table in ("regions", "births", "member_groups")
        ]
        who = np.concatenate([_numbers(packed) for packed, _ in found])
        return np.unique(who), _first([next_us for _, next_us in found])

    def facts_since(self: _Rows, position: int) -> tuple[int, Longs]:
        """Return whose facts were written since a position of `fact_tail`, and the position now."""
        rows = self._rows(
            "SELECT seq, ordinals FROM fact_tail WHERE seq > %s ORDER BY seq", (position,)
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
            found.setdefault(text.decode(), []).append(_numbers(packed))
    return {text: np.sort(np.concatenate(parts)) for text, parts in found.items()}


def _events(
    rows: _Rows, values: tuple[Any, ...], *, more: str = "", end: str = ""
) -> npt.NDArray[np.void]:
    """Return rows of events between two indexes, by index."""
    found = rows._rows(_EVENTS.format(more=more, end=end), values)[0]  # noqa: SLF001
    columns = [
        np.frombuffer(raw or b"", kind)
        for raw, (_, _, _, kind) in zip(found, _EVENT_COLUMNS, strict=True)
    ]
    order = np.argsort(columns[0], kind="stable")
    made = np.empty(len(order), _EVENT_ROW)
    for (name, _, _, _), column in zip(_EVENT_COLUMNS, columns, strict=True):
        made[name] = column[order]
    return made


def _ranges(
    members: int, ordinals: Sequence[int] | Longs | None
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield conditions that together name everybody, or some members, and their values."""
    if ordinals is None:
        for start in range(0, members, _FACTS_AT_ONCE):
            yield "ordinal >= %s AND ordinal < %s", (start, start + _FACTS_AT_ONCE)
        return
    for some in chunks(np.asarray(ordinals).tolist(), _IDS_AT_ONCE):
        yield "ordinal = ANY(%s)", (some,)


def _numbers(packed: bytes | None) -> Longs:
    return np.frombuffer(packed or b"", ">i8").astype(np.int64)


def _first(instants: Sequence[int | None]) -> int:
    return min((us for us in instants if us is not None), default=FAR_FUTURE_US)
