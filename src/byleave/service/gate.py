"""Run the gate over a source, at a ledger position and an instant, and log what it decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, encode, sha256
from byleave.consent.reason import Reason
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import GateEntry
from byleave.gate.answers import Answers
from byleave.gate.counts import Counts
from byleave.gate.plan import GatePlan
from byleave.gate.resolved import RowBlock
from byleave.gate.result import GatedTable, GateRun, dropped_of
from byleave.gate.rows import RowDecisions
from byleave.ids import parse_instant, to_us
from byleave.policy.ruleset import PartyRule
from byleave.service.compile import Compiled, compile_for
from byleave.service.gate_parts import (
    PATCH,
    AnswerHash,
    Parts,
    patch_reasons,
    read_reasons,
    reason_names,
    work_name,
)
from byleave.service.gate_rows import Rows
from byleave.service.house import House, StagedFiles
from byleave.service.kept_plan import compile_now, keep_plan, write_plan
from byleave.service.source import Source, Span, open_source
from byleave.snapshot.sealed import erased

__all__ = [
    "Decided",
    "compile_for",
    "decide",
    "dry_run",
    "gate_document",
    "kept_rows",
    "log_gate",
    "reasons_of",
    "replay_gate",
    "run_gate",
]

RECORD: Final = "record.json"


def dry_run(house: House, source: Source, plan: GatePlan, *, fresh: bool = False) -> GatedTable:
    """Decide every row and store nothing; `fresh`: from the data alone, no id resolved before."""
    going = _start(house, source, plan)
    for _ in _through(house, source, going, None, fresh=fresh):
        pass
    return going.table(source.batches, source.rows)


def kept_rows(house: House, source: Source, plan: GatePlan) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows that a plan keeps; int64, ascending. Stores nothing."""
    going = _start(house, source, plan)
    found = [
        np.flatnonzero(decided.reason == Reason.KEPT) + first
        for first, decided in _through(house, source, going, None)
    ]
    going.record(source.rows)
    return np.concatenate([np.zeros(0, np.int64), *found])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """A run that is computed and not logged yet.

    Attributes:
        source: What was decided.
        use: As it was asked.
        made: The plan that decided.
        gated: What passed.
        folder: The claimed folder in which its files stand.
        files: Name and digest of each.
        kept_plan: Digest of the plan written there; None: none is.
    """

    source: Source
    use: str
    made: Compiled
    gated: GatedTable
    folder: StagedFiles
    files: Mapping[str, str]
    kept_plan: str | None


def run_gate(
    house: House,
    name: str,
    use: str,
    *,
    at: datetime | None = None,
    party_rule: PartyRule | None = None,
) -> tuple[str, int, GatedTable]:
    """Run the gate, log its record, and keep the reason of every row left out.

    Rows are read, decided and their reasons written span by span; none is held. What a killed run
    of the same question had finished is taken over where nobody's answer changed since. A run that
    fails or is cancelled leaves nothing.

    Others may write while it computes. It decides by the ledger as it stood when the run began,
    and its record says up to which entry: a choice that came meanwhile is one it did not hear,
    and for everything that is made of it as if it had come afterwards.

    Returns:
        The gate's id, its log index, and the gated table.

    Raises:
        ByleaveError: `gate.sum`.
        ConflictError: `data.changed`, a file of the source was replaced meanwhile;
            `workspace.moved`, rulesets changed or members were erased meanwhile.
        WorldError: `world.disk-full`, `world.storage`.
    """
    done: Decided | None = None
    try:
        with house.aside():
            source = open_source(house, name)
            made = compile_now(house, source, use, at=at, party_rule=party_rule)
            done = decide(house, source, use, made)
        gate, index = log_gate(house, done)
    except BaseException:
        if done is not None:
            done.folder.discard()
        raise
    return gate, index, done.gated


def decide(house: House, source: Source, use: str, made: Compiled) -> Decided:
    """Decide every row under a plan that is compiled, into claimed work; nothing is logged."""
    plan = made.plan
    going = _start(house, source, plan)
    work, stem = work_name(source, use, plan)
    folder = house.artefacts.claim(work)
    house.artefacts.clear(stem, but=work)
    try:
        parts = Parts(folder, list(source.spans()))
        for _ in _through(house, source, going, parts):
            pass
        return Decided(
            source=source,
            use=use,
            made=made,
            gated=going.table(source.batches, source.rows),
            folder=folder,
            files=parts.finish(),
            kept_plan=write_plan(house, folder, made),
        )
    except BaseException:
        folder.discard()
        raise


def log_gate(
    house: House,
    done: Decided,
    *,
    parent: int | None = None,
    also: Mapping[str, Json] | None = None,
) -> tuple[str, int]:
    """Put a run's files in place and log its record; return the gate's id and log index.

    Args:
        house: The workspace's ports; its lock is held.
        done: The run.
        parent: Log index of the gate that the files are a patch of.
        also: What else the gate's document tells.
    """
    gated, folder, source = done.gated, done.folder, done.source
    for file in source.files:
        house.artefacts.require_same(file.path, file.stamp)
    gate = f"gate-{len(house.ledger.objects('gate')) + 1}"
    record = replace(gated.record, parent=parent)
    kept_plan = keep_plan(house, source.name, gate, done.made, (folder, done.kept_plan))
    with folder.create(RECORD) as stream:
        stream.write(encode(record.to_dict()))
    folder.settle(house.artefacts.path("gates", gate))
    entry = GateEntry(
        gate=gate,
        record=record.digest,
        use=record.scope,
        rows=record.rows,
        kept=record.kept,
        plan=record.plan,
        ledger=record.ledger,
        at=parse_instant(record.at),
    )
    document: dict[str, Any] = {
        "gate": gate,
        "source": source.name,
        "use": done.use,
        "members": len(gated.plan.members),
        "engine": {"name": house.engine.name, "pyarrow": pa.__version__},
        "files": {**done.files, RECORD: folder.digests[RECORD]},
        "kept_plan": kept_plan,
        **(also or {}),
        **record.to_dict(),
    }
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object("gate", gate, index=index, at_us=to_us(house.now()), document=document)
    for held in [key for key in house.opened if key[0] == "plan"]:
        del house.opened[held]
    house.opened["plan", gate] = done.made  # an update starts from it
    return gate, index


def _start(house: House, source: Source, plan: GatePlan) -> GateRun:
    return GateRun(plan, house.engine, schema=source.schema, data=source.name)


def _through(
    house: House, source: Source, going: GateRun, parts: Parts | None, *, fresh: bool = False
) -> Iterator[tuple[int, RowDecisions | Answers]]:
    """Decide span by span; yield the first row and the decisions of each batch decided here."""
    resolved = Rows(house, source, going.plan, fresh=fresh)
    done = 0

    def decided(span: Span, counts: Counts) -> Iterator[tuple[int, RowDecisions | Answers]]:
        nonlocal done
        for first, rows in resolved.of(span):
            found: RowDecisions | Answers
            if isinstance(rows, RowBlock):
                found = going.answer(rows, counts)
            else:
                found = going.decide(rows, counts)
            yield first, found
            done += len(found)
            house.progress("rows through the gate", done, source.rows)

    for number, span in enumerate(source.spans()):
        finished = None if parts is None else parts.resume(number)
        counts = Counts() if finished is None else finished.counts
        if finished is not None:
            done += span.rows
        elif parts is None:
            yield from decided(span, counts)
        else:
            batches = decided(span, counts)
            parts.write(number, counts, (dropped_of(rows, first) for first, rows in batches))
        going.counts.merge(counts)
    for file in source.files:
        house.artefacts.require_same(file.path, file.stamp)


def replay_gate(house: House, gate: str) -> tuple[int, dict[str, Any], GatedTable]:
    """Decide a logged gate again at its own ledger position and instant (G5).

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `gate.replay-differs`, the record is not the one logged.
        ErasedError: `evidence.erased`, rows that it read were erased since.
    """
    index, document = gate_document(house, gate)
    rule = document["party_rule"]
    source = open_source(house, document["source"])
    known = house.ledger.object("source", document["source"])
    if known is not None and known[2].get("erased", -1) > index:
        raise erased()
    plan = compile_for(
        house,
        source,
        document["use"],
        at=parse_instant(document["at"]),
        before=document["ledger"] + 1,
        party_rule=None if rule is None else PartyRule.parse(rule),
    )
    going, told = _start(house, source, plan), AnswerHash()
    for first, decided in _through(house, source, going, None, fresh=True):
        gone = dropped_of(decided, first)
        told.add((gone.row, gone.reason, gone.party, gone.member))
    gated = going.table(source.batches, source.rows)
    record = {**gated.record.to_dict(), "parent": document.get("parent")}
    if any(document.get(key) != value for key, value in record.items()):
        raise EvidenceError(
            "deciding again at the same ledger position and instant gave another record",
            code="gate.replay-differs",
            hint="the source, the rulesets or the taxonomy changed since the gate ran",
        )
    stored, kept = AnswerHash(), reasons_of(house, gate)
    stored.add(kept[name].to_numpy() for name in kept.column_names)
    if stored.digest() != told.digest():
        raise EvidenceError(
            "the reasons kept of the gate are not the ones that it gives",
            code="gate.replay-differs",
            where=str(house.artefacts.path("gates", gate)),
        )
    return index, document, gated


def gate_document(house: House, gate: str) -> tuple[int, dict[str, Any]]:
    """Return a gate's log index and document.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("gate", gate)
    if found is None:
        known = [name for _, name, _, _ in house.ledger.objects("gate")]
        raise InputError(
            f"no gate {gate!r}",
            code="workspace.unknown-object",
            hint=f"known: {', '.join(known[-8:])}"
            if known
            else "byleave gate run SOURCE --use USE",
        )
    return found[0], found[2]


def reasons_of(house: House, gate: str) -> pa.Table:
    """Return why each row that a logged gate left out was left out: row, reason, party, member.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`, a file of the gate changed since it ran.
    """
    _, document = gate_document(house, gate)
    files = {name: house.artefacts.read("gates", gate, name) for name in document["files"]}
    for name, digest in document["files"].items():
        if sha256(files[name]).hex() != digest:
            raise EvidenceError(
                "a file of the gate changed since it ran",
                code="workspace.damaged",
                where=str(house.artefacts.path("gates", gate, name)),
            )
    if document.get("parent") is None:
        return read_reasons(files[name] for name in reason_names(files))
    before = reasons_of(house, document["parent_gate"])
    return patch_reasons(before, read_reasons([files[PATCH]]))
