"""Run one case over the past: every cohort, every reading, and the same weeks with the gate on.

Nothing is stored and nothing is logged: a case is a question. Its numbers are what the import
says, under the assumptions printed beside them; they are alleged, not found, and not legal advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.cohort import REASONS, Affected, Cohort, affected
from byleave.exposure.counterfactual import Counterfactual, counterfactual
from byleave.exposure.evidence import EVIDENCE, evidence
from byleave.exposure.finding import Finding
from byleave.exposure.pack import Matter, RulePack
from byleave.exposure.practice import Interval, Practice
from byleave.exposure.readings import Exposure, expose
from byleave.ids import format_instant
from byleave.service.case_gate import GateRun

__all__ = [
    "CASE_NOTICE",
    "Case",
    "CaseReport",
    "CohortReport",
    "evaluate",
]

_BATCH_ROWS: Final = 1 << 17

CASE_NOTICE: Final = (
    "Alleged, not found: these are counts over imported records under stated assumptions. "
    "Not legal advice."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One question about the past.

    Attributes:
        title: One line.
        origin: Where the data come from, in words.
        matter: The dispute it is about, or None.
        as_of: The day of the question.
        practice: What the platform did.
        choices: What members had chosen (`Choices`), or None.
        cohorts: What is asked, in order.
        pack: The readings.
        window: Days for which fees count; None: what follows from the practice.
        with_damage: Persons stated to have proven actual damage.
        kept: What the gate keeps for the same weeks (`counterfactual`); None: not compared.
        gate: The run of the gate that says so, where the case asked for one.
        counted: How many messages there are and how many have no date, where an engine streamed
            them; None: those of the practice's table.
    """

    title: str
    origin: str
    matter: Matter | None
    as_of: datetime
    practice: Practice
    choices: pa.Table | None
    cohorts: tuple[Cohort, ...]
    pack: RulePack
    window: Interval | None = None
    with_damage: int = 0
    kept: pa.Table | None = None
    gate: GateRun | None = None
    counted: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CohortReport:
    """One cohort's answer."""

    affected: Finding
    exposure: Exposure
    counterfactual: Counterfactual | None

    def to_dict(self) -> dict[str, Any]:
        """Return counts and ranges: no member ids."""
        with_gate = self.counterfactual
        return {
            "affected": self.affected.to_dict(),
            "exposure": self.exposure.to_dict(),
            "with_the_gate": None if with_gate is None else with_gate.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseReport:
    """The whole answer, cohorts in the order they were asked.

    Attributes:
        case: The question.
        cohorts: Their answers.
        behind: What gives the pairs with their evidence, where an engine streams them.
    """

    case: Case
    cohorts: tuple[CohortReport, ...]
    behind: Callable[[], Iterator[pa.RecordBatch]] | None = None

    def pairs_behind(self) -> Iterator[pa.RecordBatch]:
        """Yield every affected pair with the rows that decided it (`EVIDENCE`).

        By member, then cohort, then row of the message. Cost, where no engine streams: the pairs
        once more in memory, and a sort.
        """
        if self.behind is not None:
            yield from self.behind()
            return
        parts = [EVIDENCE.empty_table()]
        for rank, cohort in enumerate(self.cohorts):
            found = cohort.affected
            if not isinstance(found, Affected):
                raise TypeError(type(found))  # whoever streams gives `behind`
            parts.append(_evidence(self.case, found, rank))
        whole = pa.concat_tables(parts).combine_chunks()
        order: list[tuple[str, str]] = [
            (name, "ascending") for name in ("member", "cohort_rank", "message_row")
        ]
        yield from whole.sort_by(order).to_batches(_BATCH_ROWS)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints: no member ids."""
        case = self.case
        messages, undated = case.counted or _counted(case.practice)
        return {
            "title": case.title,
            "notice": CASE_NOTICE,
            "data_origin": case.origin,
            "matter": None if case.matter is None else _matter(case.matter),
            "as_of": format_instant(case.as_of),
            "pack": {"name": case.pack.name, "dated": format_instant(case.pack.dated)},
            "messages": messages,
            "messages_undated": undated,
            "deliveries": [
                {
                    "id": d.id,
                    "at": format_instant(d.at),
                    "recipient": d.recipient,
                    "purpose": d.purpose,
                    "honoured": str(d.honoured),
                }
                for d in case.practice.deliveries
            ],
            "gate": None if case.gate is None else case.gate.to_dict(),
            "cohorts": [cohort.to_dict() for cohort in self.cohorts],
        }


def evaluate(case: Case) -> CaseReport:
    """Answer a case.

    Raises:
        InputError: what `affected` and `counterfactual` raise.
    """
    reports = []
    for cohort in case.cohorts:
        found = affected(case.practice, case.choices, cohort, any_party=case.pack.asks_any_party)
        reports.append(
            CohortReport(
                affected=found,
                exposure=expose(
                    found,
                    case.practice,
                    as_of=case.as_of,
                    pack=case.pack,
                    window=case.window,
                    with_damage=case.with_damage,
                ),
                counterfactual=None if case.kept is None else counterfactual(found, case.kept),
            )
        )
    return CaseReport(case=case, cohorts=tuple(reports))


def _evidence(case: Case, found: Affected, rank: int) -> pa.Table:
    """Return the pairs of one cohort with their evidence, ids as text."""
    pairs = evidence(case.practice, case.choices, found)
    columns = {name: pairs[name] for name in pairs.column_names}
    texts = pairs["reason"].cast(pa.string())
    columns["reason_rank"] = pc.index_in(texts, pa.array(REASONS))
    columns["cohort_rank"] = pa.array(np.full(pairs.num_rows, rank, dtype=np.int32))
    return pa.table({f.name: columns[f.name].cast(f.type) for f in EVIDENCE}, schema=EVIDENCE)


def _matter(matter: Matter) -> dict[str, Any]:
    return {
        "name": matter.name,
        "title": matter.title,
        "court": matter.court,
        "number": matter.number,
        "filed": format_instant(matter.filed)[:10],
        "ended": None if matter.ended is None else format_instant(matter.ended)[:10],
        "alleged": matter.alleged,
        "outcome": matter.outcome,
    }


def _counted(practice: Practice) -> tuple[int, int]:
    """Return how many messages there are, and how many have no date."""
    rows = int(practice.messages.num_rows)
    if "sent_at" not in practice.messages.column_names:
        return rows, rows
    return rows, int(practice.messages["sent_at"].null_count)
