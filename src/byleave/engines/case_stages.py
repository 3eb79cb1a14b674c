"""A case in stages over tables of any size: what DuckDB and Spark do alike.

1. Profiles: one row a member who differs from silence.
2. Hits, in parts of the messages: the code of every party whom a cohort may ask about.
3. The distinct codes, a few thousand, are judged in memory (`exposure.verdicts`).
4. Marks of messages and members: joined by a bitwise or, counted (`case_counts`).
5. Where lists are asked for: the pairs, and the rows behind each, sorted (`case_lists`).

Each stage leaves Parquet in a folder and is not done again when it stands there. The folder
names members: whoever makes it keeps it private. Nothing here holds more than a batch of rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from byleave.engines.case_counts import Counting
from byleave.engines.case_lists import Lists
from byleave.engines.case_places import Places, Stretch
from byleave.engines.case_runner import Batches, CaseRunner, Progress
from byleave.errors import InputError
from byleave.exposure.block import BLOCK
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Shape, hits_sql, profile_sql
from byleave.exposure.question import CaseAnswer, CaseQuestion
from byleave.exposure.tables import (
    Inputs,
    Survey,
    as_ids,
    event_rows,
    listed_rows,
    message_rows,
    region_rows,
    subscription_rows,
    survey,
)
from byleave.policy.scope import Scope

__all__ = ["Answered", "answer_in_stages", "surveyed"]

PART_ROWS: Final = 1 << 24
"""Messages of one part, at least; as many as there are members with a profile, where more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """The answers; how many messages there are, and how many have no date.

    Attributes:
        messages: How many messages the import holds.
        undated: How many of them have no date.
        cohorts: One answer for each cohort.
        behind: Yields every affected pair with the rows that decided it (`exposure.evidence`), by
            member, then cohort, then row of the message; first none, so that the columns are
            known. Made when it is first asked for.
    """

    messages: int
    undated: int
    cohorts: tuple[CaseAnswer, ...]
    behind: Callable[[], Batches]


def answer_in_stages(
    question: CaseQuestion,
    inputs: Inputs,
    runner: CaseRunner,
    folder: Path,
    *,
    part_rows: int | None = None,
    block: int = BLOCK,
    progress: Progress | None = None,
) -> Answered:
    """Answer a case over tables of any size; one answer for each cohort.

    Args:
        question: What is asked; the tables of its practice may be empty.
        inputs: The tables.
        runner: Carries the stages out.
        folder: Where they are kept; what stands there is taken as done.
        part_rows: Messages of one part; None: chosen by the number of profiles.
        block: Deliveries that one code tells of, at most.
        progress: Told what is being done, how much of it is, and of how much.

    Raises:
        InputError: `case.*`, as the reference engine.
    """
    stages = _Stages(inputs, question, runner, folder, progress or (lambda *_: None), block)
    stages.profiles()
    stages.hits(part_rows)
    counting = Counting(
        plan=stages.plan,
        shape=stages.shape,
        question=question,
        inputs=inputs,
        kinds=stages.survey.kinds,
        runner=runner,
        folder=folder,
        progress=stages.progress,
    )
    lists = Lists(
        plan=stages.plan,
        shape=stages.shape,
        inputs=inputs,
        scopes=stages.survey.scopes,
        runner=runner,
        folder=folder,
        progress=stages.progress,
    )
    return Answered(
        messages=stages.survey.messages,
        undated=stages.survey.undated,
        cohorts=counting.answers(lists),
        behind=lists.batches,
    )


def surveyed(
    inputs: Inputs, runner: CaseRunner, folder: Path, progress: Progress | None = None
) -> Survey:
    """Look over the tables, or read what was found before; twins among the records are refused.

    Raises:
        InputError: what `exposure.tables.survey` raises; `case.duplicate`.
    """
    file = folder / "survey.json"
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        stored |= {name: tuple(stored[name]) for name in ("kinds", "scopes")}
        return Survey(**stored)
    if progress is not None:
        progress("looking over the tables", 0, 1)
    found = survey(inputs)
    if not found.ordered:
        _refuse_twins(inputs, runner)
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps(asdict(found)), encoding="utf-8")
    draft.replace(file)
    return found


def _refuse_twins(inputs: Inputs, runner: CaseRunner) -> None:
    schema = pa.schema([("record", inputs.records)])

    def ids() -> Batches:
        for batch in inputs.messages.batches(["record"]):
            yield pa.RecordBatch.from_arrays(
                [as_ids(batch["record"], inputs.records)], schema=schema
            )

    runner.relation("records", schema, ids())
    twins = runner.fetch(
        "SELECT count(*) AS n FROM (SELECT record FROM records GROUP BY record "
        "HAVING count(*) > 1 LIMIT 1) AS twins"
    )
    if twins["n"][0].as_py():
        raise InputError(
            "two messages share a record id, or one has none",
            code="case.duplicate",
            where="messages",
        )


class _Stages:
    """One run: the plan, the folder, the runner."""

    def __init__(
        self,
        inputs: Inputs,
        question: CaseQuestion,
        runner: CaseRunner,
        folder: Path,
        progress: Progress,
        block: int,
    ) -> None:
        self.inputs = inputs
        self.runner = runner
        self.folder = folder
        self.progress = progress
        self.survey = surveyed(inputs, runner, folder, progress)
        self.plan = CasePlan.of(
            question.practice,
            question.cohorts,
            question.pack,
            kinds=self.survey.kinds,
            scopes=tuple(Scope.parse(text) for text in self.survey.scopes),
            block=block,
        )
        self.shape = Shape(
            lists=inputs.lists,
            events=inputs.choices is not None or inputs.opt_outs is not None,
            subscriptions=inputs.subscriptions is not None,
            regions=inputs.regions is not None,
            listed=any(d.records is not None for d in self.plan.deliveries),
        )

    def profiles(self) -> None:
        """Make the profiles."""
        file = self.folder / "profile.parquet"
        if not file.exists():
            self.progress("what members had said", 0, 1)
            runner, inputs, plan = self.runner, self.inputs, self.plan
            if self.shape.events:
                runner.relation("events", *event_rows(inputs, self.survey.scopes))
            if self.shape.subscriptions:
                runner.relation("subscriptions", *subscription_rows(inputs))
            if self.shape.regions:
                runner.relation("regions", *region_rows(inputs, plan))
            runner.relation("messages", *message_rows(inputs, plan, 0, 0))
            runner.write(profile_sql(plan, self.shape, runner.dialect), file)
        self.runner.stored("profile", [file])

    def hits(self, part_rows: int | None) -> None:
        """Make the parts, and name them."""
        runner, size = self.runner, self.survey.messages
        if runner.whole:
            part_rows = max(size, 1)
        if part_rows is None:
            held = runner.fetch("SELECT count(*) AS n FROM profile")["n"][0].as_py()
            part_rows = max(PART_ROWS, 2 * held)
        starts = list(range(0, size, part_rows)) or [0]
        files = [self.folder / f"hits-{start:014}.parquet" for start in starts]
        if self.shape.listed and not all(file.exists() for file in files):
            listed = self.folder / "listed.parquet"
            runner.relation("lists", *listed_rows(self.inputs, self.plan))
            bits = "".join(
                f", bit_or(bits_{b.number}) AS bits_{b.number}" for b in self.plan.blocks
            )
            runner.write(f"SELECT record{bits} FROM lists GROUP BY record", listed)  # noqa: S608
            runner.stored("listed", [listed])
        left = [(at, file) for at, file in zip(starts, files, strict=True) if not file.exists()]
        if left:
            self._write_hits([(at, min(at + part_rows, size), file) for at, file in left])
        self.progress("messages", size, size)
        runner.stored("hits", files)

    def _write_hits(self, parts: list[tuple[int, int, Path]]) -> None:
        """Make parts of the messages, each from a row to before a row."""
        runner, inputs, plan = self.runner, self.inputs, self.plan
        stretch = Stretch.of(runner, inputs, plan, self.shape)
        with runner.lent(0 if stretch is None else stretch.size) as lent:
            places = None
            if stretch is not None and lent:
                places = Places.read(self.folder / "profile.parquet", stretch, plan)
            sql = hits_sql(plan, self.shape, runner.dialect, told=places is not None)
            for start, stop, file in parts:
                self.progress("messages", start, self.survey.messages)
                if places is None:
                    runner.messages(inputs, plan, start, stop)
                else:
                    runner.relation("messages", *places.messages(inputs, plan, start, stop))
                runner.write(sql, file)
