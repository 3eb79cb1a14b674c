"""What every engine that answers cases is held to: the columnar engine's answer, whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from byleave.exposure.cohort import affected
from byleave.exposure.counterfactual import counterfactual
from byleave.exposure.finding import Finding
from byleave.exposure.practice import Practice, as_text
from byleave.exposure.question import CaseAnswer, CaseQuestion
from byleave.exposure.readings import expose
from byleave.exposure.tables import Inputs, MemoryTable

__all__ = ["disagreements", "inputs_of"]


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
    answers: Iterable[CaseAnswer],
    choices: pa.Table | None = None,
    kept: pa.Table | None = None,
) -> list[tuple[str, Any, Any]]:
    """Return where answers differ from the columnar engine's: what, theirs, ours. Empty is right.

    Args:
        question: What was asked; its practice holds its tables.
        answers: One for each cohort.
        choices: What members had chosen.
        kept: What a gate keeps.
    """
    wrong = []
    for cohort, answer in zip(question.cohorts, answers, strict=True):
        found = affected(question.practice, choices, cohort)
        cost = expose(
            found,
            question.practice,
            as_of=question.as_of,
            pack=question.pack,
            window=question.window,
            with_damage=question.with_damage,
        )
        gate = None if kept is None else counterfactual(found, kept).to_dict()
        theirs = answer.counterfactual
        pairs = [
            ("counts", answer.affected.to_dict(), found.to_dict()),
            ("ranges", answer.exposure.to_dict(), cost.to_dict()),
            ("gate", None if theirs is None else theirs.to_dict(), gate),
            ("members", _rows(answer.affected, "member"), _rows(found, "member")),
            ("pairs", sorted(_rows(answer.affected, "pair")), sorted(_rows(found, "pair"))),
        ]
        wrong += [(f"{cohort.name}: {what}", a, b) for what, a, b in pairs if a != b]
    return wrong


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
