"""Choices from a consent platform as columns: each row read, or left out with its reason.

Columns (docs/spec/consent-import.md): `member`, `use`, `decision`; optionally `effective` (when it
was said), `expires`, `includes_past`, `notice`, `notice_sha256`, `control`, `channel`, `evidence`.
Columns that only our export writes are passed over; any other is refused, for it may decide.

Each distinct text is read once; no Python step per row. A row is never guessed at: what cannot be
read is left out, with the number of its line and one of `REJECTIONS`, and the others go in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.canonical import Json, encode
from byleave.consent.event import EventKind, EvidenceGrade
from byleave.errors import InputError
from byleave.ids import FAR_FUTURE_US, parse_instant, to_us
from byleave.policy.notice import Control, Notice
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import nearest
from byleave.policy.taxonomy import Taxonomy

__all__ = ["COLUMNS", "EXPORT_ONLY", "REJECTIONS", "ImportRows", "order_of", "read_import_table"]

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Value = TypeVar("Value")

REQUIRED: Final = ("member", "use", "decision")
OPTIONAL: Final = (
    "effective", "expires", "includes_past", "notice", "notice_sha256", "control", "channel",
    "evidence",
)  # fmt: skip
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
EXPORT_ONLY: Final = ("entry", "counts_from", "recorded", "grade")
DECISIONS: Final[Mapping[str, EventKind]] = {
    "grant": EventKind.GRANT,
    "refuse": EventKind.REFUSAL,
    "withdraw": EventKind.WITHDRAWAL,
    "object": EventKind.OBJECTION,
    "preset": EventKind.PRESET,
}
REJECTIONS: Final[Mapping[str, str]] = {
    "row-malformed": "the line has more or fewer cells than the header, or is no JSON object",
    "cell-malformed": "a cell is neither a text nor, as its column allows, a number or true or false",
    "member-malformed": "the member is empty, or longer than 512 characters",
    "member-unknown": "the ledger knows no such member, and the import enrols none",
    "use-malformed": "the use is not PURPOSE/CATEGORY/RECIPIENT in known terms",
    "decision-unknown": "neither grant, refuse, withdraw, object nor preset",
    "effective-malformed": "when it was said is no instant such as 2024-09-18T00:00:00Z",
    "effective-in-future": "it would have been said after now",
    "expires-malformed": "the end is no instant such as 2025-01-01T00:00:00Z",
    "expires-on-a-no": "only a grant has an end",
    "ended": "the grant ended before it was imported, or before it began",
    "includes-past-malformed": "includes_past is neither true nor false",
    "control-unknown": "the control was neither off, on nor none",
    "notice-differs": "the notice has other bytes than the one published under that name",
    "notice-does-not-ask": "the notice named does not ask for this use",
    "channel-malformed": "the channel is longer than 64 characters",
    "overtaken": "a later no of this member stands; an older yes does not lift it",
    "purpose-unmapped": "the mapping names no scope for this purpose",
    "basis-not-consent": "granted on another legal basis than consent: no yes was given",
    "payload-malformed": "the payload is not of the adapter's form",
    "not-confirmed": "the platform had not confirmed the choice",
    "not-production": "collected in another environment than production",
    "said-by-another": "a delegate said yes in the member's place",
}
_MAX_MEMBER: Final = 512
_MAX_CHANNEL: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportRows:
    """Rows that can be imported, in the order of the file, and those that cannot.

    Attributes:
        line: Line of the file, or number of the record; int64.
        member: Codes into `members`; int64.
        kind: `EventKind`; uint8.
        scope: Codes into `scopes`; int32.
        original_us: When it was said; int64, `FAR_FUTURE_US`: not told.
        expires_us: int64, `FAR_FUTURE_US`: open.
        includes_past: bool.
        notice: Codes into `notices`; int32, -1: not known, or not published here.
        grade: `EvidenceGrade`; uint8.
        channel: Codes into `channels`; int32.
        evidence: What the source said beside the choice, or None for all.
        rejected: (line, reason) of the others, by line.
    """

    line: Longs
    member: Longs
    kind: npt.NDArray[np.uint8]
    scope: npt.NDArray[np.int32]
    original_us: Longs
    expires_us: Longs
    includes_past: Flags
    notice: npt.NDArray[np.int32]
    grade: npt.NDArray[np.uint8]
    channel: npt.NDArray[np.int32]
    evidence: pa.Array | None
    members: pa.Array
    scopes: tuple[Scope, ...]
    notices: tuple[str, ...]
    channels: tuple[str, ...]
    rejected: tuple[tuple[int, str], ...]

    def __len__(self) -> int:
        return len(self.line)


def read_import_table(
    table: pa.Table,
    *,
    name: str,
    lines: Longs,
    taxonomy: Taxonomy,
    notices: Mapping[str, Notice],
    now_us: int,
    rejected: tuple[tuple[int, str], ...] = (),
) -> ImportRows:
    """Read a table of choices.

    Args:
        table: The rows; texts, or typed columns.
        name: What to call it in messages.
        lines: Line, or record, of each row.
        taxonomy: The trees its uses are read with.
        notices: Published notices; what makes a grade `bytes`.
        now_us: Now; what was said later was not said.
        rejected: Lines that never became rows, with their reasons.

    Raises:
        InputError: `consent.table`, a column is missing, unknown, twice or of a wrong type.
    """
    _check_columns(table, name)
    reader = _Reader(table.combine_chunks(), name)
    member, members = reader.members()
    scope, scopes = reader.distinct("use", taxonomy.scope, "use-malformed")
    kind, kinds = reader.distinct("decision", DECISIONS.__getitem__, "decision-unknown")
    original = reader.instants("effective", "effective-malformed")
    expires = reader.instants("expires", "expires-malformed")
    past = reader.flags("includes_past")
    control, controls = reader.distinct("control", _control, "control-unknown")
    channel, channels = reader.distinct("channel", _channel, "channel-malformed")
    kinds_of = np.array([*kinds, 0], np.uint8)[kind]
    preset = np.array([c is Control.ON for c in controls] + [False], np.bool_)[control]
    notice, notice_names, grade = _notices(reader, notices, scope, scopes)
    shown_on = np.array(
        [notices[n].control is Control.ON for n in notice_names] + [False], np.bool_
    )[notice]
    grants = kinds_of == EventKind.GRANT
    kinds_of[grants & (preset | shown_on)] = EventKind.PRESET
    grants = kinds_of == EventKind.GRANT
    ends = expires != FAR_FUTURE_US
    reader.reject(ends & ~np.isin(kinds_of, [EventKind.GRANT, EventKind.PRESET]), "expires-on-a-no")
    told = original != FAR_FUTURE_US
    reader.reject(grants & ends & ((expires <= now_us) | (told & (expires <= original))), "ended")
    reader.reject(told & (original > now_us), "effective-in-future")
    good = np.flatnonzero(reader.reason == 0)
    found = [
        (int(lines[row]), _WORDS[int(reader.reason[row]) - 1])
        for row in np.flatnonzero(reader.reason)
    ]
    evidence = _evidence(reader, notices)
    return ImportRows(
        line=lines[good],
        member=member[good],
        kind=kinds_of[good],
        scope=scope[good].astype(np.int32),
        original_us=original[good],
        expires_us=expires[good],
        includes_past=past[good],
        notice=notice[good].astype(np.int32),
        grade=grade[good],
        channel=channel[good].astype(np.int32),
        evidence=None if evidence is None else evidence.take(pa.array(good)),
        members=members,
        scopes=tuple(scopes),
        notices=tuple(notice_names),
        channels=tuple(channels),
        rejected=tuple(sorted([*rejected, *found])),
    )


_WORDS: Final = tuple(REJECTIONS)


class _Reader:
    """One table being read: columns as codes, and the first reason against each row."""

    def __init__(self, table: pa.Table, name: str) -> None:
        self._table = table
        self._name = name
        self.reason = np.zeros(table.num_rows, np.uint8)

    def reject(self, rows: Flags, word: str) -> None:
        """Leave rows out; the first reason found stands."""
        self.reason[rows & (self.reason == 0)] = _WORDS.index(word) + 1

    def texts(self, name: str) -> pa.Array | None:
        """Return a column as texts, empty ones as nulls; None where there is no such column."""
        if name not in self._table.column_names:
            return None
        column = self._table.column(name)
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
        if pat.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pat.is_null(array.type):
            array = array.cast(pa.large_string())
        if name == "member" and pat.is_integer(array.type):
            array = array.cast(pa.large_string())
        if not (pat.is_string(array.type) or pat.is_large_string(array.type)):
            raise InputError(
                f'column "{name}" holds {array.type}, not texts',
                code="consent.table",
                where=f"{self._name}:1",
            )
        array = array.cast(pa.large_string())
        return pc.if_else(pc.equal(array, ""), None, array)

    def members(self) -> tuple[Longs, pa.Array]:
        """Return member codes and the distinct members."""
        array = self.texts("member")
        length = pc.fill_null(pc.utf8_length(array), 0)
        bad = np.asarray(pc.or_(pc.equal(length, 0), pc.greater(length, _MAX_MEMBER)), np.bool_)
        self.reject(bad, "member-malformed")
        encoded = pc.fill_null(array, "").dictionary_encode()
        return np.asarray(encoded.indices.cast(pa.int64()), np.int64), encoded.dictionary

    def distinct(
        self, name: str, read: Callable[[str], Value], word: str
    ) -> tuple[Longs, list[Value]]:
        """Read each distinct text once; -1 stands for one that cannot be read, or is not there."""
        array = self.texts(name)
        if array is None:
            return np.full(self._table.num_rows, -1, np.int64), []
        required = name in REQUIRED
        encoded = pc.fill_null(array, "").dictionary_encode()
        codes = np.asarray(encoded.indices.cast(pa.int64()), np.int64)
        values: list[Value] = []
        place, bad = [], []
        for text in encoded.dictionary.to_pylist():
            bad.append(text != "" or required)
            try:
                if text == "":
                    raise KeyError
                values.append(read(text))
            except (KeyError, ValueError, InputError):
                place.append(-1)
            else:
                place.append(len(values) - 1)
                bad[-1] = False
        if not place:
            return codes, values
        self.reject(np.array(bad, np.bool_)[codes], word)
        return np.array(place, np.int64)[codes], values

    def instants(self, name: str, word: str) -> Longs:
        """Return µs since the epoch; `FAR_FUTURE_US` where a cell is empty."""
        if name in self._table.column_names:
            column = self._table.column(name)
            if pat.is_timestamp(column.type) or pat.is_date(column.type):
                kind = pa.timestamp("us", getattr(column.type, "tz", None))
                whole = pc.cast(column, options=pc.CastOptions(kind, allow_time_truncate=True))
                filled = pc.fill_null(whole.cast(pa.int64()), FAR_FUTURE_US)
                return np.array(filled, np.int64)
        codes, values = self.distinct(name, lambda text: to_us(parse_instant(text)), word)
        return np.array([*values, FAR_FUTURE_US], np.int64)[codes]

    def flags(self, name: str) -> Flags:
        """Return a column of true and false; empty cells are false."""
        if name in self._table.column_names:
            column = self._table.column(name)
            if pat.is_boolean(column.type):
                return np.array(pc.fill_null(column, False), np.bool_)
        codes, values = self.distinct(name, _flag, "includes-past-malformed")
        return np.array([*values, False], np.bool_)[codes]


def _notices(
    reader: _Reader, notices: Mapping[str, Notice], scope: Longs, scopes: list[Scope]
) -> tuple[Longs, list[str], npt.NDArray[np.uint8]]:
    """Return notice codes, the notices, and the grade of each row.

    `bytes`: the digest of what was shown is that of a notice published here; `version`: a name
    only; `none`: neither.
    """
    by_digest = {notice.sha256.hex(): name for name, notice in notices.items()}
    named, names = reader.distinct("notice", str, "notice-differs")
    digests, texts = reader.distinct("notice_sha256", str, "notice-differs")
    published = sorted(notices)
    number = {name: i for i, name in enumerate(published)}
    by_name = np.array([number.get(n, -1) for n in names] + [-1], np.int64)[named]
    known = [number[by_digest[t]] if t in by_digest else -1 for t in texts]
    by_bytes = np.array([*known, -1], np.int64)[digests]
    differs = (by_name >= 0) & (digests >= 0) & (by_name != by_bytes)
    same = np.array([notices[n].sha256.hex() for n in published] + [""])
    given = np.array([*texts, ""])
    exact = (by_name >= 0) & (digests >= 0) & (same[by_name] == given[digests])
    reader.reject(differs & ~exact, "notice-differs")
    code = np.where((by_name >= 0) & ((digests < 0) | exact), by_name, by_bytes)
    grade = np.where(
        (by_bytes >= 0) | exact,
        EvidenceGrade.BYTES,
        np.where(named >= 0, EvidenceGrade.VERSION, EvidenceGrade.NONE),
    ).astype(np.uint8)
    asks = np.array(
        [
            [any(ask.covers(s) for ask in notices[n].asks) for s in scopes] + [True]
            for n in published
        ]
        + [[True] * (len(scopes) + 1)],
        np.bool_,
    )
    reader.reject((code >= 0) & ~asks[code, scope], "notice-does-not-ask")
    return code, published, grade


def _evidence(reader: _Reader, notices: Mapping[str, Notice]) -> pa.Array | None:
    """Return the source's evidence; where it gives none, the name or digest of a text unknown here."""
    given = reader.texts("evidence")
    digests = {notice.sha256.hex() for notice in notices.values()}
    named, names = reader.distinct("notice", str, "notice-differs")
    hashed, hashes = reader.distinct("notice_sha256", str, "notice-differs")
    code = (named + 1) * (len(hashes) + 1) + hashed + 1
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    texts: list[str | None] = []
    for name, digest in zip(named[first].tolist(), hashed[first].tolist(), strict=True):
        unknown: dict[str, Json] = {}
        if name >= 0 and names[name] not in notices:
            unknown["notice"] = names[name]
        if digest >= 0 and hashes[digest] not in digests:
            unknown["notice_sha256"] = hashes[digest]
        texts.append(encode(unknown).decode() if unknown else None)
    if not any(texts):
        return given
    own = pa.array(texts, pa.large_string()).take(pa.array(which.ravel()))
    return own if given is None else pc.coalesce(given, own)


def _check_columns(table: pa.Table, name: str) -> None:
    known = {*COLUMNS, *EXPORT_ONLY}
    for column in table.column_names:
        if column not in known:
            raise InputError(
                f'column "{column[:60]}" is unknown',
                code="consent.table",
                where=f"{name}:1",
                hint=nearest(column, known) or f"known: {', '.join(COLUMNS)}",
            )
        if table.column_names.count(column) != 1:
            raise InputError(
                f'column "{column}" stands there twice', code="consent.table", where=f"{name}:1"
            )
    for column in REQUIRED:
        if column not in table.column_names:
            raise InputError(
                f'has no column "{column}"',
                code="consent.table",
                where=f"{name}:1",
                hint=f"columns found: {', '.join(table.column_names)}",
            )


def _control(text: str) -> Control:
    return Control(text)


def _channel(text: str) -> str:
    if len(text) > _MAX_CHANNEL:
        raise ValueError
    return text


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def order_of(rows: ImportRows) -> Any:  # noqa: ANN401 (int64 positions)
    """Return the order in which rows are recorded: as they were said, then as they stand.

    Where it is not told when a row was said, doubt means no: a yes comes first, a no last.
    """
    told = rows.original_us != FAR_FUTURE_US
    is_yes = rows.kind == EventKind.GRANT
    said = np.where(told, rows.original_us, np.where(is_yes, -(2**62), FAR_FUTURE_US))
    if not told.any():
        return np.arange(len(rows))
    return np.argsort(said, kind="stable")
