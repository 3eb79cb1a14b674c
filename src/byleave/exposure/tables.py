"""The tables of a case as streams of plain rows: ids and whole numbers, as `plan_sql` reads them.

A `Table` is read a batch at a time, as often as need be; nothing here holds more than a batch.
What a `Practice` checks of tables in memory is checked here of the rows as they pass, with the
same codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.exposure.choices import check_choices, choice_columns
from byleave.exposure.parties import UNDATED_US
from byleave.exposure.plan import CasePlan
from byleave.exposure.practice import as_text, as_us, check_intervals
from byleave.ids import FAR_FUTURE_US

__all__ = ["SWITCH", "Inputs", "MemoryTable", "Survey", "Table", "check_tables", "survey"]

Array = Any  # a NumPy array; its element type is named where it is made

BATCH_ROWS: Final = 1 << 17
SWITCH: Final = 1 << 62
"""The `ord` of the first switch: one turned at the instant of a choice counts after it."""


class Table(Protocol):
    """One table of an import, under our names and with our types."""

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    @property
    def parquet(self) -> tuple[str, ...]:
        """Files that hold these very columns, where others may read them; else none."""

    def batches(
        self, columns: list[str], start: int = 0, stop: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows from `start` to before `stop` (None: all), in order."""


@dataclass(frozen=True, slots=True, eq=False)
class MemoryTable:
    """A table that is in memory already."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self.table.schema

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows)

    @property
    def parquet(self) -> tuple[str, ...]:
        """None."""
        return ()

    def batches(
        self, columns: list[str], start: int = 0, stop: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows from `start` to before `stop`, in order."""
        length = (self.rows if stop is None else stop) - start
        yield from self.table.select(columns).slice(start, length).to_batches(BATCH_ROWS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """The tables of a case; `delivered`: delivery id → the table that lists its records."""

    messages: Table
    choices: Table | None = None
    opt_outs: Table | None = None
    subscriptions: Table | None = None
    regions: Table | None = None
    kept: Table | None = None
    delivered: Mapping[str, Table] = field(default_factory=dict)

    @property
    def ids(self) -> pa.DataType:
        """How members' ids are compared: whole numbers where all are, else texts."""
        found = [self.messages.schema.field(n).type for n in ("author", "recipients")]
        tables = (self.choices, self.opt_outs, self.subscriptions, self.regions)
        found.extend(t.schema.field("member").type for t in tables if t is not None)
        return _common(found)

    @property
    def records(self) -> pa.DataType:
        """How records' ids are compared."""
        tables = (self.messages, self.kept, *self.delivered.values())
        found = [t.schema.field("record").type for t in tables if t is not None]
        return _common(found)

    @property
    def lists(self) -> bool:
        """Whether a message may have several recipients."""
        return _is_list(self.messages.schema.field("recipients").type)


def _common(found: list[pa.DataType]) -> pa.DataType:
    bare = [t.value_type if _is_list(t) else t for t in found]
    whole = all(pa.types.is_integer(t) and t != pa.uint64() for t in bare)
    return pa.int64() if whole else pa.string()


def _is_list(found: pa.DataType) -> bool:
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one reading of a few columns tells before a plan is made.

    Attributes:
        messages: How many there are.
        undated: How many have no date.
        kinds: The kinds that occur.
        scopes: The scopes of choices, as text, in the order they occur.
        ordered: The records' ids ascend, so that no two are alike; False: not known.
    """

    messages: int
    undated: int
    kinds: tuple[str, ...]
    scopes: tuple[str, ...]
    ordered: bool


def survey(inputs: Inputs) -> Survey:
    """Read the records' ids, dates and kinds, and the scopes of choices, once.

    Raises:
        InputError: `case.duplicate`, a message has no id; `case.column`, `case.type`.
    """
    table = inputs.messages
    names = [n for n in ("record", "sent_at", "kind") if n in table.schema.names]
    kinds: dict[str, None] = {}
    undated = 0 if "sent_at" in names else table.rows
    order = _Order()
    for batch in table.batches(names):
        order.see(batch["record"])
        if "sent_at" in names:
            undated += batch["sent_at"].null_count
        if "kind" in names:
            kinds |= dict.fromkeys(pc.unique(batch["kind"]).drop_null().to_pylist())
    scopes: dict[str, None] = {}
    if inputs.choices is not None:
        check_choices(inputs.choices.schema.empty_table())
        if "scope" in inputs.choices.schema.names:
            for batch in inputs.choices.batches(["scope"]):
                scopes |= dict.fromkeys(pc.unique(batch["scope"]).drop_null().to_pylist())
    return Survey(
        messages=table.rows,
        undated=undated,
        kinds=tuple(kinds),
        scopes=tuple(scopes),
        ordered=order.holds,
    )


class _Order:
    """Whether ids ascend, as numbers or texts, or as texts by their length first."""

    def __init__(self) -> None:
        self._last: pa.Array | None = None
        self._plain = True
        self._longer = True

    @property
    def holds(self) -> bool:
        return self._plain or self._longer

    def see(self, ids: pa.Array) -> None:
        """Look at the next ids.

        Raises:
            InputError: `case.duplicate`, one is missing.
        """
        if ids.null_count:
            raise InputError(
                "two messages share a record id, or one has none",
                code="case.duplicate",
                where="messages",
            )
        if not self.holds or not len(ids):
            return
        found = ids if pa.types.is_integer(ids.type) else as_text(ids)
        whole = found if self._last is None else pa.concat_arrays([self._last, found])
        before, after = whole[:-1], whole[1:]
        self._last = whole[-1:]
        less = pc.less(before, after)
        self._plain = self._plain and pc.all(less, min_count=0).as_py()
        if pa.types.is_integer(found.type):
            self._longer = False
            return
        short, long = pc.binary_length(before), pc.binary_length(after)
        longer = pc.or_(pc.less(short, long), pc.and_(pc.equal(short, long), less))
        self._longer = self._longer and pc.all(longer, min_count=0).as_py()


def message_rows(
    inputs: Inputs, plan: CasePlan, start: int = 0, stop: int | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the relation `messages` of some rows."""
    ids = inputs.ids
    schema = pa.schema(
        [
            ("record", inputs.records),
            ("author", ids),
            ("recipients", pa.list_(ids) if inputs.lists else ids),
            ("sent", pa.int64()),
            ("kind", pa.int32()),
            ("place", pa.int64()),
        ]
    )
    names = ["record", "author", "recipients"]
    names += [n for n in ("sent_at", "kind") if n in inputs.messages.schema.names]
    known = pa.array(list(plan.kinds), pa.string())
    classes = np.array([*plan.kinds.values(), 0], dtype=np.int32)  # the last: of unknown kind

    def rows() -> Iterator[pa.RecordBatch]:
        first = start
        for batch in inputs.messages.batches(names, start, stop):
            size = batch.num_rows
            place = np.arange(first, first + size, dtype=np.int64)
            first += size
            sent = np.full(size, UNDATED_US, dtype=np.int64)
            if "sent_at" in names:
                sent = as_us(pa.chunked_array([batch["sent_at"]]), UNDATED_US)
            kind = np.zeros(size, dtype=np.int32)
            if "kind" in names and len(known):
                at = pc.fill_null(pc.index_in(_text(batch["kind"]), known), len(known))
                kind = classes[at.to_numpy(zero_copy_only=False)]
            recipients = batch["recipients"]
            yield pa.RecordBatch.from_arrays(
                [
                    as_ids(batch["record"], inputs.records),
                    as_ids(batch["author"], ids),
                    recipients.cast(pa.list_(ids)) if inputs.lists else as_ids(recipients, ids),
                    pa.array(sent),
                    pa.array(kind),
                    pa.array(place),
                ],
                schema=schema,
            )

    return schema, rows()


def event_rows(inputs: Inputs, scopes: tuple[str, ...]) -> tuple[pa.Schema, Iterator[Any]]:
    """Return the relation `events`: choices and switches.

    Raises:
        InputError: while it is read, what `Choices` raises.
    """
    kinds = [("told", pa.int64()), ("ord", pa.int64()), ("said", pa.int32()), ("off", pa.int32())]
    kinds += [("expires", pa.int64()), ("covers", pa.int64()), ("scope", pa.int32())]
    schema = pa.schema([("member", inputs.ids), *kinds])
    names = pa.array(scopes, pa.string())

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in _all(inputs.choices):
            at, said, expires, covers, scope = choice_columns(
                pa.Table.from_batches([batch]), names, first
            )
            order = np.arange(first, first + len(at), dtype=np.int64)
            member = as_ids(batch["member"], inputs.ids)
            off = pa.nulls(len(at), pa.int32())
            first += len(at)
            yield _batch(schema, member, at, order, said, off, expires, covers, scope)
        first = SWITCH
        for batch in _all(inputs.opt_outs):
            at = as_us(pa.chunked_array([batch["at"]]), FAR_FUTURE_US)
            off = np.ones(len(at), dtype=np.int32)
            if "on" in batch.schema.names:
                on = pc.fill_null(batch["on"], False)
                off = 1 - on.to_numpy(zero_copy_only=False).astype(np.int32)
            order = np.arange(first, first + len(at), dtype=np.int64)
            member = as_ids(batch["member"], inputs.ids)
            far = np.full(len(at), FAR_FUTURE_US, dtype=np.int64)
            every = np.zeros(len(at), dtype=np.int32)
            first += len(at)
            yield _batch(schema, member, at, order, 2 * off, off, far, far, every)

    return schema, rows()


def subscription_rows(
    inputs: Inputs, currency: str | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the relation `subscriptions`: `member`, `start`, `stop`, `ord` (its row, from 0).

    With a currency it has `price` and `same` instead of `ord`.

    Raises:
        InputError: while it is read, `case.interval`.
    """
    fields = [("member", inputs.ids), ("start", pa.int64()), ("stop", pa.int64())]
    if currency is not None:
        fields += [("price", pa.int64()), ("same", pa.int32())]
    else:
        fields.append(("ord", pa.int64()))
    schema = pa.schema(fields)

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch, start, stop in _intervals(inputs.subscriptions, "subscriptions"):
            columns = [as_ids(batch["member"], inputs.ids), start, stop]
            if currency is None:
                columns.append(np.arange(first, first + len(start), dtype=np.int64))
                first += len(start)
            else:
                columns.append(pc.fill_null(batch["price_cents"].cast(pa.int64()), 0))
                same = np.ones(len(start), dtype=np.int32)
                if "currency" in batch.schema.names:
                    equal = pc.fill_null(pc.equal(_text(batch["currency"]), currency), False)
                    same = equal.to_numpy(zero_copy_only=False).astype(np.int32)
                columns.append(same)
            yield _batch(schema, *columns)

    return schema, rows()


def region_rows(inputs: Inputs, plan: CasePlan) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the relation `regions`: in which of the plan's sets each row's region is.

    Raises:
        InputError: while it is read, `case.interval`.
    """
    numbers = [("ord", pa.int64()), ("start", pa.int64()), ("stop", pa.int64())]
    schema = pa.schema([("member", inputs.ids), *numbers, ("sets", pa.int64())])

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch, start, stop in _intervals(inputs.regions, "regions"):
            sets = np.zeros(len(start), dtype=np.int64)
            region = _text(batch["region"])
            for number, names in enumerate(plan.regions):
                inside = pc.is_in(region, value_set=pa.array(sorted(names), pa.string()))
                sets |= inside.to_numpy(zero_copy_only=False).astype(np.int64) << number
            order = np.arange(first, first + len(start), dtype=np.int64)
            first += len(start)
            yield _batch(schema, as_ids(batch["member"], inputs.ids), order, start, stop, sets)

    return schema, rows()


def listed_rows(inputs: Inputs, plan: CasePlan) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return which record which delivery lists: `record`, `bits_B`; a record may stand often."""
    names = [f"bits_{block.number}" for block in plan.blocks]
    schema = pa.schema([("record", inputs.records), *((name, pa.int64()) for name in names)])

    def rows() -> Iterator[pa.RecordBatch]:
        for block in plan.blocks:
            for number, done in enumerate(block.deliveries):
                for batch in _all(inputs.delivered.get(done.id)):
                    record = as_ids(batch["record"], inputs.records)
                    bits = np.zeros((len(names), len(record)), dtype=np.int64)
                    bits[block.number] = 1 << number
                    yield _batch(schema, record, *bits)

    return schema, rows()


def kept_rows(inputs: Inputs, plan: CasePlan) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return what a gate keeps: `record`, `delivery` (of the plan; -1: of none; -2: of all).

    Raises:
        InputError: while it is read, `case.type`, a record or its delivery has no id.
    """
    schema = pa.schema([("record", inputs.records), ("delivery", pa.int32())])
    names = pa.array([d.id for d in plan.deliveries], pa.string())

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in _all(inputs.kept):
            if any(batch[n].null_count for n in batch.schema.names if n in {"record", "delivery"}):
                raise InputError(
                    "a kept record, or its delivery, has no id", code="case.type", where="kept"
                )
            delivery = np.full(batch.num_rows, -2, dtype=np.int32)
            if "delivery" in batch.schema.names:
                found = pc.fill_null(pc.index_in(_text(batch["delivery"]), names), -1)
                delivery = found.to_numpy(zero_copy_only=False)
            yield _batch(schema, as_ids(batch["record"], inputs.records), delivery)

    return schema, rows()


def party_rows(inputs: Inputs) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return every party of every message: `member`, null where it has no id."""
    schema = pa.schema([("member", inputs.ids)])

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in inputs.messages.batches(["author", "recipients"]):
            others = batch["recipients"]
            others = pc.list_flatten(others) if inputs.lists else others
            for column in (batch["author"], others):
                yield _batch(schema, as_ids(column, inputs.ids))

    return schema, rows()


def check_tables(inputs: Inputs, scopes: tuple[str, ...]) -> None:
    """Read choices, subscriptions and regions through, for what is wrong with their rows.

    Raises:
        InputError: `case.decision`, `case.interval`.
    """
    for _ in event_rows(inputs, scopes)[1]:
        pass
    for table, name in ((inputs.subscriptions, "subscriptions"), (inputs.regions, "regions")):
        for _ in _intervals(table, name):
            pass


def as_ids(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return ids as texts or whole numbers, integers in decimal."""
    return column.cast(kind) if pa.types.is_integer(kind) else _text(column)


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _all(table: Table | None) -> Iterator[pa.RecordBatch]:
    if table is not None:
        yield from table.batches(table.schema.names)


def _intervals(table: Table | None, name: str) -> Iterator[tuple[pa.RecordBatch, Array, Array]]:
    first = 0
    for batch in _all(table):
        rows = pa.Table.from_batches([batch])
        check_intervals(rows, name, first)
        first += batch.num_rows
        start = as_us(rows["start"], -FAR_FUTURE_US)
        yield batch, start, as_us(rows["end"], FAR_FUTURE_US)


def _batch(schema: pa.Schema, *columns: Any) -> pa.RecordBatch:  # noqa: ANN401 - arrays
    arrays = [
        pa.array(column, schema.field(n).type) if isinstance(column, np.ndarray) else column
        for n, column in enumerate(columns)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
