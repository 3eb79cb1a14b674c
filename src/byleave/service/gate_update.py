"""Run a gate again after a few people changed their mind: only the rows they touch are decided.

The record is the one a full run would log, with the parent gate's log index beside it; the reasons
are the parent's and a patch. Where that is not sure to be so, or not worth it, a full run it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.errors import EvidenceError
from byleave.gate.counts import Counts
from byleave.gate.incremental import MOST_CHANGED, Patch, changed_ordinals, comparable, patch
from byleave.gate.plan import GatePlan
from byleave.gate.resolved import RowBlock, join_blocks
from byleave.gate.result import Dropped, GatedTable, GateRun
from byleave.ids import parse_instant
from byleave.policy.ruleset import PartyRule
from byleave.service.compile import Compiled, bring, compile_for
from byleave.service.gate import Decided, decide, gate_document, log_gate, run_gate
from byleave.service.gate_parts import PATCH, reason_file, write_reasons
from byleave.service.gate_rows import Piece, Rows
from byleave.service.house import House
from byleave.service.inverted import inverted_of
from byleave.service.kept_plan import compile_now, plan_of_gate, write_plan
from byleave.service.source import Source, open_source

__all__ = ["Updated", "find_patch", "gate_again", "gather", "touched_rows", "update_gate"]

_LONGEST: Final = 32
"""Patches one upon another, after which a full run writes all reasons anew."""

Blocks = Sequence[tuple[Piece, RowBlock]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """A gate run again.

    Attributes:
        gate: Its id.
        index: Its log index.
        gated: What passed.
        touched: Rows decided again; None after a full run.
        why_full: Why it was a full run, in words; None where it was not.
    """

    gate: str
    index: int
    gated: GatedTable
    touched: int | None
    why_full: str | None


def update_gate(house: House, gate: str, *, at: datetime | None = None) -> Updated:
    """Run a logged gate again, as things stand now.

    Args:
        house: The workspace's ports.
        gate: Id of the gate, the parent of the new one.
        at: Instant of the decision; default now.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`.
        ConflictError: `data.changed`.
        WorldError: `world.disk-full`, `world.storage`; nothing is left behind.

    Others may write while it computes, as `run_gate`.
    """
    parent, document = gate_document(house, gate)
    done: Decided | None = None
    try:
        with house.aside():
            done, found = _updated(house, gate, document, at)
        if isinstance(found, str):
            name, index = log_gate(house, done)
        else:
            more = {"parent_gate": gate, "patches": document.get("patches", 0) + 1}
            name, index = log_gate(house, done, parent=parent, also=more)
    except BaseException:
        if done is not None:
            done.folder.discard()
        raise
    full = isinstance(found, str)
    return Updated(
        gate=name,
        index=index,
        gated=done.gated,
        touched=None if isinstance(found, str) else found.touched,
        why_full=str(found) if full else None,
    )


def _updated(
    house: House, gate: str, document: Mapping[str, Any], at: datetime | None
) -> tuple[Decided, Patch | str]:
    """Decide what changed since a gate, into claimed work; or all, with the reason why."""
    word = document["party_rule"]
    rule = None if word is None else PartyRule.parse(word)
    source = open_source(house, document["source"])
    before = plan_of_gate(house, gate, document)
    now = None if before is None else bring(house, before, at)
    if now is None:
        now = compile_now(house, source, document["use"], at=at, party_rule=rule)
        now = replace(now, among=None)
    old = _plan_then(house, source, document) if before is None else before.plan
    made = find_patch(house, source, document, old, now)
    if isinstance(made, str):
        return decide(house, source, document["use"], now), made
    going = GateRun(now.plan, house.engine, schema=source.schema, data=source.name)
    going.counts.merge(made.counts)
    gated = going.table(source.batches, source.rows)
    folder = house.artefacts.claim(f"update-{gate}")
    try:
        with folder.create(PATCH) as stream, reason_file(stream) as writer:
            write_reasons(
                writer,
                Dropped(row=made.row, reason=made.reason, party=made.party, member=made.member),
            )
        done = Decided(
            source=source,
            use=document["use"],
            made=now,
            gated=gated,
            folder=folder,
            files={PATCH: folder.digests[PATCH]},
            kept_plan=write_plan(house, folder, now),
        )
    except BaseException:
        folder.discard()
        raise
    return done, made


def gate_again(house: House, index: int, *, as_use: str) -> int:
    """Run the gate of a log entry again as of now, for one use; return the new one's log index.

    Args:
        house: The workspace's ports.
        index: Log index of the gate.
        as_use: For what; where the gate was run for something else, or as a what-if, in full.

    Raises:
        EvidenceError: `workspace.damaged`, there is no such gate.
    """
    found = house.ledger.object_at(index)
    if found is None or found[0] != "gate":
        raise EvidenceError("a gate that the ledger names is gone", code="workspace.damaged")
    _, name, _, document = found
    if document["party_rule"] is None and document["scope"] == as_use:
        return update_gate(house, name).index
    return run_gate(house, document["source"], as_use)[1]


def find_patch(
    house: House,
    source: Source,
    document: Mapping[str, Any],
    old: GatePlan | None,
    now: Compiled,
) -> Patch | str:
    """Return what became another since a gate ran, or why that takes a full run.

    Args:
        house: The workspace's ports.
        source: Its data.
        document: Its document.
        old: The plan by which it ran; None: gone.
        now: The plan now.
    """
    if document.get("patches", 0) >= _LONGEST:
        return f"{_LONGEST} patches stand one upon another"
    found = touched_rows(house, source, old, now)
    if isinstance(found, str) or old is None:
        return str(found)
    return _decide(house, old, now.plan, *found, Counts.of_document(document))


def touched_rows(
    house: House, source: Source, old: GatePlan | None, now: Compiled
) -> tuple[npt.NDArray[np.int64], Blocks] | str:
    """Return the rows of members whose answer changed, and all rows resolved; or why it cannot.

    Args:
        house: The workspace's ports.
        source: The data.
        old: The plan by which a gate ran; None: gone.
        now: The plan now, which tells whom it was patched for if it was made of `old`.
    """
    plan = now.plan
    if old is None or not comparable(old, plan):
        return "rulesets, terms or the contract changed"
    changed = changed_ordinals(old, plan, among=now.among)
    if len(changed) > MOST_CHANGED * len(plan.members):
        return f"{len(changed):,} of {len(plan.members):,} members changed"
    rows = Rows(house, source, plan)
    blocks = None if house.read_only else rows.blocks()
    inverted = None if blocks is None else inverted_of(house, source, rows, blocks)
    if blocks is None or inverted is None:
        return "the rows of each member could not be kept"
    return inverted.of(changed), blocks


def gather(touched: npt.NDArray[np.int64], blocks: Blocks) -> RowBlock | None:
    """Return some rows of all blocks as one; None where there are none."""
    firsts = np.array([piece.first_row for piece, _ in blocks], np.int64)
    edges = np.append(np.searchsorted(touched, firsts), len(touched))
    parts = [
        block.take(touched[edges[n] : edges[n + 1]] - piece.first_row)
        for n, (piece, block) in enumerate(blocks)
        if edges[n] < edges[n + 1]
    ]
    return join_blocks(parts) if parts else None


def _decide(
    house: House,
    old: GatePlan,
    new: GatePlan,
    touched: npt.NDArray[np.int64],
    blocks: Blocks,
    counts: Counts,
) -> Patch:
    """Gather the touched rows of all blocks, and decide them under both plans."""
    some = gather(touched, blocks)
    if some is None:
        none = np.zeros(0, np.int64)
        kept = Counts()
        kept.merge(counts)
        return Patch(
            row=none,
            reason=none.astype(np.uint8),
            party=none.astype(np.int32),
            member=none,
            touched=0,
            counts=kept,
        )
    return patch(old, new, touched, some, counts, house.engine)


def _plan_then(house: House, source: Source, document: Mapping[str, Any]) -> GatePlan | None:
    """Compile the plan of a gate that ran, in full as of then; None: it is another now."""
    word = document["party_rule"]
    plan = compile_for(
        house,
        source,
        document["use"],
        at=parse_instant(document["at"]),
        before=document["ledger"] + 1,
        party_rule=None if word is None else PartyRule.parse(word),
    )
    return plan if plan.digest.hex() == document["plan"] else None
