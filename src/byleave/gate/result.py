"""What the gate returns: a record that sums, and a table that only the gate can make (G6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import Json, digest_of
from byleave.consent.reason import Ground, Reason
from byleave.errors import ByleaveError, RefusedError
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at
from byleave.gate.plan import GatePlan
from byleave.gate.rows import GateEngine, RowDecisions
from byleave.ids import Digest, format_instant

__all__ = ["Dropped", "GateRecord", "GatedTable", "Grounds", "record_ids", "run"]

_BY_THE_GATE: Final = object()
Longs = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What was decided, in numbers that sum.

    Attributes:
        plan: Digest of the plan.
        scope: What was asked for.
        ledger: Highest ledger index read.
        at: The instant of the decision, RFC 3339.
        rulesets: Rulesets that applied to anyone, ascending.
        party_rule: The override, or None.
        rows: Rows read.
        kept: Rows kept.
        reasons: Word → rows dropped for it; only those above zero, ascending by word.
        grounds: Word → rows kept on it (the author's ground); likewise.
    """

    plan: Digest
    scope: str
    ledger: int
    at: str
    rulesets: tuple[str, ...]
    party_rule: str | None
    rows: int
    kept: int
    reasons: Mapping[str, int]
    grounds: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.kept + sum(self.reasons.values()) != self.rows:
            raise ByleaveError("kept and dropped rows do not sum to the input", code="gate.sum")
        if sum(self.grounds.values()) != self.kept:
            raise ByleaveError("grounds do not sum to the rows kept", code="gate.sum")

    def to_dict(self) -> dict[str, Json]:
        """Return the record as the log entry's digest sees it."""
        return {
            "at": self.at,
            "grounds": dict(self.grounds),
            "kept": self.kept,
            "ledger": self.ledger,
            "party_rule": self.party_rule,
            "plan": self.plan.hex(),
            "reasons": dict(self.reasons),
            "rows": self.rows,
            "rulesets": list(self.rulesets),
            "scope": self.scope,
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical record."""
        return digest_of(self.to_dict())


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


class GatedTable:
    """Rows that passed the gate, with the ground of each party and the reason of every row dropped.

    Only `run` makes one: a trainer's snapshot can therefore come from nowhere else (G6).

    Attributes:
        plan: The plan that decided.
        record: The numbers.
        table: Rows kept, all columns, in the order of the input.
        record_ids: Their record ids, `large_string`.
        rows: Their numbers in the input; int64.
        grounds: Their party-records.
        dropped: The others.
    """

    __slots__ = ("dropped", "grounds", "plan", "record", "record_ids", "rows", "table")

    def __init__(
        self,
        token: object,
        *,
        plan: GatePlan,
        record: GateRecord,
        table: pa.Table,
        record_ids: pa.Array,
        rows: Longs,
        grounds: Grounds,
        dropped: Dropped,
    ) -> None:
        if token is not _BY_THE_GATE:
            raise RefusedError("only the gate makes a gated table", code="gate.not-by-gate")
        self.plan = plan
        self.record = record
        self.table = table
        self.record_ids = record_ids
        self.rows = rows
        self.grounds = grounds
        self.dropped = dropped

    def __repr__(self) -> str:
        return f"GatedTable({self.record.kept:,} of {self.record.rows:,} rows)"


def run(
    plan: GatePlan,
    batches: Iterable[pa.RecordBatch],
    engine: GateEngine,
    *,
    schema: pa.Schema,
    data: str,
    progress: Callable[[int], None] | None = None,
) -> GatedTable:
    """Put rows through the gate.

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
    plan.contract.check(schema, data=data)
    kept: list[pa.RecordBatch] = []
    ids: list[pa.Array] = []
    decided: list[RowDecisions] = []
    seen = 0
    for batch in batches:
        rows = engine.decide(plan, engine.resolve(plan, batch))
        if len(rows) != batch.num_rows:
            raise ByleaveError("an engine lost rows", code="gate.sum")
        keep = pa.array(rows.reason == Reason.KEPT)
        kept.append(batch.filter(keep))
        ids.append(record_ids(plan.contract.record_id, batch, first_row=seen).filter(keep))
        decided.append(rows)
        seen += batch.num_rows
        if progress is not None:
            progress(batch.num_rows)
    reason = _join([d.reason for d in decided], np.uint8)
    grounds = _grounds(decided)
    keep_mask = reason == Reason.KEPT
    gone = np.flatnonzero(~keep_mask)
    return GatedTable(
        _BY_THE_GATE,
        plan=plan,
        record=_record(plan, seen, reason, grounds),
        table=pa.Table.from_batches(kept, schema),
        record_ids=pa.concat_arrays(ids) if ids else pa.array([], pa.large_string()),
        rows=np.flatnonzero(keep_mask),
        grounds=grounds,
        dropped=Dropped(
            row=gone,
            reason=reason[gone],
            party=_join([d.party for d in decided], np.int32)[gone],
            member=_join([d.member for d in decided], np.int64)[gone],
        ),
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


def _grounds(decided: Sequence[RowDecisions]) -> Grounds:
    lengths = _join([np.diff(d.offsets) for d in decided], np.int64)
    return Grounds(
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        member=_join([d.ground_member for d in decided], np.int64),
        role=_join([d.ground_role for d in decided], np.uint8),
        ground=_join([d.ground for d in decided], np.uint8),
        index=_join([d.ground_index for d in decided], np.int64),
    )


def _record(
    plan: GatePlan, rows: int, reason: npt.NDArray[np.uint8], grounds: Grounds
) -> GateRecord:
    counts = np.bincount(reason, minlength=256)
    first = grounds.ground[grounds.offsets[:-1]]
    by_ground = np.bincount(first, minlength=256)
    names = {name for c in plan.categories for rule in c.rules for name in rule.names}
    return GateRecord(
        plan=plan.digest,
        scope=str(plan.scope),
        ledger=plan.ledger,
        at=format_instant(plan.at),
        rulesets=tuple(sorted(names)),
        party_rule=None if plan.party_rule is None else plan.party_rule.word,
        rows=rows,
        kept=int(counts[Reason.KEPT]),
        reasons={
            r.word: int(counts[r])
            for r in sorted(Reason, key=lambda r: r.word)
            if r is not Reason.KEPT and counts[r]
        },
        grounds={
            g.word: int(by_ground[g]) for g in sorted(Ground, key=lambda g: g.word) if by_ground[g]
        },
    )


def _join(parts: Sequence[npt.NDArray[Number]], kind: type[Number]) -> npt.NDArray[Number]:
    return np.concatenate(parts) if parts else np.zeros(0, kind)
