"""The files of a finished case: counts for everybody, and lists that name members.

`report.json` holds counts and ranges. The other four name members: whoever writes them keeps them
private. A cell that a spreadsheet would take for a formula gets a leading apostrophe (OWASP, "CSV
Injection"), and every text is quoted. Equal cases give equal bytes: their digests are what a
statement (`byleave.evidence.case`) commits to.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from byleave import canonical
from byleave.errors import InputError
from byleave.exposure.cohort import REASONS, Affected
from byleave.exposure.evidence import evidence
from byleave.service.case import CaseReport

__all__ = ["PRIVATE_FILES", "REPORT_FILE", "REPORT_SCHEMA", "CaseFiles", "guarded", "timed"]

REPORT_FILE: Final = "report.json"
REPORT_SCHEMA: Final = "byleave/case/v1"
PRIVATE_FILES: Final = ("members.csv", "members.jsonl", "notices.csv", "evidence.csv")
_FORMULA: Final = r"^[\s]*[=+\-@\t\r|%]"
_BEHIND: Final = {
    "deliveries": "delivery",
    "records": "record",
    "choice_rows": "choice_row",
    "opt_out_rows": "opt_out_row",
    "subscription_rows": "subscription_rows",
    "region_rows": "region_row",
    "setting_periods": "setting_period",
    "declared_by": "declared_by",
}
"""Columns of a member's line → the column of the pairs whose distinct values they join."""


class CaseFiles:
    """The files of one report; the rows behind the pairs are worked out once, when first asked.

    Args:
        report: The answer.
    """

    def __init__(self, report: CaseReport) -> None:
        self._report = report
        self._whole: pa.Table | None = None

    def all(self) -> dict[str, bytes]:
        """Return every file by its name."""
        return {
            REPORT_FILE: self.report(),
            "members.csv": self.members_csv(),
            "members.jsonl": self.members_jsonl(),
            "notices.csv": self.notices_csv(),
            "evidence.csv": self.evidence_csv(),
        }

    def report(self) -> bytes:
        """Return the object that `--json` prints, in its one spelling; no id of a member."""
        return canonical.encode({"schema": REPORT_SCHEMA, **self._report.to_dict()})

    def members_csv(self) -> bytes:
        """Return every affected member with each reason, and what is behind it.

        Columns: cohort, member, reason, messages, first_used_at, then ids and row numbers: distinct
        ones, joined by a space; a space within an id is written %20, and % is %25.
        """
        return _csv(guarded(self._by_member(("cohort", "member", "reason"))))

    def members_jsonl(self) -> bytes:
        """Return the same as one JSON object a line, unguarded, ids as text."""
        return _jsonl(self._by_member(("cohort", "member", "reason")))

    def notices_csv(self) -> bytes:
        """Return whom to tell: one line for each affected member of any cohort, by id.

        Columns: member, cohorts, reasons, messages, first_used_at, and what is behind it. Cohorts
        stand in the order in which they were asked, reasons in the order of `REASONS`.
        """
        found = self._by_member(("member",))
        columns = {
            "member": found["member"],
            "cohorts": found["cohorts"],
            "reasons": found["reasons"],
            **{name: found[name] for name in ("messages", "first_used_at", *_BEHIND)},
        }
        return _csv(guarded(pa.table(columns)))

    def evidence_csv(self) -> bytes:
        """Return every affected pair of member and message with the rows that decided it."""
        whole = self._pairs()
        table = whole.drop_columns(["cohort_rank", "reason_rank"])
        return _csv(guarded(timed(table)))

    def _pairs(self) -> pa.Table:
        """Return the pairs of every cohort with their evidence, cohorts in order."""
        if self._whole is None:
            case, parts = self._report.case, []
            for rank, cohort in enumerate(self._report.cohorts):
                found = cohort.affected
                if not isinstance(found, Affected):
                    raise InputError(
                        "the rows behind each member are worked out in memory alone",
                        code="case.engine",
                        hint="--engine reference, or --csv and --pairs of what was streamed",
                    )
                pairs = evidence(case.practice, case.choices, found)
                texts = {
                    name: pairs[name].cast(pa.large_string())
                    for name in ("member", "record", "role", "reason", "delivery")
                }
                ranks = pc.index_in(texts["reason"].cast(pa.string()), pa.array(REASONS))
                name = pa.array([found.cohort.name], pa.large_string())
                parts.append(
                    pa.table(
                        {
                            "cohort": name.take(pa.array([0] * pairs.num_rows, pa.int32())),
                            **{c: texts.get(c, pairs[c]) for c in pairs.column_names},
                            "cohort_rank": pa.array([rank] * pairs.num_rows, pa.int32()),
                            "reason_rank": ranks,
                        }
                    )
                )
            self._whole = pa.concat_tables(parts).combine_chunks()
        return self._whole

    def _by_member(self, keys: Sequence[str]) -> pa.Table:
        """Return one row for each distinct `keys`, with counts, and what is behind it joined."""
        whole = self._pairs()
        ranks = {"cohort": "cohort_rank", "member": "member", "reason": "reason_rank"}
        by = [ranks[key] for key in keys]
        grouped = whole.group_by(by, use_threads=False).aggregate(
            [("record", "count_distinct"), ("first_used_at", "min")]
        )
        grouped = grouped.sort_by([(name, "ascending") for name in by])
        names = {
            "cohort": pa.array([c.affected.cohort.name for c in self._report.cohorts]),
            "reason": pa.array(REASONS),
        }
        columns: dict[str, pa.ChunkedArray | pa.Array] = {
            key: grouped["member"]
            if key == "member"
            else names[key].cast(pa.large_string()).take(grouped[ranks[key]].combine_chunks())
            for key in keys
        }
        columns["messages"] = grouped["record_count_distinct"]
        columns["first_used_at"] = grouped["first_used_at_min"]
        for name in ("cohort", "reason"):
            if name not in keys:
                words = {"names": names[name].cast(pa.large_string())}
                columns[f"{name}s"] = _joined(whole, by, ranks[name], **words)
        for name, source in _BEHIND.items():
            columns[name] = _joined(whole, by, source)
        return timed(pa.table(columns))


def _joined(
    whole: pa.Table, by: Sequence[str], column: str, *, names: pa.Array | None = None
) -> pa.Array:
    """Return, for each group in ascending order, its distinct values joined by a space.

    Values are sorted; texts that are lists of words already are taken whole. `names` maps codes.
    """
    keys = [f"key_{n}" for n in range(len(by))]
    table = pa.table(
        {**{key: whole[b] for key, b in zip(keys, by, strict=True)}, "value": whole[column]}
    )
    distinct = table.group_by([*keys, "value"], use_threads=False).aggregate([])
    order: list[tuple[str, str]] = [(key, "ascending") for key in keys]
    distinct = distinct.sort_by([*order, ("value", "ascending")])
    texts = distinct["value"].combine_chunks()
    texts = names.take(texts) if names is not None else texts.cast(pa.large_string())
    texts = _word(texts) if column in {"record", "delivery"} else texts
    # an absent row decided nothing: it becomes no word, and is stripped where it stood first
    texts = pc.fill_null(texts, "")
    grouped = (
        distinct.set_column(len(keys), "value", texts)
        .group_by(keys, use_threads=False)
        .aggregate([("value", "list")])
        .sort_by(order)
    )
    lists = grouped["value_list"].combine_chunks()
    joined = pc.binary_join(lists.cast(pa.list_(pa.string())), " ")
    return pc.utf8_trim_whitespace(joined).cast(pa.large_string())


def _word(texts: pa.Array) -> pa.Array:
    """Return ids as single words."""
    return pc.replace_substring(pc.replace_substring(texts, "%", "%25"), " ", "%20")


def timed(table: pa.Table) -> pa.Table:
    """Return the table with `first_used_at` as text."""
    at = table.column_names.index("first_used_at")
    text = pc.strftime(table["first_used_at"], format="%Y-%m-%dT%H:%M:%SZ")
    return table.set_column(
        at, "first_used_at", pc.replace_substring(text, ".000000Z", "Z").cast(pa.large_string())
    )


def guarded(table: pa.Table) -> pa.Table:
    """Put an apostrophe before every cell that a spreadsheet would run."""
    for number, field in enumerate(table.schema):
        if not pa.types.is_large_string(field.type):
            continue
        column = table[field.name]
        risky = pc.match_substring_regex(column, _FORMULA)
        prefixed = pc.replace_substring_regex(column, "^", "'", max_replacements=1)
        table = table.set_column(number, field.name, pc.if_else(risky, prefixed, column))
    return table


def _csv(table: pa.Table) -> bytes:
    out = io.BytesIO()
    csv.write_csv(table, out, csv.WriteOptions(quoting_style="all_valid"))
    return out.getvalue()


def _jsonl(table: pa.Table) -> bytes:
    """Return one object a line; texts are escaped by the column, not by the row."""
    parts: list[pa.Array | pa.ChunkedArray | str] = []
    for number, name in enumerate(table.column_names):
        column = table[name].combine_chunks()
        text = pa.types.is_large_string(column.type)
        value = _escaped(column) if text else column.cast(pa.large_string())
        quote = '"' if text else ""
        parts += [f'{"," if number else "{"}"{name}":{quote}', value, quote]
    if not table.num_rows:
        return b""
    whole = pc.binary_join_element_wise(*map(_scalar, [*parts, "}\n", ""]))
    return "".join(whole.to_pylist()).encode("utf-8")


def _scalar(part: pa.Array | pa.ChunkedArray | str) -> pa.Array | pa.ChunkedArray | pa.Scalar:
    return pa.scalar(part, pa.large_string()) if isinstance(part, str) else part


_ESCAPES: Final[Mapping[str, str]] = {
    "\\": "\\\\",
    '"': '\\"',
    **{chr(code): f"\\u{code:04x}" for code in range(32)},
}


def _escaped(texts: pa.Array) -> pa.Array:
    for character, written in _ESCAPES.items():
        texts = pc.replace_substring(texts, character, written)
    return texts
