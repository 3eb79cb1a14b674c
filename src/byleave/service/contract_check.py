"""Hold a contract against all rows of its data, and say what the gate would stumble over.

A contract that fits the columns may still name the wrong ones. So every row is read once, the
columns that decide and no others, and what would make rows drop is counted: authors missing, rows
with several parties and no recipient, words that are no category, instants nobody knows, drafts
nobody vouches for. Nothing is decided here, and no id is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.gate.contract import Contract, is_id_list
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at, type_at
from byleave.policy.strict_yaml import nearest
from byleave.policy.taxonomy import Taxonomy
from byleave.service.preview import RowSource

__all__ = ["ColumnCount", "ContractCheck", "Finding", "check_contract"]

_SHOWN_WORDS: Final = 12
_FEW_WORDS: Final = 64
_WORD_LENGTH: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCount:
    """What one column of parties holds.

    Attributes:
        column: Its path.
        role: `author` or `recipient`.
        form: `one` id a row, or a `list`.
        ids: Ids in it, repeats counted.
        missing: Rows without an author; ids that are null inside a list.
    """

    column: str
    role: str
    form: str
    ids: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that makes rows drop, or that nobody can have meant.

    Attributes:
        column: The column it is about, or None.
        rows: How many rows it touches.
        text: What it is, and what follows.
        hint: What to do, or None.
    """

    column: str | None
    rows: int
    text: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCheck:
    """What a contract and its data have to do with each other.

    Attributes:
        digest: Digest of the contract, hexadecimal.
        files: Names of the files read, in order.
        rows: Rows read.
        parties: One count per column of parties.
        categories: Rows per data category, by name.
        digested: Columns that a record's digest covers.
        findings: What makes rows drop; empty: nothing.
    """

    digest: str
    files: tuple[str, ...]
    rows: int
    parties: tuple[ColumnCount, ...]
    categories: dict[str, int]
    digested: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "digest": self.digest,
            "files": list(self.files),
            "rows": self.rows,
            "parties": [
                {"column": p.column, "role": p.role, "form": p.form, "ids": p.ids}
                | {"missing": p.missing}
                for p in self.parties
            ],
            "categories": dict(self.categories),
            "digested": list(self.digested),
            "findings": [
                {"column": f.column, "rows": f.rows, "text": f.text, "hint": f.hint}
                for f in self.findings
            ],
        }


@dataclass(slots=True)
class _Count:
    """What was counted so far."""

    rows: int = 0
    ids: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    no_recipient: int = 0
    words: Counter[str | None] = field(default_factory=Counter)
    undated: int = 0
    drafts: int = 0
    drafts_unknown: int = 0


def check_contract(
    contract: Contract,
    sources: Sequence[RowSource],
    *,
    taxonomy: Taxonomy,
    progress: Callable[[str, int, int], None] | None = None,
) -> ContractCheck:
    """Read every row once and count what the gate would stumble over.

    Args:
        contract: Whose data a row is.
        sources: The files of one data set, at least one; all have the columns of the first.
        taxonomy: The trees in force.
        progress: Called with what is going on, rows done and rows in all.

    Raises:
        InputError: `contract.*`, the first column that does not fit; `data.schema-drift`, a file
            whose columns differ from the first file's; `data.unreadable`.
    """
    first = sources[0]
    for source in sources:
        contract.check(source.schema, data=source.name)
        _same_columns(contract, first, source)
    count = _Count()
    total = sum(source.rows or 0 for source in sources)
    for source in sources:
        for batch in source.batches(contract.roots(source.schema)):
            _add(count, contract, batch)
            if progress is not None:
                progress("rows read", count.rows, max(total, count.rows))
    categories = _categories(contract, count, taxonomy)
    schema = first.schema
    return ContractCheck(
        digest=contract.digest.hex(),
        files=tuple(source.name for source in sources),
        rows=count.rows,
        parties=tuple(
            ColumnCount(
                column=column,
                role="recipient" if at else "author",
                form="list" if is_id_list(type_at(column, schema)) else "one",
                ids=count.ids[column],
                missing=count.missing[column],
            )
            for at, column in enumerate((contract.author, *contract.recipients))
        ),
        categories=dict(sorted(categories.items())),
        digested=contract.digest_columns(schema),
        findings=tuple(_findings(contract, count, categories, taxonomy)),
    )


def _same_columns(contract: Contract, first: RowSource, other: RowSource) -> None:
    """Refuse a file whose columns that matter have other types than the first file's."""
    matter = (*contract.record_id, *contract.read_columns, *contract.digest_columns(first.schema))
    for column in dict.fromkeys(matter):
        wanted, found = type_at(column, first.schema), type_at(column, other.schema)
        if wanted != found:
            raise InputError(
                f'column "{column}" holds {wanted} in {first.name} and {found} in {other.name}',
                code="data.schema-drift",
                where=other.name,
                hint="write the files of one data set with one schema",
            )


def _add(count: _Count, contract: Contract, batch: pa.RecordBatch) -> None:
    count.rows += batch.num_rows
    author = column_at(batch, contract.author)
    count.ids[contract.author] += batch.num_rows - author.null_count
    count.missing[contract.author] += author.null_count
    named = np.zeros(batch.num_rows, np.int64)
    for name in contract.recipients:
        column = column_at(batch, name)
        if is_id_list(column.type):
            items = pc.list_flatten(column)
            named += np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
            count.missing[name] += items.null_count
            count.ids[name] += len(items) - items.null_count
        else:
            named += np.asarray(column.is_valid(), np.int64)
            count.ids[name] += len(column) - column.null_count
    count.no_recipient += int((named == 0).sum())
    if contract.category is not None:
        words = pc.value_counts(ids_as_text(column_at(batch, contract.category)))
        for pair in words.to_pylist():
            count.words[pair["values"]] += pair["counts"]
    if contract.collected_at is not None:
        collected = column_at(batch, contract.collected_at)
        count.undated += collected.null_count
        if pa.types.is_string(collected.type) or pa.types.is_large_string(collected.type):
            count.undated += int(pc.sum(pc.equal(collected, "")).as_py() or 0)
    if contract.draft is not None:
        draft = column_at(batch, contract.draft)
        count.drafts += int(pc.sum(draft).as_py() or 0)
        count.drafts_unknown += draft.null_count


def _categories(contract: Contract, count: _Count, taxonomy: Taxonomy) -> Counter[str]:
    """Return rows per data category; words that are none are left out."""
    leaves = taxonomy.leaves("categories")
    named: Counter[str] = Counter()
    for word, rows in _words_of(contract, count).items():
        meant = word if contract.kinds is None else contract.kinds.get(word or "")
        if meant in leaves:
            named[str(meant)] += rows
    return named


def _words_of(contract: Contract, count: _Count) -> Counter[str | None]:
    if contract.category is not None:
        return count.words
    return Counter({contract.category_constant: count.rows})


def _findings(
    contract: Contract, count: _Count, categories: Counter[str], taxonomy: Taxonomy
) -> list[Finding]:
    found = [
        Finding(column=contract.author, rows=n, text="no author: the rows drop, party-missing")
        for n in [count.missing[contract.author]]
    ]
    found += [
        Finding(
            column=name,
            rows=count.missing[name],
            text="ids that are null inside a list: their rows drop, party-missing",
        )
        for name in contract.recipients
    ]
    if any(taxonomy.has_several_parties(category) for category in categories):
        found.append(
            Finding(
                column=", ".join(contract.recipients) or None,
                rows=count.no_recipient,
                text="no recipient: rows of a category with several parties drop, party-missing",
                hint=None if contract.recipients else "name the column under parties: recipients",
            )
        )
    found += _words(contract, count, taxonomy)
    if contract.collected_at is None:
        found.append(
            Finding(
                column=None,
                rows=count.rows,
                text="no collected_at: a yes that does not reach back covers none of these rows",
                hint="collected_at: COLUMN",
            )
        )
    found += [
        Finding(
            column=contract.collected_at,
            rows=count.undated,
            text="no instant: a yes that does not reach back does not cover these rows",
        ),
        Finding(
            column=contract.draft,
            rows=count.drafts_unknown,
            text="nobody says that these were sent: they count as drafts and drop",
        ),
    ]
    return [finding for finding in found if finding.rows]


def _words(contract: Contract, count: _Count, taxonomy: Taxonomy) -> list[Finding]:
    """Return the words that mean no category, most rows first.

    A column of many words is none of categories, and may hold what people wrote: none is shown.
    """
    leaves = taxonomy.leaves("categories")
    words = _words_of(contract, count)
    if len(words) > _FEW_WORDS:
        text = f"{len(words):,} different words: this is no column of categories"
        return [Finding(column=contract.category, rows=count.rows, text=text)]
    found = []
    for word, rows in words.most_common():
        meant = contract.kinds.get(word or "") if contract.kinds is not None else word
        if meant in leaves:
            continue
        shown = "no category" if word is None else f"{word[:_WORD_LENGTH]!r} is no category"
        if contract.kinds is not None and meant is not None:
            shown = f"kinds: {meant[:_WORD_LENGTH]!r} is no category"
        elif contract.kinds is not None and word is not None:
            shown = f"kinds: does not list {word[:_WORD_LENGTH]!r}"
        found.append(
            Finding(
                column=contract.category,
                rows=rows,
                text=f"{shown}: the rows drop, category-unknown",
                hint=nearest(meant or word or "", leaves),
            )
        )
    return found[:_SHOWN_WORDS]
