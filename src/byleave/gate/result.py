"""What the gate returns: a record that sums, and a table that only the gate can make (G6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.reason import Reason
from byleave.errors import ByleaveError, EvidenceError, RefusedError
from byleave.gate.answers import Answers, answer
from byleave.gate.counts import Counts, GateRecord, record_of
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at
from byleave.gate.plan import GatePlan
from byleave.gate.resolved import RowBlock
from byleave.gate.rows import GateEngine, ResolvedRows, RowDecisions

__all__ = [
    "Dropped",
    "GateRecord",
    "GateRun",
    "GatedTable",
    "Grounds",
    "KeptBatch",
    "dropped_of",
    "record_ids",
    "run",
]

_BY_THE_GATE: Final = object()
Longs = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """Party-records of the rows kept, by kept row: `offsets[j]:offsets[j + 1]` belong to row j.

    Attributes:
        offsets: int64[kept + 1].
        member: Ordinal; each member once per row; int64.
        role: 1 author, 2 recipient; uint8.
        ground: `Ground`; uint8.
        index: Ledger index of the grant (or of the rulesets) it rests on; int64.
    """

    offsets: Longs
    member: Longs
    role: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    index: Longs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dropped:
    """One reason for every row not kept.

    Attributes:
        row: Number of the row in the input; int64.
        reason: `Reason`; uint8.
        party: 0 the author, 1 the first recipient, ...; -1: none; int32.
        member: Ordinal of that party; -1: none; int64.
    """

    row: Longs
    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]
    member: Longs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptBatch:
    """What was kept of one batch of the input.

    Attributes:
        rows: Numbers of the rows in the input; int64.
        batch: The rows, all columns.
        record_ids: Their record ids, `large_string`.
        grounds: Their party-records; `offsets` count from this batch's first.
    """

    rows: Longs
    batch: pa.RecordBatch
    record_ids: pa.Array
    grounds: Grounds


class GatedTable:
    """Rows that passed the gate, with the ground of each party and the reason of every row dropped.

    Only the gate makes one: a trainer's snapshot can therefore come from nowhere else (G6).
    `batches` reads the input again and decides it again, batch by batch, and compares the counts
    with the record at the end; nothing is held. `table`, `rows`, `grounds`, `record_ids` and
    `dropped` put all of it in memory, once, when one of them is first asked for.

    Attributes:
        plan: The plan that decided.
        record: The numbers.
    """

    __slots__ = ("again", "engine", "held", "plan", "record", "schema")

    def __init__(
        self,
        token: object,
        *,
        plan: GatePlan,
        record: GateRecord,
        engine: GateEngine,
        schema: pa.Schema,
        again: Again,
        held: _Held | None = None,
    ) -> None:
        if token is not _BY_THE_GATE:
            raise RefusedError("only the gate makes a gated table", code="gate.not-by-gate")
        self.plan = plan
        self.record = record
        self.engine = engine
        self.schema = schema
        self.again = again
        self.held = held

    def __repr__(self) -> str:
        return f"GatedTable({self.record.kept:,} of {self.record.rows:,} rows)"

    def batches(self) -> Iterator[KeptBatch]:
        """Yield what was kept, batch by batch in the order of the input; nothing is held.

        Raises:
            EvidenceError: `gate.replay-differs`, after the last batch: the input is another now.
        """
        for kept, _ in self._passes():
            yield kept

    @property
    def table(self) -> pa.Table:
        """Rows kept, all columns, in the order of the input."""
        return self._hold().table

    @property
    def record_ids(self) -> pa.Array:
        """Their record ids, `large_string`."""
        return self._hold().record_ids

    @property
    def rows(self) -> Longs:
        """Their numbers in the input; int64."""
        return self._hold().rows

    @property
    def grounds(self) -> Grounds:
        """Their party-records."""
        return self._hold().grounds

    @property
    def dropped(self) -> Dropped:
        """The others."""
        return self._hold().dropped

    def _passes(self) -> Iterator[tuple[KeptBatch, Dropped]]:
        counts, names = Counts(), self.plan.contract.record_id
        for batch in self.again():
            first = counts.rows
            decided = _decide(self.plan, self.engine, batch)
            counts.add(decided)
            keep = decided.reason == Reason.KEPT
            mask = pa.array(keep)
            kept = KeptBatch(
                rows=np.flatnonzero(keep) + first,
                batch=batch.filter(mask),
                record_ids=record_ids(names, batch, first_row=first).filter(mask),
                grounds=Grounds(
                    offsets=decided.offsets,
                    member=decided.ground_member,
                    role=decided.ground_role,
                    ground=decided.ground,
                    index=decided.ground_index,
                ),
            )
            yield kept, dropped_of(decided, first)
        if record_of(self.plan, counts) != self.record:
            raise EvidenceError(
                "reading the input again gave another record", code="gate.replay-differs"
            )

    def _hold(self) -> _Held:
        if self.held is None:
            passes = list(self._passes())
            self.held = _Held.of(
                self.schema, [kept for kept, _ in passes], [gone for _, gone in passes]
            )
        return self.held


Again = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Held:
    """All that a gated table can tell, in memory."""

    table: pa.Table
    record_ids: pa.Array
    rows: Longs
    grounds: Grounds
    dropped: Dropped

    @classmethod
    def of(cls, schema: pa.Schema, kept: Sequence[KeptBatch], gone: Sequence[Dropped]) -> _Held:
        lengths = _join([np.diff(k.grounds.offsets) for k in kept], np.int64)
        ids = [k.record_ids for k in kept]
        return cls(
            table=pa.Table.from_batches([k.batch for k in kept], schema),
            record_ids=pa.concat_arrays(ids) if ids else pa.array([], pa.large_string()),
            rows=_join([k.rows for k in kept], np.int64),
            grounds=Grounds(
                offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
                member=_join([k.grounds.member for k in kept], np.int64),
                role=_join([k.grounds.role for k in kept], np.uint8),
                ground=_join([k.grounds.ground for k in kept], np.uint8),
                index=_join([k.grounds.index for k in kept], np.int64),
            ),
            dropped=Dropped(
                row=_join([d.row for d in gone], np.int64),
                reason=_join([d.reason for d in gone], np.uint8),
                party=_join([d.party for d in gone], np.int32),
                member=_join([d.member for d in gone], np.int64),
            ),
        )


class GateRun:
    """Rows on their way through the gate, batch by batch; the record comes at the end.

    Args:
        plan: The rules compiled.
        engine: How rows are decided.
        schema: Schema of the rows.
        data: What to call the data in messages.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`.
    """

    def __init__(self, plan: GatePlan, engine: GateEngine, *, schema: pa.Schema, data: str) -> None:
        plan.contract.check(schema, data=data)
        self.plan = plan
        self.engine = engine
        self.schema = schema
        self.counts = Counts()

    def resolve(self, batch: pa.RecordBatch) -> ResolvedRows:
        """Return the rows of a batch with ids as ordinals.

        Raises:
            InputError: `contract.column-value`.
        """
        return self.engine.resolve(self.plan, batch)

    def decide(self, rows: ResolvedRows, counts: Counts) -> RowDecisions:
        """Decide rows and add them to `counts`, which the caller merges into the run's.

        Raises:
            ByleaveError: `gate.sum`, there is not one reason for each row.
        """
        decided = self.engine.decide(self.plan, rows)
        _require_all(decided, len(rows.category))
        counts.add(decided)
        return decided

    def answer(self, block: RowBlock, counts: Counts) -> Answers:
        """Answer the rows of a block the fast way (`gate.answers`), and add them to `counts`.

        Raises:
            ByleaveError: `gate.sum`, there is not one reason for each row.
        """
        answers = answer(self.plan, self.engine, block)
        counts.add_answers(answers)
        return answers

    def record(self, rows: int) -> GateRecord:
        """Return the record.

        Args:
            rows: Rows that the input has.

        Raises:
            ByleaveError: `gate.sum`, other rows were decided than the input has.
        """
        if self.counts.rows != rows:
            raise ByleaveError("rows decided are not the rows of the input", code="gate.sum")
        return record_of(self.plan, self.counts)

    def table(self, again: Again, rows: int) -> GatedTable:
        """Return what passed.

        Args:
            again: Gives the rows again, all columns, in order; they are decided again.
            rows: Rows that the input has.

        Raises:
            ByleaveError: `gate.sum`.
        """
        return GatedTable(
            _BY_THE_GATE,
            plan=self.plan,
            record=self.record(rows),
            engine=self.engine,
            schema=self.schema,
            again=again,
        )


def run(
    plan: GatePlan,
    batches: Iterable[pa.RecordBatch],
    engine: GateEngine,
    *,
    schema: pa.Schema,
    data: str,
    progress: Callable[[int], None] | None = None,
) -> GatedTable:
    """Put rows that are in memory through the gate.

    Args:
        plan: The rules compiled.
        batches: The rows, all columns.
        engine: How rows are decided.
        schema: Schema of the rows.
        data: What to call the data in messages.
        progress: Called with the number of rows of each batch decided.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`, `contract.column-value`.
        ByleaveError: `gate.sum`, rows kept and dropped do not sum to the rows read.
    """
    going = GateRun(plan, engine, schema=schema, data=data)
    held: list[pa.RecordBatch] = []
    for batch in batches:
        _require_all(going.decide(going.resolve(batch), going.counts), batch.num_rows)
        held.append(batch)
        if progress is not None:
            progress(batch.num_rows)
    return going.table(lambda: held, going.counts.rows)


def _decide(plan: GatePlan, engine: GateEngine, batch: pa.RecordBatch) -> RowDecisions:
    decided = engine.decide(plan, engine.resolve(plan, batch))
    _require_all(decided, batch.num_rows)
    return decided


def _require_all(decided: RowDecisions, rows: int) -> None:
    if len(decided) != rows:
        raise ByleaveError("an engine lost rows", code="gate.sum")


def dropped_of(decided: RowDecisions | Answers, first_row: int) -> Dropped:
    """Return the reasons of the rows not kept, of a batch whose first row has this number."""
    gone = np.flatnonzero(decided.reason != Reason.KEPT)
    return Dropped(
        row=gone + first_row,
        reason=decided.reason[gone],
        party=decided.party[gone],
        member=decided.member[gone],
    )


def record_ids(columns: Sequence[str], batch: pa.RecordBatch, *, first_row: int = 0) -> pa.Array:
    r"""Return the record id of each row as `large_string`.

    One column: its text. Several: their texts joined by `:`, with `:` and `\` inside a part
    written `\:` and `\\`. None: the number of the row. A null makes the id null.
    """
    if not columns:
        return pa.array(np.arange(first_row, first_row + batch.num_rows)).cast(pa.large_string())
    if len(columns) == 1:
        return ids_as_text(column_at(batch, columns[0]))
    parts = []
    for name in columns:
        text = ids_as_text(column_at(batch, name))
        text = pc.replace_substring(text, pattern="\\", replacement="\\\\")
        parts.append(pc.replace_substring(text, pattern=":", replacement="\\:"))
    return pc.binary_join_element_wise(*parts, pa.scalar(":", pa.large_string()))


def _join(parts: Sequence[npt.NDArray[Number]], kind: type[Number]) -> npt.NDArray[Number]:
    return np.concatenate(parts) if parts else np.zeros(0, kind)
