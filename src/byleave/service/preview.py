"""Say what the gate would keep of one file, and why: nothing stored, no log, no keys.

Grants are taken at their word: a plain table has no notices, so G2 cannot be checked, and the
result says so. Everyone who appears in the file counts as on record; who has no row in the
consent table is silent (`no-grant`). Format and decisions: docs/spec/gate.md §5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EvidenceGrade
from byleave.consent.reason import Ground, Reason
from byleave.consent.state import build
from byleave.errors import ByleaveError, InputError
from byleave.gate.contract import Contract, is_id_list
from byleave.gate.members import MemberIndex, ids_as_text
from byleave.gate.nested import column_at, root_of, type_at
from byleave.gate.plan import GatePlan, MemberFacts, compile_plan, uses_of
from byleave.gate.result import record_ids
from byleave.gate.rows import GateEngine, RowDecisions
from byleave.ids import format_instant
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.policy.strict_yaml import nearest
from byleave.policy.taxonomy import Taxonomy
from byleave.service.consent_table import ConsentTable
from byleave.service.what_if import AS_IT_IS, RuleCount, Variant

__all__ = ["SCHEMA", "PreviewResult", "ReasonCount", "RowSource", "Sample", "preview"]

SCHEMA: Final = "byleave/preview/v1"
RULES: Final = (PartyRule.AUTHOR, PartyRule.ANY, PartyRule.ALL)
Progress = Callable[[str, int, int], None]
Counts = npt.NDArray[np.int64]


class RowSource(Protocol):
    """A file of rows that can be read more than once."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        ...

    @property
    def rows(self) -> int | None:
        """Its number of rows, where that is known beforehand."""
        ...

    @property
    def sha256(self) -> str:
        """Digest of its bytes, in hexadecimal."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read these columns of all rows, in order.

        Raises:
            InputError: `data.unreadable`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """Rows dropped for one reason.

    Attributes:
        reason: The stable word.
        rows: How many rows.
        members: How many distinct members it is about; None where it is about none.
        meaning: What it means, for people.
    """

    reason: str
    rows: int
    members: int | None
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row: its number, its record id, its reason, and which party it is about."""

    row: int
    record_id: str | None
    reason: str
    party: str | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreviewResult:
    """What the gate would do with one file.

    Attributes:
        data: Name of the file.
        sha256: Digest of its bytes.
        use: What was asked for.
        at: The instant of the decision, RFC 3339.
        rulesets: Version of the rulesets.
        rows: Rows read.
        members: Distinct members in them.
        kept: Rows kept.
        grounds: Word → rows kept on it.
        reasons: Why the others were not, most rows first.
        party_rule: `by region`, or the rule that was asked for.
        party_rules: `author`, `any`, `all` → rows kept under each.
        has_several_parties: Whether the use names a category whose records have recipients.
        regions: Region (`unknown` for none) → members.
        notes: What the reader must know, as (word, sentence).
        samples: Rows asked for by reason.
        compared: The rules in force first, then each party rule and each book asked for.
        plan: Digest of the plan.
    """

    data: str
    sha256: str
    use: str
    at: str
    rulesets: str
    rows: int
    members: int
    kept: int
    grounds: Mapping[str, int]
    reasons: tuple[ReasonCount, ...]
    party_rule: str
    party_rules: Mapping[str, int]
    has_several_parties: bool
    regions: Mapping[str, int]
    notes: tuple[tuple[str, str], ...]
    samples: tuple[Sample, ...]
    compared: tuple[Variant, ...]
    plan: str

    def __post_init__(self) -> None:
        if self.kept + sum(r.rows for r in self.reasons) != self.rows:
            raise ByleaveError("kept and dropped rows do not sum to the input", code="gate.sum")

    @property
    def share(self) -> float:
        """Share of rows kept; 0 of an empty file."""
        return _share(self.kept, self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints, without its schema."""
        return {
            "input": {
                "data": self.data,
                "sha256": self.sha256,
                "rows": self.rows,
                "members": self.members,
            },
            "use": self.use,
            "at": self.at,
            "rulesets": self.rulesets,
            "plan": self.plan,
            "rows": self.rows,
            "kept": self.kept,
            "dropped": self.rows - self.kept,
            "share": self.share,
            "grounds": dict(self.grounds),
            "reasons": {r.reason: r.rows for r in self.reasons},
            "reason_members": {r.reason: r.members for r in self.reasons},
            "party_rule": self.party_rule,
            "party_rules": {w: _share(n, self.rows) for w, n in self.party_rules.items()},
            "party_rules_kept": dict(self.party_rules),
            "compared": [variant.to_dict() for variant in self.compared],
            "regions": dict(self.regions),
            "notes": [{"note": word, "text": text} for word, text in self.notes],
            "samples": [
                {"row": s.row, "record_id": s.record_id, "reason": s.reason, "party": s.party}
                for s in self.samples
            ],
        }

    def __repr__(self) -> str:
        from byleave.service.preview_text import preview_lines  # noqa: PLC0415 (it reads this)

        return "\n".join(preview_lines(self))


@dataclass(slots=True)
class _Tally:
    """Counts over batches of the plan asked for, and of the rules it is compared with."""

    members: int
    rows: int = 0
    reasons: Counts = field(default_factory=lambda: np.zeros(256, np.int64))
    grounds: Counts = field(default_factory=lambda: np.zeros(256, np.int64))
    seen: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    compared: tuple[Variant, ...] = ()

    def add(self, decided: RowDecisions) -> None:
        self.reasons += np.bincount(decided.reason, minlength=256)
        self.grounds += np.bincount(decided.ground[decided.offsets[:-1]], minlength=256)
        for code in np.unique(decided.reason).tolist():
            who = decided.member[(decided.reason == code) & (decided.member >= 0)]
            flags = self.seen.setdefault(code, np.zeros(self.members, np.bool_))
            flags[who] = True


def preview(
    source: RowSource,
    *,
    contract: Contract,
    consent: ConsentTable,
    use: str,
    at: datetime,
    taxonomy: Taxonomy,
    rules: RuleBook,
    engine: GateEngine,
    region_column: str | None = None,
    party_rule: PartyRule | None = None,
    reason: str | None = None,
    sample: int = 0,
    compare_rules: Mapping[str, RuleBook] | None = None,
    progress: Progress | None = None,
) -> PreviewResult:
    """Put a file through the gate and count.

    Args:
        source: The file.
        contract: Whose data a row is.
        consent: What the members decided.
        use: `PURPOSE/CATEGORY/RECIPIENT`; the category may be a group, or `*`.
        at: The instant of the decision.
        taxonomy: The trees in force.
        rules: The rulesets in force.
        engine: How rows are decided.
        region_column: Column of regions, in the consent table (of the member) or else in the file
            (of the row's author).
        party_rule: Overrides the rulesets' party rule.
        reason: Show rows with this reason.
        sample: How many.
        compare_rules: Other rulesets, by label, to count the same rows under.
        progress: Called with what is going on, rows done and rows in all.

    Raises:
        InputError: `use.*`; `contract.*`; `gate.region-column`; `data.unreadable`.
    """
    scope = taxonomy.scope(use)
    uses = uses_of(scope, taxonomy)
    wanted = None if reason is None else _reason(reason)
    contract.check(source.schema, data=source.name)
    members, appearing, facts = _members(source, contract, consent, region_column, progress)
    columns = consent.events(members)
    states = [
        build(columns, u, at=at, members=len(members), notices={}, accepted=EvidenceGrade.NONE)
        for u in uses
    ]

    def compiled(book: RuleBook) -> GatePlan:
        return compile_plan(
            scope,
            at=at,
            contract=contract,
            taxonomy=taxonomy,
            rules=book,
            states=states,
            members=members,
            facts=facts,
            ledger=len(columns) - 1,
            party_rule=party_rule,
        )

    plan = compiled(rules)
    plans = {AS_IT_IS: plan, **{rule.word: plan.with_party_rule(rule) for rule in RULES}}
    plans |= {label: compiled(book) for label, book in (compare_rules or {}).items()}
    tally = _count(source, plans, engine, wanted, sample, progress)
    kept = {variant.label: variant.kept for variant in tally.compared}
    return PreviewResult(
        data=source.name,
        sha256=source.sha256,
        use=str(scope),
        at=format_instant(at),
        rulesets=rules.version,
        rows=tally.rows,
        members=int(appearing),
        kept=int(tally.reasons[Reason.KEPT]),
        grounds={g.word: int(tally.grounds[g]) for g in Ground if tally.grounds[g]},
        reasons=_reasons(tally),
        party_rule="by region" if party_rule is None else party_rule.word,
        party_rules={rule.word: kept[rule.word] for rule in RULES},
        has_several_parties=any(c.several for c in plan.categories),
        regions=_region_counts(facts),
        notes=_notes(plan, consent, facts, rules, tally),
        samples=tuple(tally.samples),
        compared=tally.compared,
        plan=plan.digest.hex(),
    )


def _count(
    source: RowSource,
    plans: Mapping[str, GatePlan],
    engine: GateEngine,
    wanted: Reason | None,
    sample: int,
    progress: Progress | None,
) -> _Tally:
    plan = plans[AS_IT_IS]
    tally, others = _Tally(len(plan.members)), RuleCount(plans, engine)
    contract = plan.contract
    ids = contract.record_id if wanted is not None else ()
    read = contract.roots(source.schema, *ids)
    for batch in source.batches(read):
        decided = engine.decide(plan, engine.resolve(plan, batch))
        tally.add(decided)
        others.add(batch)
        if wanted is not None and len(tally.samples) < sample:
            tally.samples += _samples(
                batch, ids, decided, wanted, tally.rows, sample - len(tally.samples)
            )
        tally.rows += batch.num_rows
        if progress is not None:
            progress("rows decided", tally.rows, source.rows or tally.rows)
    tally.compared = others.comparison().variants
    return tally


def _members(
    source: RowSource,
    contract: Contract,
    consent: ConsentTable,
    region_column: str | None,
    progress: Progress | None,
) -> tuple[MemberIndex, int, MemberFacts]:
    """Return everyone in either table, how many are in the file, and the region of each."""
    regional = region_column if consent.region is None else None
    if regional is not None and type_at(regional, source.schema) is None:
        raise InputError(
            f'neither {consent.name} nor {source.name} has a column "{region_column}"',
            code="gate.region-column",
            hint=nearest(regional, source.schema.names),
        )
    columns = (contract.author, *contract.recipients)
    wanted = columns if regional is None else (*columns, regional)
    roots = dict.fromkeys(root_of(c, source.schema) for c in wanted)
    parts: list[pa.Array] = []
    pairs: list[pa.Table] = []
    done = 0
    for batch in source.batches(tuple(roots)):
        for name in columns:
            column = column_at(batch, name)
            flat = pc.list_flatten(column) if is_id_list(column.type) else column
            parts.append(pc.unique(ids_as_text(flat)).drop_null())
        if regional is not None:
            author, region = column_at(batch, contract.author), column_at(batch, regional)
            pairs.append(_pairs(ids_as_text(author), ids_as_text(region)))
        done += batch.num_rows
        if progress is not None:
            progress("rows read for ids", done, source.rows or done)
    none = pa.array([], pa.large_string())
    appearing = pc.unique(pa.chunked_array([none, *parts]))
    everyone = pc.unique(pa.chunked_array([consent.member, appearing]))
    members = MemberIndex.of(everyone)
    if consent.region is not None:
        pairs = [_pairs(consent.member, consent.region)]
    return members, len(appearing), _facts(members, pairs)


def _pairs(member: pa.Array, region: pa.Array) -> pa.Table:
    table = pa.table({"member": member, "region": pc.utf8_lower(region)})
    return table.group_by(["member", "region"]).aggregate([])


def _facts(members: MemberIndex, pairs: Sequence[pa.Table]) -> MemberFacts:
    """Return each member's region; unknown where there is none, or more than one."""
    facts = MemberFacts.unknown(len(members))
    if not pairs:
        return facts
    table = pa.concat_tables(pairs).group_by(["member", "region"]).aggregate([])
    table = table.filter(
        pc.and_kleene(pc.is_valid(table["member"]), pc.not_equal(table["region"], ""))
    ).combine_chunks()
    ordinals = members.resolve(table["member"].combine_chunks())
    alone = (np.bincount(ordinals, minlength=len(members)) == 1)[ordinals]
    regions = table["region"].combine_chunks().dictionary_encode()
    region_id = facts.region_id.copy()
    region_id[ordinals[alone]] = np.asarray(regions.indices.cast(pa.int64()))[alone] + 1
    return replace(facts, regions=(None, *regions.dictionary.to_pylist()), region_id=region_id)


def _reason(word: str) -> Reason:
    words = {reason.word: reason for reason in Reason}
    if word not in words:
        raise InputError(
            f"unknown reason {word[:40]!r}",
            code="input.malformed",
            hint=nearest(word, words) or f"one of: {', '.join(sorted(words))}",
        )
    return words[word]


def _samples(
    batch: pa.RecordBatch,
    ids: Sequence[str],
    decided: RowDecisions,
    wanted: Reason,
    first_row: int,
    count: int,
) -> list[Sample]:
    rows = np.flatnonzero(decided.reason == wanted)[:count]
    names = record_ids(ids, batch.take(pa.array(rows))).to_pylist() if ids else [None] * len(rows)
    return [
        Sample(
            row=first_row + row,
            record_id=name,
            reason=wanted.word,
            party=_party(int(decided.party[row])),
        )
        for row, name in zip(rows.tolist(), names, strict=True)
    ]


def _party(position: int) -> str | None:
    if position < 0:
        return None
    return "author" if position == 0 else f"recipient {position}"


def _reasons(tally: _Tally) -> tuple[ReasonCount, ...]:
    dropped = [r for r in Reason if r is not Reason.KEPT and tally.reasons[r]]
    return tuple(
        ReasonCount(
            reason=r.word,
            rows=int(tally.reasons[r]),
            members=int(tally.seen[r].sum()) or None,
            meaning=r.meaning,
        )
        for r in sorted(dropped, key=lambda r: (-tally.reasons[r], r.word))
    )


def _region_counts(facts: MemberFacts) -> dict[str, int]:
    counts = np.bincount(facts.region_id, minlength=len(facts.regions))
    named = {r or "unknown": int(counts[i]) for i, r in enumerate(facts.regions)}
    return {name: count for name, count in sorted(named.items()) if count}


def _notes(
    plan: GatePlan, consent: ConsentTable, facts: MemberFacts, rules: RuleBook, tally: _Tally
) -> tuple[tuple[str, str], ...]:
    notes: dict[str, str] = {}
    resting = int(tally.grounds[Ground.CONSENT] + tally.grounds[Ground.CONSENT_OF_ANOTHER_PARTY])
    if resting:
        notes["evidence-grade"] = (
            "a table has no notices: its grants are taken at their word; "
            f"without the text each answered, these {resting:,} rows would drop"
        )
    if not consent.is_dated and len(consent.member):
        notes["undated"] = (
            "the table has no `effective`: each grant is taken to have held always, for all data"
        )
    lost = np.array([not rules.knows(r, at=plan.at) for r in facts.regions], np.bool_)
    strangers = int(lost[facts.region_id].sum())
    if strangers:
        notes["region-unknown"] = f"{strangers:,} members without a known region: strictest rules"
    constant = plan.contract.category_constant
    if constant is not None and not any(c.use.category == constant for c in plan.categories):
        notes["other-category"] = (
            f"the contract says {constant}, and the use asks for {plan.scope.category}: "
            "no row can be kept"
        )
    return tuple(notes.items())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
