"""Read a plain consent table: who decided what, one decision a row, in the order of the ledger.

Columns `member`, `use`, `decision` (grant, refuse, withdraw, object); optionally `effective`,
`expires`, `includes_past`, and one of regions. A column nobody knows is refused: a misspelt
`expires` would otherwise turn an ended yes into an open one.

Without `effective` and `includes_past` the table says nothing of time: each grant is taken to
have held always and for all data. With `effective`, a grant holds for data collected from then
on, unless `includes_past` says otherwise (G3). The ledger index of an event is its row number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.consent.event import EventKind, EvidenceGrade
from byleave.consent.state import EventColumns
from byleave.errors import InputError
from byleave.gate.contract import is_id_type
from byleave.gate.members import MemberIndex, ids_as_text
from byleave.ids import FAR_FUTURE_US, parse_instant, to_us
from byleave.policy.strict_yaml import nearest
from byleave.policy.taxonomy import Taxonomy

__all__ = ["ConsentTable", "read_consent_table"]

DECISIONS: Final[Mapping[str, EventKind]] = {
    "grant": EventKind.GRANT,
    "refuse": EventKind.REFUSAL,
    "withdraw": EventKind.WITHDRAWAL,
    "object": EventKind.OBJECTION,
}
_REQUIRED: Final = ("member", "use", "decision")
_OPTIONAL: Final = ("effective", "expires", "includes_past")
_ALWAYS_US: Final = to_us(datetime(1, 1, 1, tzinfo=UTC))
_HEADER_LINES: Final = 2  # rows count from 0, lines from 1, and line 1 is the header

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTable:
    """A consent table, held against its form; members still by id.

    Attributes:
        name: What to call it in messages.
        member: Member of each row, `large_string`.
        region: Region of each row, or None where the table has no such column.
        columns: The events; `ordinal` is the row number until `events` resolves it.
        is_dated: Whether the table has `effective`.
    """

    name: str
    member: pa.Array
    region: pa.Array | None
    columns: EventColumns
    is_dated: bool

    def events(self, members: MemberIndex) -> EventColumns:
        """Return the events with the ordinals of `members`, all of whom it holds."""
        columns = self.columns
        return EventColumns(
            ordinal=members.resolve(self.member),
            index=columns.index,
            kind=columns.kind,
            effective_us=columns.effective_us,
            expires_us=columns.expires_us,
            includes_past=columns.includes_past,
            grade=columns.grade,
            scope_id=columns.scope_id,
            notice_id=columns.notice_id,
            scopes=columns.scopes,
            notices=columns.notices,
        )


def read_consent_table(
    table: pa.Table, *, name: str, taxonomy: Taxonomy, region_column: str | None
) -> ConsentTable:
    """Hold a table against the form (see the module).

    Args:
        table: The rows, in the order of the ledger.
        name: What to call it in messages.
        taxonomy: The trees its uses are read with.
        region_column: Column of regions, where the caller named one.

    Raises:
        InputError: `consent.table`; `consent.unknown-decision`; `use.malformed`;
            `use.unknown-term`; each with the line.
    """
    known = {*_REQUIRED, *_OPTIONAL, *([region_column] if region_column else [])}
    for column in table.column_names:
        if column not in known or table.column_names.count(column) != 1:
            raise InputError(
                f'column "{column}" is unknown or stands twice',
                code="consent.table",
                where=f"{name}:1",
                hint=nearest(column, known)
                or f"known: {', '.join((*_REQUIRED, *_OPTIONAL))}; name one of regions with "
                "--region-column",
            )
    for column in _REQUIRED:
        if column not in table.column_names:
            raise InputError(
                f'has no column "{column}"',
                code="consent.table",
                where=f"{name}:1",
                hint=f"columns found: {', '.join(table.column_names)}",
            )
    table = table.combine_chunks()
    member = _column(table, "member")
    if not is_id_type(member.type):
        raise InputError(
            f'column "member" holds {member.type}',
            code="consent.table",
            where=f"{name}:1",
            hint="wanted: texts or integers",
        )
    member = ids_as_text(member)
    _refuse_null(member, "member", name)
    for column in ("use", "decision"):
        _refuse_null(_text(table, column, name), column, name)
    scopes, scope_id = _distinct(table, "use", name, taxonomy.scope)
    kinds, kind_id = _distinct(table, "decision", name, _decision)
    kind = np.array(kinds, np.uint8)[kind_id] if kinds else np.zeros(0, np.uint8)
    dated, expiring = "effective" in table.column_names, "expires" in table.column_names
    expires = _instants(table, "expires", name, FAR_FUTURE_US)
    if expiring:
        _refuse_expiring(kind, expires, name)
    rows = len(member)
    return ConsentTable(
        name=name,
        member=member,
        region=_regions(table, region_column),
        columns=EventColumns(
            ordinal=np.arange(rows),
            index=np.arange(rows),
            kind=kind,
            effective_us=_instants(table, "effective", name, _ALWAYS_US),
            expires_us=expires,
            includes_past=_flags(table, "includes_past", name, default=not dated),
            grade=np.full(rows, EvidenceGrade.NONE, np.uint8),
            scope_id=scope_id.astype(np.int32),
            notice_id=np.full(rows, -1, np.int32),
            scopes=tuple(scopes),
            notices=(),
        ),
        is_dated=dated,
    )


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return array.dictionary_decode() if pat.is_dictionary(array.type) else array


def _text(table: pa.Table, name: str, table_name: str) -> pa.Array:
    array = _column(table, name)
    if not (pat.is_string(array.type) or pat.is_large_string(array.type) or not len(array)):
        raise InputError(
            f'column "{name}" holds {array.type}, not texts',
            code="consent.table",
            where=f"{table_name}:1",
        )
    return array.cast(pa.large_string())


def _distinct(
    table: pa.Table, name: str, table_name: str, read: Callable[[str], Value]
) -> tuple[list[Value], npt.NDArray[np.int64]]:
    """Read each distinct text of a column once; an error names the first line that has it."""
    array = _text(table, name, table_name)
    encoded = array.dictionary_encode()
    codes = np.asarray(encoded.indices.cast(pa.int64()), np.int64)
    values = []
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(read(text))
        except InputError as error:
            row = int(np.argmax(codes == code))
            raise InputError(
                error.message, code=error.code, where=_line(table_name, row), hint=error.hint
            ) from None
    return values, codes


def _decision(word: str) -> EventKind:
    if word not in DECISIONS:
        raise InputError(
            f"unknown decision {word[:40]!r}",
            code="consent.unknown-decision",
            hint=nearest(word, DECISIONS) or f"one of: {', '.join(DECISIONS)}",
        )
    return DECISIONS[word]


def _instants(table: pa.Table, name: str, table_name: str, blank: int) -> npt.NDArray[np.int64]:
    if name not in table.column_names:
        return np.full(table.num_rows, blank, np.int64)
    array = _column(table, name)
    if pat.is_timestamp(array.type) or pat.is_date(array.type):
        kind = pa.timestamp("us", getattr(array.type, "tz", None))
        whole = pc.cast(array, options=pc.CastOptions(kind, allow_time_truncate=True))
        return np.array(pc.fill_null(whole.cast(pa.int64()), blank), np.int64)
    text = pc.fill_null(_text(table, name, table_name), "")
    filled = table.set_column(table.column_names.index(name), name, text)
    values, codes = _distinct(
        filled, name, table_name, lambda t: blank if t == "" else to_us(parse_instant(t))
    )
    return np.array(values, np.int64)[codes] if values else np.zeros(0, np.int64)


def _flags(table: pa.Table, name: str, table_name: str, *, default: bool) -> npt.NDArray[np.bool_]:
    if name not in table.column_names:
        return np.full(table.num_rows, default, np.bool_)
    array = _column(table, name)
    if pat.is_boolean(array.type):
        return np.array(pc.fill_null(array, False), np.bool_)
    text = pc.fill_null(_text(table, name, table_name), "false")
    filled = table.set_column(table.column_names.index(name), name, text)
    values, codes = _distinct(filled, name, table_name, _flag)
    return np.array(values, np.bool_)[codes] if values else np.zeros(0, np.bool_)


def _flag(word: str) -> bool:
    if word not in {"true", "false"}:
        raise InputError(
            f"{word[:40]!r} is neither true nor false", code="consent.table", hint="includes_past"
        )
    return word == "true"


def _regions(table: pa.Table, name: str | None) -> pa.Array | None:
    if name is None or name not in table.column_names:
        return None
    return ids_as_text(_column(table, name))


def _refuse_null(array: pa.Array, name: str, table_name: str) -> None:
    bad: Any = pc.or_kleene(pc.is_null(array), pc.equal(array, ""))
    if pc.any(bad).as_py():
        row = int(np.argmax(np.asarray(pc.fill_null(bad, True))))
        raise InputError(f'"{name}" is empty', code="consent.table", where=_line(table_name, row))


def _refuse_expiring(
    kind: npt.NDArray[np.uint8], expires: npt.NDArray[np.int64], table_name: str
) -> None:
    wrong = (kind != EventKind.GRANT) & (expires != FAR_FUTURE_US)
    if wrong.any():
        raise InputError(
            "only a grant can have an end",
            code="consent.table",
            where=_line(table_name, int(np.argmax(wrong))),
        )


def _line(table_name: str, row: int) -> str:
    if table_name.lower().endswith((".csv", ".tsv", ".txt")):
        return f"{table_name}:{row + _HEADER_LINES}"
    return f"{table_name} row {row}"
