"""The files of a finished case: counts for everybody, and lists that name members.

`report.json` holds counts and ranges. The other four name members: whoever writes them keeps them
private. A cell that a spreadsheet would take for a formula gets a leading apostrophe (OWASP, "CSV
Injection"), and every text is quoted. Equal cases give equal bytes, whatever engine answered them:
their digests are what a statement (`byleave.evidence.case`) commits to.

The lists are written from pairs that come sorted by member, whole members at a time: no more is
held than the pairs of one member and a batch.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from byleave import canonical
from byleave.exposure.evidence import EVIDENCE, EVIDENCE_COLUMNS
from byleave.exposure.finding import REASONS
from byleave.ids import FAR_FUTURE_US
from byleave.service.case import CaseReport

__all__ = [
    "PRIVATE_FILES",
    "REPORT_FILE",
    "REPORT_SCHEMA",
    "guarded",
    "report_bytes",
    "timed",
    "write_lists",
]

Array = Any  # a NumPy array; its element type is named where it is made

REPORT_FILE: Final = "report.json"
REPORT_SCHEMA: Final = "byleave/case/v1"
PRIVATE_FILES: Final = ("members.csv", "members.jsonl", "notices.csv", "evidence.csv")
"""The lists: members with each reason, as CSV and as JSON lines; whom to tell; every pair."""
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

Scratch = Callable[[], BinaryIO]


def report_bytes(report: CaseReport) -> bytes:
    """Return the object that `--json` prints, in its one spelling; no id of a member."""
    return canonical.encode({"schema": REPORT_SCHEMA, **report.to_dict()})


def write_lists(
    report: CaseReport,
    files: Mapping[str, BinaryIO],
    *,
    scratch: Scratch,
    progress: Callable[[str, int, int], None] | None = None,
) -> None:
    """Write lists of a report, in one pass over its pairs.

    `members.csv`   cohort, member, reason, messages, first_used_at, then what is behind them:
                    distinct ids and row numbers, joined by a space; a space within an id is
                    written %20, and % is %25. By cohort, member, reason.
    `members.jsonl` the same as one JSON object a line, unguarded, ids as text.
    `notices.csv`   one line for each affected member of any cohort: member, cohorts (in the order
                    in which they were asked), reasons (in the order of `REASONS`), the same.
    `evidence.csv`  every affected pair of member and message with the rows that decided it. By
                    cohort, member, row of the message.

    Args:
        report: The answer.
        files: Name of a list (`PRIVATE_FILES`) → where it goes.
        scratch: Opens a stream for what waits its turn; read and written, gone when closed.
        progress: Told how many pairs are written, and of how many.
    """
    names = [cohort.affected.cohort.name for cohort in report.cohorts]
    cohorts = pa.array(names, pa.large_string())
    lists = [_LISTS[name](len(names), stream, scratch) for name, stream in files.items()]
    total = sum(sum(c.affected.by_reason.values()) for c in report.cohorts)
    done = 0
    try:
        for rows in _whole_members(report.pairs_behind()):
            pairs = _Pairs(rows, cohorts)
            for one in lists:
                one.add(pairs)
            done += rows.num_rows
            if progress is not None:
                progress("pairs of member and message written", done, total)
        for one in lists:
            one.close()
    finally:
        for one in lists:
            one.drop()


def _whole_members(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the same rows so that no member's are parted; the first table has no rows."""
    yield EVIDENCE.empty_table()
    held: list[pa.RecordBatch] = []  # what begins with the member of the last row so far
    for batch in batches:
        if not batch.num_rows:
            continue
        held.append(batch)
        last = batch["member"][-1]
        if last == held[0]["member"][0]:
            continue
        # sorted: the rows of the last member are those at the end that equal the last
        others = pc.not_equal(batch["member"], last).to_numpy(zero_copy_only=False)
        at = int(np.flatnonzero(others)[-1]) + 1 if others.any() else 0
        yield pa.Table.from_batches([*held[:-1], batch.slice(0, at)], EVIDENCE).combine_chunks()
        held = [batch.slice(at)]
    if held:
        yield pa.Table.from_batches(held, EVIDENCE).combine_chunks()


class _Pairs:
    """The pairs of some members, and their lines by cohort, worked out once."""

    def __init__(self, pairs: pa.Table, cohorts: pa.Array) -> None:
        self.whole = pairs
        self.cohorts = cohorts
        self._of: dict[int, pa.Table] = {}
        self._members: dict[int, pa.Table] = {}

    def of(self, rank: int) -> pa.Table:
        """Return the pairs of one cohort."""
        if rank not in self._of:
            self._of[rank] = self.whole.filter(pc.equal(self.whole["cohort_rank"], rank))
        return self._of[rank]

    def members(self, rank: int) -> pa.Table:
        """Return a line for each member of one cohort and each reason."""
        if rank not in self._members:
            self._members[rank] = _by_member(self.of(rank), self.cohorts, by_reason=True)
        return self._members[rank]


class _List:
    """One list; those whose cohorts stand one after the other let the later ones wait.

    Args:
        cohorts: How many there are.
        stream: Where it goes.
        scratch: Opens a stream for a cohort that waits.
    """

    by_cohort = True

    def __init__(self, cohorts: int, stream: BinaryIO, scratch: Scratch) -> None:
        later = cohorts - 1 if self.by_cohort else 0
        self._streams = [stream, *(scratch() for _ in range(later))]
        self._begun = False

    def add(self, pairs: _Pairs) -> None:
        """Write the lines of some members."""
        for rank, stream in enumerate(self._streams):
            lines = self._lines(pairs, rank)
            if lines.num_rows or not self._begun:
                self._write(stream, lines)

    def close(self) -> None:
        """Put what waited behind the rest."""
        for stream in self._streams[1:]:
            stream.seek(0)
            shutil.copyfileobj(stream, self._streams[0], 1 << 20)

    def drop(self) -> None:
        """Let go of what waited."""
        for stream in self._streams[1:]:
            stream.close()

    def _lines(self, pairs: _Pairs, rank: int) -> pa.Table:
        raise NotImplementedError

    def _write(self, stream: BinaryIO, lines: pa.Table) -> None:
        header = not self._begun  # the first lines are the header alone, of the first cohort
        self._begun = True
        options = csv.WriteOptions(include_header=header, quoting_style="all_valid")
        csv.write_csv(guarded(lines), stream, options)


class _Members(_List):
    def _lines(self, pairs: _Pairs, rank: int) -> pa.Table:
        return pairs.members(rank)


class _MembersJson(_Members):
    def _write(self, stream: BinaryIO, lines: pa.Table) -> None:
        self._begun = True
        stream.write(_jsonl(lines))


class _Notices(_List):
    by_cohort = False

    def _lines(self, pairs: _Pairs, rank: int) -> pa.Table:
        found = _by_member(pairs.whole, pairs.cohorts, by_reason=False)
        names = ("member", "cohorts", "reasons", "messages", "first_used_at", *_BEHIND)
        return pa.table({name: found[name] for name in names})


class _Evidence(_List):
    def _lines(self, pairs: _Pairs, rank: int) -> pa.Table:
        mine = pairs.of(rank)
        cohort = pairs.cohorts.take(mine["cohort_rank"].combine_chunks())
        names = ("member", "record", "role", "reason", "first_used_at", "delivery")
        columns = {name: mine[name] for name in (*names, *EVIDENCE_COLUMNS)}
        return timed(pa.table({"cohort": cohort, **columns}))


_LISTS: Final[Mapping[str, type[_List]]] = {
    "members.csv": _Members,
    "members.jsonl": _MembersJson,
    "notices.csv": _Notices,
    "evidence.csv": _Evidence,
}


def _by_member(pairs: pa.Table, cohorts: pa.Array, *, by_reason: bool) -> pa.Table:
    """Return one line for each member, with what is behind it joined; pairs come by member.

    Args:
        pairs: Of one cohort, where `by_reason`; else of all.
        cohorts: Names of the cohorts, by rank.
        by_reason: One line for each member and reason instead.
    """
    member = pairs["member"].combine_chunks()
    fresh = np.ones(len(member), dtype=bool)
    fresh[1:] = pc.not_equal(member[1:], member[:-1]).to_numpy(zero_copy_only=False)
    key = np.cumsum(fresh) - 1
    if by_reason:
        key = key * len(REASONS) + _ints(pairs["reason_rank"])
    _, at, group = np.unique(key, return_index=True, return_inverse=True)
    group, place = group.reshape(-1), pa.array(at)
    used = _ints(pairs["first_used_at"].cast(pa.int64()))
    first = np.full(len(at), FAR_FUTURE_US, dtype=np.int64)
    np.minimum.at(first, group, used)
    columns: dict[str, pa.Array] = {}
    if by_reason:
        columns["cohort"] = cohorts.take(pairs["cohort_rank"].combine_chunks().take(place))
    columns["member"] = member.take(place)
    if by_reason:
        columns["reason"] = pairs["reason"].combine_chunks().take(place)
    records, messages = _joined(group, len(at), pairs["record"], ids=True)
    columns["messages"] = pa.array(messages)
    columns["first_used_at"] = pa.array(first).cast(pairs["first_used_at"].type)
    if not by_reason:
        reasons = pa.array(REASONS, pa.large_string())
        columns["cohorts"], _ = _joined(group, len(at), pairs["cohort_rank"], names=cohorts)
        columns["reasons"], _ = _joined(group, len(at), pairs["reason_rank"], names=reasons)
    for name, source in _BEHIND.items():
        ids = source == "delivery"
        columns[name] = (
            records if source == "record" else _joined(group, len(at), pairs[source], ids=ids)[0]
        )
    return timed(pa.table(columns))


def _joined(
    group: Array,
    groups: int,
    column: pa.ChunkedArray,
    *,
    names: pa.Array | None = None,
    ids: bool = False,
) -> tuple[pa.Array, Array]:
    """Return for each group its distinct values joined by a space, and how many they are.

    Values are ascending; an absent one, or an empty text, decided nothing and is no word. Texts
    that are lists of words already are taken whole.

    Args:
        group: int64[n], the group of each row.
        groups: How many there are.
        column: The values.
        names: What each stands for, where they are places in a list.
        ids: Each is one word, whatever is in it.
    """
    encoded = column.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    values = encoded.dictionary.take(order)
    place = np.empty(len(values), dtype=np.int64)
    place[order.to_numpy()] = np.arange(len(values))
    codes = _ints(pc.fill_null(encoded.indices.cast(pa.int64()), -1))
    known = codes >= 0
    if pa.types.is_large_string(column.type):
        filled = pc.not_equal(encoded.dictionary, "").to_numpy(zero_copy_only=False)
        known[known] = filled[codes[known]]
    pairs = np.unique(group[known] * max(len(values), 1) + place[codes[known]])
    who, value = np.divmod(pairs, max(len(values), 1))
    offsets = np.searchsorted(who, np.arange(groups + 1))
    texts = values.cast(pa.large_string()) if names is None else names.take(values)
    words = (_word(texts) if ids else texts).take(pa.array(value)).cast(pa.string())
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), words)
    return pc.binary_join(lists, " ").cast(pa.large_string()), np.diff(offsets)


def _ints(column: pa.Array | pa.ChunkedArray) -> Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.int64()).to_numpy(zero_copy_only=False)


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


_TO_ESCAPE: Final = r'[\\"\x00-\x1f]'
_ESCAPES: Final[Mapping[str, str]] = {
    "\\": "\\\\",
    '"': '\\"',
    **{chr(code): f"\\u{code:04x}" for code in range(32)},
}


def _escaped(texts: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring_regex(texts, _TO_ESCAPE), min_count=0).as_py():
        return texts
    for character, written in _ESCAPES.items():
        texts = pc.replace_substring(texts, character, written)
    return texts
