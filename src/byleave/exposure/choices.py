"""What members had said, as of any past instant, for any use: one state per member.

Choices are what members decided by an act of their own. A switch that was on by default is not
among them (G1); a switch turned *off* is, and is read as a refusal from that instant on.
The last choice in effect that covers the use decides; of two at one instant, the later row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.exposure.practice import Setting, as_text, as_us, check_columns
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.scope import Scope

__all__ = [
    "EXPIRED",
    "GRANTED",
    "REFUSED",
    "SILENT",
    "Choices",
    "State",
    "Switches",
    "check_choices",
    "choice_columns",
    "scope_names",
]

Array = Any  # a NumPy array; its element type is named where it is made

SILENT: Final = 0
"""Never said anything about the use, or took back a refusal."""
GRANTED: Final = 1
REFUSED: Final = 2
EXPIRED: Final = 3

_DECISIONS: Final = {
    "grant": GRANTED,
    "refusal": REFUSED,
    "withdrawal": REFUSED,
    "objection": REFUSED,
}
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Per member ordinal, at one instant and for one use.

    Attributes:
        said: `SILENT`, `GRANTED`, `REFUSED` or `EXPIRED` (int8).
        covers_from: From which collection instant the grant covers data (int64, microseconds);
            the far past where it includes the past; the far future where there is no grant.
    """

    said: Array
    covers_from: Array


class Choices:
    """The members' choices and switches, resolved to ordinals once and sorted by time.

    Args:
        table: `member`, `at`, `decision` (`grant`, `refusal`, `withdrawal`, `objection`), and
            optionally `expires` (exclusive), `includes_past` (false where absent), `scope`
            (`PURPOSE/CATEGORY/RECIPIENT`; every use where absent).
        switches: Who turned the switch off (and on again) in the platform's own records; resolved once.
        members: All member ids, in the order of their ordinals.

    Raises:
        InputError: `case.column`, `case.type`, `case.decision`, `case.interval` (a grant that
            expires before it begins), `use.malformed`.
    """

    __slots__ = ("_at", "_count", "_expires", "_from", "_member", "_said", "_scope", "_scopes")

    def __init__(self, table: pa.Table | None, *, switches: Switches, members: pa.Array) -> None:
        parts = [_from_choices(table, members), switches.rows]
        columns = [np.concatenate(c) for c in zip(*(p[:-1] for p in parts), strict=True)]
        self._scopes: tuple[Scope | None, ...] = (None, *parts[0][-1])
        order = np.lexsort((np.arange(len(columns[0])), columns[1], columns[0]))
        self._member, self._at, self._said, self._expires, self._from, self._scope = (
            c[order] for c in columns
        )
        self._count = len(members)

    def state(self, at: datetime, use: Scope) -> State:
        """Return what every member had said about `use` by `at`. Cost: one pass over choices."""
        counted = self._at <= to_us(at)
        covers = np.array([s is None or s.covers(use) for s in self._scopes], dtype=bool)
        counted &= covers[self._scope]
        last = _last(self._member, counted)
        said = np.zeros(self._count, dtype=np.int8)
        covers_from = np.full(self._count, FAR_FUTURE_US, dtype=np.int64)
        verdict = self._said[last].copy()
        verdict[(verdict == GRANTED) & (self._expires[last] <= to_us(at))] = EXPIRED
        said[self._member[last]] = verdict
        granted = last[verdict == GRANTED]
        covers_from[self._member[granted]] = self._from[granted]
        return State(said, covers_from)


class Switches:
    """Who had turned the switch off, as of any past instant.

    Args:
        opt_outs: `member`, `at`, and optionally `on` (true: switched on again); None: nobody.
        members: All member ids, in the order of their ordinals.
    """

    __slots__ = ("_at", "_count", "_member", "_off", "rows")

    def __init__(self, opt_outs: pa.Table | None, *, members: pa.Array) -> None:
        self.rows = _from_switches(opt_outs, members)
        member, at, said, *_ = self.rows
        order = np.lexsort((np.arange(len(member)), at, member))
        self._member, self._at, self._off = member[order], at[order], said[order] == REFUSED
        self._count = len(members)

    def off(self, at: datetime, setting: Setting | None) -> Array:
        """Return bool[members]: the switch was off, by the member's hand or by its default."""
        default_on = None if setting is None else setting.default_at(at)
        off = np.full(self._count, default_on is False)
        last = _last(self._member, self._at <= to_us(at))
        off[self._member[last]] = self._off[last]
        return off


def _last(member: Array, counted: Array) -> Array:
    """Return the last counted row of each member; rows are sorted by member, then time."""
    rows = np.flatnonzero(counted)
    return rows[np.append(member[rows][1:] != member[rows][:-1], True)] if rows.size else rows


def _from_choices(table: pa.Table | None, members: pa.Array) -> tuple[Any, ...]:
    if table is None:
        return (*_empty(), ())
    names = scope_names(table)
    columns = choice_columns(table, names)
    scopes = tuple(Scope.parse(text) for text in names.to_pylist())
    return (*_known((_ordinals(table["member"], members), *columns)), scopes)


def check_choices(table: pa.Table) -> None:
    """Refuse a table of choices that lacks a column, or holds one of another type.

    Raises:
        InputError: `case.column` or `case.type`.
    """
    optional = {"expires": "instant", "includes_past": "bool", "scope": "text"}
    check_columns(table, "choices", {"member": "id", "at": "instant", "decision": "text"}, optional)


def scope_names(table: pa.Table) -> pa.Array:
    """Return the distinct scopes of a table of choices, as text, in the order they occur."""
    if "scope" not in table.column_names:
        return pa.array([], pa.string())
    return table["scope"].cast(pa.string()).drop_null().unique()


def choice_columns(table: pa.Table, names: pa.Array, first: int = 0) -> tuple[Array, ...]:
    """Return choices as numbers: `at`, `said`, `expires`, `covers_from`, `scope`.

    Args:
        table: Some rows of the choices.
        names: The distinct scopes; a scope is its place among them, from 1, and 0 where absent.
        first: How many rows of the table stand before these, for errors.

    Raises:
        InputError: as `Choices`.
    """
    check_choices(table)
    decision = table["decision"].cast(pa.string())
    words = pc.index_in(decision, pa.array(list(_DECISIONS)))
    if words.null_count:
        row = first + pc.index(pc.is_null(words), True).as_py()
        raise InputError(
            f"row {row + 1} of choices is neither grant, refusal, withdrawal nor objection",
            code="case.decision",
            where="choices.decision",
        )
    said = np.array(list(_DECISIONS.values()), dtype=np.int8)[_numpy(words)]
    at = as_us(table["at"], FAR_FUTURE_US)
    expires = np.full(len(said), FAR_FUTURE_US, dtype=np.int64)
    if "expires" in table.column_names:
        expires = as_us(table["expires"], FAR_FUTURE_US)
    if bool(((said == GRANTED) & (expires <= at) & (at != FAR_FUTURE_US)).any()):
        raise InputError(
            "a grant expires before, or as, it begins", code="case.interval", where="choices"
        )
    covers_from = at.copy()
    if "includes_past" in table.column_names:
        covers_from[_numpy(pc.fill_null(table["includes_past"], False))] = -FAR_FUTURE_US
    scope = np.zeros(len(said), dtype=np.int64)
    if "scope" in table.column_names:
        texts = table["scope"].cast(pa.string())
        scope = _numpy(pc.fill_null(pc.index_in(texts, names), -1)) + 1
    return at, said, expires, covers_from, scope


def _from_switches(table: pa.Table | None, members: pa.Array) -> tuple[Any, ...]:
    if table is None:
        return (*_empty(), ())
    at = as_us(table["at"], FAR_FUTURE_US)
    said = np.full(len(at), REFUSED, dtype=np.int8)
    if "on" in table.column_names:
        said[_numpy(pc.fill_null(table["on"], False))] = SILENT
    far = np.full(len(at), FAR_FUTURE_US, dtype=np.int64)
    everything = np.zeros(len(at), dtype=np.int64)
    member = _ordinals(table["member"], members)
    return (*_known((member, at, said, far, far, everything)), ())


def _ordinals(column: pa.ChunkedArray, members: pa.Array) -> Array:
    return _numpy(pc.fill_null(pc.index_in(as_text(column), members), _NOBODY)).astype(np.int64)


def _known(columns: tuple[Array, ...]) -> tuple[Array, ...]:
    """Leave out the choices of people who are in no message: they are affected by none."""
    kept = columns[0] != _NOBODY
    return tuple(c[kept] for c in columns)


def _empty() -> tuple[Array, ...]:
    whole = np.zeros(0, dtype=np.int64)
    return (whole, whole, np.zeros(0, dtype=np.int8), whole, whole, whole)


def _numpy(values: pa.ChunkedArray | pa.Array) -> Array:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return array.to_numpy(zero_copy_only=False)
