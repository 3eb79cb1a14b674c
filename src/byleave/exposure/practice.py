"""What a platform did in the past, as it tells it: records, never decisions (G12).

Nothing here says what was right. A practice is what the switches were set to, who turned one
off, what went to whom and when, which document said what from when, who paid. `cohort` judges
it against what the members had agreed to.

Intervals are half-open: `start` in, `end` out; no end: still running. A message sent at the very
instant of a delivery was not in it. Every table is Arrow; ids are text or integers.

    messages       record, author, recipients (one id or a list), sent_at (null: unknown), kind
    opt_outs       member, at [, on]         `on` true: switched on again
    subscriptions  member, start, end [, price_cents, currency]     price of that whole interval
    regions        member, region, start, end
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa

from byleave.errors import InputError
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.scope import Scope

__all__ = [
    "MESSAGE_KINDS",
    "Delivery",
    "Honoured",
    "Interval",
    "PolicyVersion",
    "Practice",
    "Setting",
    "SettingPeriod",
]

MESSAGE_KINDS: Final = ("inmail", "direct", "group", "draft", "assistant")
"""Kinds of conversation; the taxonomy's category is `messages.KIND`."""

_MESSAGES: Final = {"record": "id", "author": "id", "recipients": "ids"}
_MESSAGES_OPTIONAL: Final = {"sent_at": "instant", "kind": "text"}
_OPT_OUTS: Final = {"member": "id", "at": "instant"}
_SUBSCRIPTIONS: Final = {"member": "id", "start": "instant", "end": "instant"}
_SUBSCRIPTIONS_OPTIONAL: Final = {"price_cents": "cents", "currency": "text"}
_REGIONS: Final = {"member": "id", "region": "text", "start": "instant", "end": "instant"}


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time; None as start: since ever, None as end: still running.

    Raises:
        InputError: `case.interval`, it ends before it starts, or is empty.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InputError(
                "an interval ends before, or at, its start",
                code="case.interval",
                hint="the start is in, the end is out: an empty interval holds nothing",
            )

    @property
    def start_us(self) -> int:
        """The start in microseconds; the far past where there is none."""
        return -FAR_FUTURE_US if self.start is None else to_us(self.start)

    @property
    def end_us(self) -> int:
        """The end in microseconds; the far future where there is none."""
        return FAR_FUTURE_US if self.end is None else to_us(self.end)

    def holds(self, instant: datetime) -> bool:
        """Say whether `instant` lies in it: start in, end out."""
        return self.start_us <= to_us(instant) < self.end_us


class Honoured(StrEnum):
    """Whose switch, turned off, kept a message out of a delivery."""

    AUTHOR = "author"
    ANY = "any"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SettingPeriod:
    """How a switch stood for members who never touched it."""

    during: Interval
    default_on: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """The history of one switch; where no period holds, there was no switch to turn off.

    Raises:
        InputError: `case.interval`, two periods overlap.
    """

    name: str
    periods: tuple[SettingPeriod, ...]

    def __post_init__(self) -> None:
        ordered = sorted(self.periods, key=lambda p: p.during.start_us)
        for earlier, later in pairwise(ordered):
            if later.during.start_us < earlier.during.end_us:
                raise InputError(
                    f"two periods of the setting {self.name!r} overlap", code="case.interval"
                )

    def default_at(self, instant: datetime) -> bool | None:
        """Return the default at `instant`, or None where the switch did not exist."""
        for period in self.periods:
            if period.during.holds(instant):
                return period.default_on
        return None

    @property
    def on_since(self) -> datetime | None:
        """The first instant from which it was on by default, where there is one."""
        starts = [p.during.start for p in self.periods if p.default_on and p.during.start]
        return min(starts) if starts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery to a recipient, or one training run of the platform itself.

    Attributes:
        id: Unique in the practice.
        at: When it was done.
        recipient: Dotted name; `platform` for a run of its own.
        purpose: Dotted name, for example `train.generative.replies`.
        honoured: Whose switch kept a message out.
        kinds: Kinds of messages that went in; None: all.
        records: Exactly these record ids went in, whatever the switches said; None: all
            messages sent before `at` that no honoured switch kept out.
        discoverable_since: From when a member could reasonably have found out; None: not yet.
    """

    id: str
    at: datetime
    recipient: str
    purpose: str
    honoured: Honoured = Honoured.AUTHOR
    kinds: frozenset[str] | None = None
    records: pa.Array | pa.ChunkedArray | None = None
    discoverable_since: datetime | None = None

    def __post_init__(self) -> None:
        self.use("messages")

    def use(self, category: str) -> Scope:
        """Return what was done with messages of `category` as a scope.

        Raises:
            InputError: `use.malformed`, purpose or recipient is not a dotted name.
        """
        return Scope.parse(f"{self.purpose}/{category}/{self.recipient}")

    @property
    def left_the_platform(self) -> bool:
        """Whether somebody other than the platform received it (18 U.S.C. 2702: divulged)."""
        return self.recipient != "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """One version of a published document, and the uses it declared from `effective` on."""

    document: str
    version: str
    effective: datetime
    declares: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Practice:
    """Everything the import holds about the past.

    Tables are checked when it is made: columns, their types, intervals, unique ids.
    `category` is what the records are called in a scope: `messages`, or `content.posts`.

    Raises:
        InputError: `case.column`, a table lacks a column; `case.type`, a column holds something
            else; `case.interval`, an interval ends before it starts; `case.duplicate`, two
            deliveries, or two messages, share an id.
    """

    messages: pa.Table
    deliveries: tuple[Delivery, ...]
    setting: Setting | None = None
    opt_outs: pa.Table | None = None
    policies: tuple[PolicyVersion, ...] = field(default=())
    subscriptions: pa.Table | None = None
    regions: pa.Table | None = None
    category: str = "messages"

    def __post_init__(self) -> None:
        check_columns(self.messages, "messages", _MESSAGES, _MESSAGES_OPTIONAL)
        if self.opt_outs is not None:
            check_columns(self.opt_outs, "opt_outs", _OPT_OUTS, {"on": "bool"})
        if self.subscriptions is not None:
            check_columns(
                self.subscriptions, "subscriptions", _SUBSCRIPTIONS, _SUBSCRIPTIONS_OPTIONAL
            )
            check_intervals(self.subscriptions, "subscriptions")
        if self.regions is not None:
            check_columns(self.regions, "regions", _REGIONS)
            check_intervals(self.regions, "regions")
        _check_unique(self)

    def uses(self, kinds: Iterable[str] | None = None) -> tuple[Scope, ...]:
        """Return every distinct use the deliveries made, one for each kind of message.

        Args:
            kinds: The kinds that occur; None: those of the table of messages.
        """
        if kinds is None:
            held = "kind" in self.messages.column_names
            kinds = as_text(self.messages["kind"]).drop_null().unique().to_pylist() if held else ()
        categories = [f"{self.category}.{kind}" for kind in kinds] or [self.category]
        return tuple(sorted({d.use(name) for d in self.deliveries for name in categories}))

    def declared_from(self, use: Scope) -> datetime | None:
        """Return the instant from which some document declared `use`, or None: none ever did."""
        found = [p.effective for p in self.policies if any(s.covers(use) for s in p.declares)]
        return min(found) if found else None


def check_columns(
    table: pa.Table, name: str, wanted: dict[str, str], optional: dict[str, str] | None = None
) -> None:
    """Refuse a table that lacks a column, or holds one of another type.

    Args:
        table: The table.
        name: What to call it in the error.
        wanted: Column name → `id`, `ids`, `text`, `instant`, `bool` or `cents`.
        optional: The same for columns that may be absent.

    Raises:
        InputError: `case.column` or `case.type`.
    """
    for column, kind in {**wanted, **(optional or {})}.items():
        if column not in table.column_names:
            if column in wanted:
                raise InputError(
                    f"the table of {name} has no column {column!r}",
                    code="case.column",
                    where=name,
                    hint="columns found: " + ", ".join(table.column_names),
                )
            continue
        found = table.schema.field(column).type
        if not _fits(found, kind):
            raise InputError(
                f"column {column!r} of {name} holds {found}, wanted {_WORDS[kind]}",
                code="case.type",
                where=f"{name}.{column}",
            )


def check_intervals(table: pa.Table, name: str, first: int = 0) -> None:
    """Refuse a table one of whose rows ends before, or at, its start.

    Args:
        table: Some rows of the table.
        name: What to call it in the error.
        first: How many rows stand before these.

    Raises:
        InputError: `case.interval`, with the number of the first such row, from 1.
    """
    start, end = as_us(table["start"], -FAR_FUTURE_US), as_us(table["end"], FAR_FUTURE_US)
    wrong = (end <= start).nonzero()[0]
    if wrong.size:
        raise InputError(
            f"row {first + int(wrong[0]) + 1} of {name} ends before, or at, its start "
            f"({wrong.size} such rows)",
            code="case.interval",
            where=name,
        )


def as_us(column: pa.ChunkedArray, null: int) -> Any:  # noqa: ANN401 - a NumPy int64 array
    """Return instants as microseconds since the epoch (int64); `null` where unknown."""
    cast = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return cast.fill_null(null).combine_chunks().to_numpy(zero_copy_only=False)


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return ids as one array of text; integers are written in decimal."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    return array.cast(pa.large_string())


def _check_unique(practice: Practice) -> None:
    ids = [d.id for d in practice.deliveries]
    if len(set(ids)) != len(ids):
        raise InputError("two deliveries share an id", code="case.duplicate", where="deliveries")
    record = practice.messages["record"]
    if record.null_count or len(record.unique()) != len(record):
        raise InputError(
            "two messages share a record id, or one has none",
            code="case.duplicate",
            where="messages",
        )


_WORDS: Final = {
    "id": "text or integers",
    "ids": "text or integers, or lists of them",
    "text": "text",
    "instant": "instants (UTC)",
    "bool": "true or false",
    "cents": "integers (cents)",
}


def _fits(found: pa.DataType, kind: str) -> bool:
    if pa.types.is_dictionary(found):
        return kind in {"id", "ids", "text"} and _fits(found.value_type, kind)
    text = bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    match kind:
        case "text":
            return text
        case "id":
            return text or bool(pa.types.is_integer(found))
        case "ids":
            lists = pa.types.is_list(found) or pa.types.is_large_list(found)
            return _fits(found.value_type, "id") if lists else _fits(found, "id")
        case "instant":
            return bool(pa.types.is_timestamp(found)) and found.tz is not None
        case "bool":
            return bool(pa.types.is_boolean(found))
        case "cents":
            return bool(pa.types.is_integer(found))
        case _:
            raise AssertionError(kind)
