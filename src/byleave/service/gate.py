"""Run the gate over a source, at a ledger position and an instant, and log what it decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from byleave.canonical import digest_of, encode, sha256
from byleave.consent.event import EvidenceGrade
from byleave.consent.state import build
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import GateEntry
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, MemberFacts, compile_plan, uses_of
from byleave.gate.result import GatedTable, run
from byleave.ids import LedgerIndex, parse_instant, to_us
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.policy.scope import Scope
from byleave.service.ages import ages_at
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of
from byleave.service.source import Source, open_source
from byleave.snapshot.sealed import read_table, write_table

__all__ = ["compile_for", "dry_run", "reasons_of", "replay_gate", "run_gate"]

BATCH_ROWS = 1 << 17
REASONS = "reasons.parquet"
RECORD = "record.json"


def compile_for(
    house: House,
    source: Source,
    use: str,
    *,
    at: datetime | None = None,
    before: int | None = None,
    party_rule: PartyRule | None = None,
    rules: RuleBook | None = None,
    accepted: EvidenceGrade | None = None,
) -> GatePlan:
    """Compile the rules for a source: PURPOSE/CATEGORY-OR-GROUP/RECIPIENT at an instant.

    Args:
        house: The workspace's ports.
        source: Whose rows.
        use: Purpose and recipient are leaves; the category may be a group (`messages`).
        at: Instant of the decision; default now.
        before: Read only events below this ledger index; default all.
        party_rule: What-if override of the rulesets' party rule.
        rules: What-if rulesets; default those logged last.
        accepted: What-if evidence grade at which a grant counts; default as the rulesets say.
    """
    scope: Scope = house.taxonomy.scope(use)
    instant = ledger_now(house) if at is None else at
    position = house.ledger.size() if before is None else before
    columns = event_columns(house, before=position)
    notices = coverages(house, before=position)
    rules = rules_as_of(house, position) if rules is None else rules
    accepted = accepted_grade(rules, instant) if accepted is None else accepted
    rows = [row for row in house.ledger.members() if row[3] < position]
    facts = _facts(house, instant, len(rows))
    states = [
        build(columns, leaf, at=instant, members=len(rows), notices=notices, accepted=accepted)
        for leaf in uses_of(scope, house.taxonomy)
    ]
    return compile_plan(
        scope,
        at=instant,
        contract=source.contract,
        taxonomy=house.taxonomy,
        rules=rules,
        states=states,
        members=MemberIndex.of([row[1] for row in rows]),
        facts=facts,
        ledger=position - 1,
        rules_index=_rules_index(house, position),
        party_rule=party_rule,
    )


def dry_run(house: House, source: Source, plan: GatePlan) -> GatedTable:
    """Decide every row and store nothing."""
    table = source.table
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        house.progress("rows through the gate", done, table.num_rows)

    return run(
        plan,
        table.to_batches(max_chunksize=BATCH_ROWS),
        house.engine,
        schema=table.schema,
        data=source.name,
        progress=step,
    )


def run_gate(
    house: House,
    name: str,
    use: str,
    *,
    at: datetime | None = None,
    party_rule: PartyRule | None = None,
) -> tuple[str, int, GatedTable]:
    """Run the gate, log its record, and keep the reason of every row.

    Returns:
        The gate's id, its log index, and the gated table.
    """
    source = open_source(house, name)
    gated = dry_run(house, source, compile_for(house, source, use, at=at, party_rule=party_rule))
    gate = f"gate-{len(house.ledger.objects('gate')) + 1}"
    record = gated.record
    entry = GateEntry(
        gate=gate,
        record=digest_of(record.to_dict()),
        use=record.scope,
        rows=record.rows,
        kept=record.kept,
        plan=record.plan,
        ledger=record.ledger,
        at=parse_instant(record.at),
    )
    dropped = gated.dropped
    reasons = pa.table(
        {
            "row": pa.array(dropped.row),
            "reason": pa.array(dropped.reason),
            "party": pa.array(dropped.party),
            "member": pa.array(dropped.member),
        }
    )
    files = {REASONS: write_table(reasons), RECORD: encode(record.to_dict())}
    house.artefacts.put("gates", gate, files)
    document: dict[str, Any] = {
        "gate": gate,
        "source": name,
        "use": use,
        "members": len(gated.plan.members),
        "files": {name: sha256(data).hex() for name, data in files.items()},
        **record.to_dict(),
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object("gate", gate, index=index, at_us=to_us(house.now()), document=document)
    return gate, index, gated


def replay_gate(house: House, gate: str) -> tuple[int, dict[str, Any], GatedTable]:
    """Decide a logged gate again at its own ledger position and instant (G5).

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `gate.replay-differs`, the record is not the one logged.
    """
    found = house.ledger.object("gate", gate)
    if found is None:
        raise InputError(f"no gate {gate!r}", code="workspace.unknown-object")
    index, _, document = found
    rule = document["party_rule"]
    source = open_source(house, document["source"])
    plan = compile_for(
        house,
        source,
        document["use"],
        at=parse_instant(document["at"]),
        before=document["ledger"] + 1,
        party_rule=None if rule is None else PartyRule.parse(rule),
    )
    gated = dry_run(house, source, plan)
    if any(document[key] != value for key, value in gated.record.to_dict().items()):
        raise EvidenceError(
            "deciding again at the same ledger position and instant gave another record",
            code="gate.replay-differs",
            hint="the source, the rulesets or the taxonomy changed since the gate ran",
        )
    return index, document, gated


def reasons_of(house: House, gate: str) -> pa.Table:
    """Return why each row that a logged gate left out was left out: row, reason, party, member.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`, a file of the gate changed since it ran.
    """
    found = house.ledger.object("gate", gate)
    if found is None:
        raise InputError(f"no gate {gate!r}", code="workspace.unknown-object")
    files = {name: house.artefacts.read("gates", gate, name) for name in found[2]["files"]}
    for name, digest in found[2]["files"].items():
        if sha256(files[name]).hex() != digest:
            raise EvidenceError(
                "a file of the gate changed since it ran",
                code="workspace.damaged",
                where=str(house.artefacts.path("gates", gate, name)),
            )
    return read_table(files[REASONS])


def _facts(house: House, at: datetime, members: int) -> MemberFacts:
    regions: list[str | None] = [None] * members
    for ordinal, region in house.ledger.regions(to_us(at)):
        if ordinal < members:
            regions[ordinal] = region
    return MemberFacts.of(regions, ages_at(house, at, members))


def _rules_index(house: House, before: int) -> LedgerIndex | None:
    rows = [row for row in house.ledger.objects("ruleset") if row[0] < before]
    return LedgerIndex(rows[-1][0]) if rows else None
