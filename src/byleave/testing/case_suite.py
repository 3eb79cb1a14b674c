"""What every engine that answers cases is held to: the columnar engine's answer, whole."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pyarrow as pa

from byleave.exposure.finding import Finding
from byleave.exposure.practice import Practice, as_text
from byleave.exposure.question import CaseAnswer, CaseQuestion
from byleave.exposure.tables import Inputs, MemoryTable
from byleave.service.case import Case, CaseReport, CohortReport, evaluate
from byleave.service.case_files import PRIVATE_FILES, write_lists

__all__ = ["disagreements", "inputs_of", "lists_of"]


class Answers(Protocol):
    """What an engine that streams gives (`engines.case_stages.Answered`)."""

    @property
    def cohorts(self) -> tuple[CaseAnswer, ...]:
        """One answer for each cohort."""

    @property
    def behind(self) -> Callable[[], Iterator[pa.RecordBatch]]:
        """Yields every affected pair with the rows that decided it."""


def inputs_of(
    practice: Practice, choices: pa.Table | None = None, kept: pa.Table | None = None
) -> Inputs:
    """Return the tables of a case in memory as an engine reads them."""

    def table(found: pa.Table | None) -> MemoryTable | None:
        return None if found is None else MemoryTable(found)

    return Inputs(
        messages=MemoryTable(practice.messages),
        choices=table(choices),
        opt_outs=table(practice.opt_outs),
        subscriptions=table(practice.subscriptions),
        regions=table(practice.regions),
        kept=table(kept),
        delivered={
            d.id: MemoryTable(pa.table({"record": d.records}))
            for d in practice.deliveries
            if d.records is not None
        },
    )


def disagreements(
    question: CaseQuestion,
    answers: Answers,
    choices: pa.Table | None = None,
    kept: pa.Table | None = None,
) -> list[tuple[str, Any, Any]]:
    """Return where answers differ from the columnar engine's: what, theirs, ours. Empty is right.

    Counts, ranges, members, pairs, and the bytes of every list with the rows behind each.

    Args:
        question: What was asked; its practice holds its tables.
        answers: What the engine says.
        choices: What members had chosen.
        kept: What a gate keeps.
    """
    case = Case(
        title="",
        origin="",
        matter=None,
        as_of=question.as_of,
        practice=question.practice,
        choices=choices,
        cohorts=question.cohorts,
        pack=question.pack,
        window=question.window,
        with_damage=question.with_damage,
        kept=kept,
    )
    report = evaluate(case)
    wrong = []
    for ours, theirs in zip(report.cohorts, answers.cohorts, strict=True):
        found, gate = ours.affected, theirs.counterfactual
        pairs = [
            ("counts", theirs.affected.to_dict(), found.to_dict()),
            ("ranges", theirs.exposure.to_dict(), ours.exposure.to_dict()),
            ("gate", None if gate is None else gate.to_dict(), ours.to_dict()["with_the_gate"]),
            ("members", _rows(theirs.affected, "member"), _rows(found, "member")),
            ("pairs", sorted(_rows(theirs.affected, "pair")), sorted(_rows(found, "pair"))),
        ]
        wrong += [(f"{found.cohort.name}: {what}", a, b) for what, a, b in pairs if a != b]
    streamed = CaseReport(
        case=case,
        cohorts=tuple(
            CohortReport(affected=a.affected, exposure=a.exposure, counterfactual=a.counterfactual)
            for a in answers.cohorts
        ),
        behind=answers.behind,
    )
    theirs_, ours_ = lists_of(streamed), lists_of(report)
    return wrong + [(name, theirs_[name], ours_[name])
                    for name in PRIVATE_FILES if theirs_[name] != ours_[name]]  # fmt: skip


def lists_of(report: CaseReport) -> dict[str, bytes]:
    """Return the lists of a report that is small, by name."""
    streams = {name: io.BytesIO() for name in PRIVATE_FILES}
    write_lists(report, streams, scratch=io.BytesIO)
    return {name: stream.getvalue() for name, stream in streams.items()}


def _rows(found: Finding, what: str) -> list[tuple[Any, ...]]:
    batches = list(found.member_batches() if what == "member" else found.pair_batches())
    if not batches:
        return []
    table = pa.Table.from_batches(batches)
    columns = [
        (
            as_text(column)
            if not pa.types.is_timestamp(column.type) and name != "messages"
            else column
        )
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
