"""The rows of a streamed case: members, pairs, and what is behind each pair, sorted out of core.

What is behind a pair is worked out from the pairs and the tables alone (`exposure.pairs_sql`),
once for each member and slot, and joined with the pairs in one sort; the sorted pairs are Parquet
in the folder, and are not made again. Nothing here holds more than a batch of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from byleave.engines.case_runner import Batches, CaseRunner, Progress, stored_rows
from byleave.exposure.evidence import EVIDENCE
from byleave.exposure.finding import REASONS
from byleave.exposure.pairs_sql import affected_sql, behind_sql, evidence_sql, pairs_sql
from byleave.exposure.parties import ROLES
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Shape
from byleave.exposure.tables import (
    SWITCH,
    Inputs,
    event_rows,
    region_rows,
    subscription_rows,
)
from byleave.ids import to_us

__all__ = ["Lists"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lists:
    """One run, from the codes that were judged to its rows.

    Attributes:
        plan: The case, compiled.
        shape: Which relations there are.
        inputs: The tables.
        scopes: The scopes of choices, as text, in the order of their numbers.
        runner: Carries statements out; `hits` and `codes_B` have their names.
        folder: Where stages are kept.
        progress: Told what is being done.
    """

    plan: CasePlan
    shape: Shape
    inputs: Inputs
    scopes: tuple[str, ...]
    runner: CaseRunner
    folder: Path
    progress: Progress

    def pair_batches(self, number: int) -> Batches:
        """Yield the pairs of one cohort: names of roles, reasons, deliveries; in no order."""
        reason, first = f"reason_{number}", f"first_{number}"
        pairs = pairs_sql(self.plan, self.shape, ["role", reason, first])
        for batch in self.runner.stream(
            f"SELECT member, record, role, {reason} AS reason, {first} AS first FROM ({pairs}) "  # noqa: S608
            f"AS pairs WHERE {reason} >= 0"
        ):
            yield self._named(
                batch, ["member", "record", "role", "reason", "first_used_at", "delivery"]
            )

    def member_batches(self, number: int) -> Batches:
        """Yield the members of one cohort, with each reason; by member, then reason."""
        reason, first = f"reason_{number}", f"first_{number}"
        pairs = pairs_sql(self.plan, self.shape, [reason, first])
        for batch in self.runner.stream(
            f"SELECT member, {reason} AS reason, count(*) AS messages, min({first}) AS first FROM "  # noqa: S608
            f"({pairs}) AS pairs WHERE {reason} >= 0 GROUP BY member, {reason} "
            f"ORDER BY CAST(member AS {self.runner.dialect.text}), reason"
        ):
            yield self._named(batch, ["member", "reason", "messages", "first_used_at"])

    def batches(self) -> Batches:
        """Yield every affected pair with the rows that decided it (`EVIDENCE`); first none."""
        file = self.folder / "evidence.parquet"
        if not file.exists():
            self._write_pairs()
            self._write_behind()
            self.progress("sorting what is behind each", 0, 1)
            self.runner.write(evidence_sql(self.runner.dialect), file)
        yield pa.RecordBatch.from_pylist([], schema=EVIDENCE)
        for batch in stored_rows(file):
            yield self._evidence(batch)

    # --- stages ---------------------------------------------------------------------------------

    def _write_pairs(self) -> None:
        """Give a name to the pairs of all cohorts, and to the members and slots they have."""
        runner = self.runner
        pairs, needs = self.folder / "pairs.parquet", self.folder / "needs.parquet"
        if not pairs.exists():
            self.progress("whom it affected, by which message", 0, 1)
            runner.write(affected_sql(self.plan, self.shape), pairs)
        runner.stored("pairs", [pairs])
        if not needs.exists():
            runner.write("SELECT DISTINCT member, slot FROM pairs", needs)
        runner.stored("needs", [needs])

    def _write_behind(self) -> None:
        """Give a name to the rows that decided, for each member and slot."""
        runner, behind = self.runner, self.folder / "behind.parquet"
        if not behind.exists():
            self.progress("the rows behind each member", 0, 1)
            if self.shape.events:
                runner.relation("events", *event_rows(self.inputs, self.scopes))
            if self.shape.subscriptions:
                runner.relation("subscriptions", *subscription_rows(self.inputs))
            if self.shape.regions:
                runner.relation("regions", *region_rows(self.inputs, self.plan))
            runner.table("slots", self._slots())
            runner.table("asked", self._asked())
            runner.write(behind_sql(self.shape, runner.dialect), behind)
        runner.stored("behind", [behind])

    def _slots(self) -> pa.Table:
        slots = self.plan.slots
        columns = {
            "slot": range(len(slots)),
            "q": [s.question for s in slots],
            "at": [s.at_us for s in slots],
            "start": [s.during[0] for s in slots],
            "stop": [s.during[1] for s in slots],
        }
        return pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})

    def _asked(self) -> pa.Table:
        rows = [
            (number, question.at_us, scope)
            for number, question in enumerate(self.plan.questions)
            for scope in question.scopes
        ]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        names = ("q", "at", "scope")
        return pa.table({n: pa.array(c, pa.int64()) for n, c in zip(names, columns, strict=True)})

    # --- words ----------------------------------------------------------------------------------

    def _evidence(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows with the words of their codes, and row numbers from 1."""
        named = self._named(
            batch, ["member", "record", "role", "reason", "first_used_at", "delivery"]
        )
        columns = {name: named[name] for name in named.schema.names}
        columns["cohort_rank"], columns["reason_rank"] = batch["cohort"], batch["reason"]
        columns["message_row"] = pc.add(batch["place"], 1)
        said = batch["said"]
        switch = pc.fill_null(pc.greater_equal(said, SWITCH), False)
        none = pa.scalar(None, pa.int64())
        columns["choice_row"] = pc.if_else(switch, none, pc.add(said, 1))
        columns["opt_out_row"] = pc.if_else(switch, pc.subtract(said, SWITCH - 1), none)
        columns["subscription_rows"] = pc.fill_null(batch["subscribed"], "")
        columns["region_row"] = pc.add(batch["lived"], 1)
        slots, at = self.plan.slots, batch["slot"]
        columns["setting_period"] = pa.array([s.period for s in slots], pa.int64()).take(at)
        columns["declared_by"] = pa.array([s.declared for s in slots], pa.string()).take(at)
        return pa.RecordBatch.from_arrays(
            [columns[f.name].cast(f.type) for f in EVIDENCE], schema=EVIDENCE
        )

    def _named(self, batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
        """Return rows with the words of their codes; deliveries are in order of time."""
        done = self.plan.deliveries
        instants = pa.array([to_us(d.at) for d in done], pa.int64())
        words: dict[str, Callable[[], pa.Array]] = {
            "role": lambda: pa.array(ROLES[1:]).take(batch["role"]),
            "reason": lambda: pa.array(REASONS).take(batch["reason"]),
            "first_used_at": lambda: instants.take(batch["first"]).cast(
                pa.timestamp("us", tz="UTC")
            ),
            "delivery": lambda: pa.array([d.id for d in done], pa.string()).take(batch["first"]),
            "member": lambda: batch["member"].cast(pa.large_string()),
            "record": lambda: batch["record"].cast(pa.large_string()),
            "messages": lambda: batch["messages"],
        }
        return pa.RecordBatch.from_arrays([words[n]() for n in names], names=names)
