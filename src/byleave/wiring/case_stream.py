"""A case over tables that do not fit in memory: its tables, its gate, and its report, streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import datetime
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.engines.case_runner import CaseRunner
from byleave.engines.case_stages import Answered, answer_in_stages, surveyed
from byleave.exposure.casefile import CaseFile
from byleave.exposure.conditions import check_cohort
from byleave.exposure.practice import Delivery, Practice
from byleave.exposure.question import CaseQuestion
from byleave.exposure.tables import Inputs, Table, check_tables, party_rows
from byleave.service.case import Case, CaseReport, CohortReport
from byleave.service.case_gate import GatedDelivery, GateRun
from byleave.wiring.case import located
from byleave.wiring.case_gate import run_gate_in_batches
from byleave.wiring.case_tables import FileTable

__all__ = ["streamed_case"]

_KEPT = "gate-kept.parquet"
_GATE = "gate.json"
_GATE_ROWS = 1 << 20
"""Messages that the gate is given at a time."""

Progress = Callable[[str, int, int], None]


def streamed_case(
    stated: CaseFile,
    file: Path,
    as_of: datetime,
    runner: CaseRunner,
    folder: Path,
    progress: Progress | None = None,
) -> CaseReport:
    """Answer a case by stages that stand in a folder; its rows can be read while they do.

    Args:
        stated: The case.
        file: Where it lies; its tables are relative to it.
        as_of: The day of the question.
        runner: Carries the stages out.
        folder: Where they stand.
        progress: Told what is being done.

    Raises:
        InputError: as `run_case`, with file and line.
    """
    places = {name: ref.where for name, ref in stated.tables.items()} | {"": str(file)}
    if stated.kept is not None:
        places["kept"] = stated.kept.where
    here = file.parent
    tables = {n: FileTable(here / r.file, r, n) for n, r in stated.tables.items()}
    kept = None if stated.kept is None else FileTable(here / stated.kept.file, stated.kept, "kept")
    inputs = Inputs(
        messages=tables["messages"],
        choices=tables.get("choices"),
        opt_outs=tables.get("opt_outs"),
        subscriptions=tables.get("subscriptions"),
        regions=tables.get("regions"),
        kept=kept,
        delivered={n: FileTable(here / r.file, r, "records") for n, r in stated.delivered.items()},
    )
    with located(places):
        practice = _headers(stated, tables)
    for cohort, where in zip(stated.cohorts, stated.asked_at, strict=True):
        with located({"": where}):
            check_cohort(practice, cohort)
    with located(places):
        run = None
        if stated.gate is not None:
            gate = _Gate(stated, here, practice, tables, inputs, runner, folder, progress)
            run = gate.run()
            inputs = replace(inputs, kept=gate.kept)
        question = CaseQuestion(
            practice=practice,
            cohorts=stated.cohorts,
            pack=stated.pack,
            as_of=as_of,
            window=stated.window,
            with_damage=stated.with_damage,
        )
        found = answer_in_stages(question, inputs, runner, folder, progress=progress)
    return _report(stated, practice, as_of, run, found, places)


def _report(
    stated: CaseFile,
    practice: Practice,
    as_of: datetime,
    run: GateRun | None,
    found: Answered,
    places: dict[str, str],
) -> CaseReport:
    case = Case(
        title=stated.title,
        origin=stated.origin,
        matter=stated.matter,
        as_of=as_of,
        practice=practice,
        choices=None,
        cohorts=stated.cohorts,
        pack=stated.pack,
        window=stated.window,
        with_damage=stated.with_damage,
        gate=run,
        counted=(found.messages, found.undated),
    )
    cohorts = tuple(
        CohortReport(
            affected=answer.affected,
            exposure=answer.exposure,
            counterfactual=answer.counterfactual,
        )
        for answer in found.cohorts
    )

    def behind() -> Iterator[pa.RecordBatch]:
        with located(places):
            yield from found.behind()

    return CaseReport(case=case, cohorts=cohorts, behind=behind)


def _headers(stated: CaseFile, tables: dict[str, FileTable]) -> Practice:
    """Return the practice with tables that have columns and no rows."""
    none = pa.array([], pa.string())
    empty = {name: table.schema.empty_table() for name, table in tables.items()}
    return Practice(
        messages=empty["messages"],
        deliveries=tuple(
            replace(d, records=none) if d.id in stated.delivered else d for d in stated.deliveries
        ),
        setting=stated.setting,
        opt_outs=empty.get("opt_outs"),
        policies=stated.policies,
        subscriptions=empty.get("subscriptions"),
        regions=empty.get("regions"),
        category=stated.category,
    )


class _Gate:
    """The gate of a case, over messages in batches; what it keeps stands in the folder."""

    def __init__(
        self,
        stated: CaseFile,
        here: Path,
        practice: Practice,
        tables: dict[str, FileTable],
        inputs: Inputs,
        runner: CaseRunner,
        folder: Path,
        progress: Progress | None,
    ) -> None:
        self._stated = stated
        self._here = here
        self._practice = practice
        self._tables = tables
        self._inputs = inputs
        self._runner = runner
        self._folder = folder
        self._progress = progress or (lambda *_: None)

    @property
    def kept(self) -> Table:
        """What it keeps: `record`, `delivery`."""
        return FileTable(self._folder / _KEPT, name="kept")

    def run(self) -> GateRun:
        """Run it, or read what was found before."""
        file = self._folder / _GATE
        if file.exists():
            stored = json.loads(file.read_text(encoding="utf-8"))
            done = tuple(GatedDelivery(**found) for found in stored.pop("deliveries"))
            return GateRun(**stored, deliveries=done)
        survey = surveyed(self._inputs, self._runner, self._folder, self._progress)
        check_tables(self._inputs, survey.scopes)
        run = self._over(survey.messages, survey.kinds)
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(asdict(run)), encoding="utf-8")
        draft.replace(file)
        return run

    def _over(self, size: int, kinds: tuple[str, ...]) -> GateRun:
        assert self._stated.gate is not None  # noqa: S101 - whoever made this looked
        whole = {name: table.load() for name, table in self._tables.items() if name != "messages"}
        practice = replace(
            self._practice,
            opt_outs=whole.get("opt_outs"),
            regions=whole.get("regions"),
            subscriptions=None,
            deliveries=tuple(map(self._listed, self._practice.deliveries)),
        )
        rounds = count(1)

        def messages() -> Iterator[pa.Table]:
            yield from self._batches(size, f"the gate, round {next(rounds)}")

        draft = self._folder / (_KEPT + ".part")
        schema = pa.schema([("record", pa.large_string()), ("delivery", pa.large_string())])
        with ExitStack() as stack:
            writer = stack.enter_context(pq.ParquetWriter(draft, schema, compression="lz4"))
            run = run_gate_in_batches(
                practice,
                whole.get("choices"),
                self._stated.gate,
                self._here,
                members=self._members(),
                kinds=kinds if "kind" in self._practice.messages.column_names else None,
                messages=messages,
                keep=writer.write_table,
            )
        draft.replace(self._folder / _KEPT)
        return run

    def _listed(self, done: Delivery) -> Delivery:
        """Return a delivery with the records that it lists."""
        ref = self._stated.delivered.get(done.id)
        if ref is None:
            return done
        return replace(
            done, records=FileTable(self._here / ref.file, ref, "records").load()["record"]
        )

    def _members(self) -> pa.Array:
        """Return the ids of all parties, as text, ascending: what the gate holds of them."""
        runner, text = self._runner, self._runner.dialect.text
        self._progress("who is in a message", 0, 1)
        runner.relation("parties", *party_rows(self._inputs))
        rows = runner.stream(
            f"SELECT member FROM (SELECT DISTINCT CAST(member AS {text}) AS member FROM parties "  # noqa: S608
            "WHERE member IS NOT NULL) AS parties ORDER BY member"
        )
        parts = [batch["member"].cast(pa.large_string()) for batch in rows]
        return pa.concat_arrays([pa.array([], pa.large_string()), *parts])

    def _batches(self, size: int, what: str) -> Iterator[pa.Table]:
        """Yield the messages, some at a time; the table is read once."""
        table, done = self._tables["messages"], 0
        held: list[pa.RecordBatch] = []
        self._progress(what, 0, size)
        for batch in table.batches(table.schema.names):
            held.append(batch)
            done += batch.num_rows
            if sum(b.num_rows for b in held) >= _GATE_ROWS or done == size:
                yield pa.Table.from_batches(held).combine_chunks()
                held = []
                self._progress(what, done, size)
