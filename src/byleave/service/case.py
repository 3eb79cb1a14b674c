"""Run one case over the past: every cohort, every reading, and the same weeks with the gate on.

Nothing is stored and nothing is logged: a case is a question. Its numbers are what the import
says, under the assumptions printed beside them; they are alleged, not found, and not legal advice.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from byleave.exposure.cohort import REASONS, Affected, Cohort, affected
from byleave.exposure.counterfactual import Counterfactual, counterfactual
from byleave.exposure.pack import Matter, RulePack
from byleave.exposure.practice import Interval, Practice
from byleave.exposure.readings import Exposure, expose
from byleave.ids import format_instant

__all__ = [
    "CASE_NOTICE",
    "Case",
    "CaseReport",
    "CohortReport",
    "evaluate",
    "members_csv",
    "notices_csv",
]

CASE_NOTICE: Final = (
    "Alleged, not found: these are counts over imported records under stated assumptions. "
    "Not legal advice."
)
_FORMULA: Final = r"^[\s]*[=+\-@\t\r|%]"


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CohortReport:
    """One cohort's answer."""

    affected: Affected
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
    """The whole answer, cohorts in the order they were asked."""

    case: Case
    cohorts: tuple[CohortReport, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints: no member ids."""
        case = self.case
        return {
            "title": case.title,
            "notice": CASE_NOTICE,
            "data_origin": case.origin,
            "matter": None if case.matter is None else _matter(case.matter),
            "as_of": format_instant(case.as_of),
            "pack": {"name": case.pack.name, "dated": format_instant(case.pack.dated)},
            "messages": case.practice.messages.num_rows,
            "messages_undated": _undated(case.practice),
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
            "cohorts": [cohort.to_dict() for cohort in self.cohorts],
        }


def evaluate(case: Case) -> CaseReport:
    """Answer a case.

    Raises:
        InputError: what `affected` and `counterfactual` raise.
    """
    reports = []
    for cohort in case.cohorts:
        found = affected(case.practice, case.choices, cohort)
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


def members_csv(report: CaseReport) -> bytes:
    """Return every affected member with the reason, as CSV that no spreadsheet runs.

    Columns: cohort, member, reason, messages, first_used_at. A cell that a spreadsheet would
    take for a formula gets a leading apostrophe (OWASP, "CSV Injection"); every text is quoted.
    This file names members: whoever writes it keeps it private.
    """
    tables = []
    for cohort in report.cohorts:
        members = cohort.affected.members
        name = pa.array([cohort.affected.cohort.name], pa.large_string())
        tables.append(
            pa.table(
                {
                    "cohort": _guarded(name.take(pa.array([0] * members.num_rows, pa.int32()))),
                    "member": _guarded(members["member"].cast(pa.large_string())),
                    "reason": members["reason"].cast(pa.large_string()),
                    "messages": members["messages"],
                    "first_used_at": _instant(members["first_used_at"]),
                }
            )
        )
    out = io.BytesIO()
    csv.write_csv(pa.concat_tables(tables), out, csv.WriteOptions(quoting_style="all_valid"))
    return out.getvalue()


def notices_csv(report: CaseReport) -> bytes:
    """Return whom to tell: one line for each affected member of any cohort, ascending by id.

    Columns: member, cohorts, reasons, first_used_at; words joined by a space, in the order of the
    cohorts and of the reasons. Cells are guarded as in `members_csv`, and it is as private.
    Cost: one sort over the members' reasons; the text of each line is made once.
    """
    parts = []
    for number, cohort in enumerate(report.cohorts):
        members = cohort.affected.members
        rank = pc.index_in(members["reason"].cast(pa.string()), pa.array(REASONS))
        parts.append(
            pa.table(
                {
                    "member": members["member"].cast(pa.large_string()),
                    "cohort": pa.array([number] * members.num_rows, pa.int32()),
                    "reason": rank,
                    "first": members["first_used_at"],
                }
            )
        )
    whole = pa.concat_tables(parts)
    names = pa.array([c.affected.cohort.name for c in report.cohorts], pa.string())
    first = whole.group_by("member", use_threads=False).aggregate([("first", "min")])
    first = first.sort_by("member")
    columns = {
        "member": _guarded(first["member"]),
        "cohorts": _guarded(_joined(whole, "cohort", names)),
        "reasons": _joined(whole, "reason", pa.array(REASONS)),
        "first_used_at": _instant(first["first_min"]),
    }
    out = io.BytesIO()
    csv.write_csv(pa.table(columns), out, csv.WriteOptions(quoting_style="all_valid"))
    return out.getvalue()


def _joined(whole: pa.Table, code: str, names: pa.Array) -> pa.Array:
    """Return for each member, ascending, the distinct names of their codes, joined by a space."""
    pairs = whole.select(["member", code]).group_by(["member", code], use_threads=False)
    pairs = pairs.aggregate([]).sort_by([("member", "ascending"), (code, "ascending")])
    grouped = pairs.group_by("member", use_threads=False).aggregate([(code, "list")])
    lists = grouped[f"{code}_list"].combine_chunks()
    words = pa.ListArray.from_arrays(lists.offsets, names.take(lists.values))
    return pc.binary_join(words, " ")


def _instant(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring(pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ"), ".000000Z", "Z")


def _guarded(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    risky = pc.match_substring_regex(column, _FORMULA)
    prefixed = pc.replace_substring_regex(column, "^", "'", max_replacements=1)
    return pc.if_else(risky, prefixed, column)


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


def _undated(practice: Practice) -> int:
    if "sent_at" not in practice.messages.column_names:
        return int(practice.messages.num_rows)
    return int(practice.messages["sent_at"].null_count)
