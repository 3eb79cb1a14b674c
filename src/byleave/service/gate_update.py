"""Run a gate again after a few people changed their mind: only the rows they touch are decided.

The record is the one a full run would log, with the parent gate's log index beside it; the reasons
are the parent's and a patch. Where that is not sure to be so, or not worth it, a full run it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from byleave.service.gate import compile_for, gate_document, log_gate, run_gate, run_plan
from byleave.service.gate_parts import PATCH, reason_file, write_reasons
from byleave.service.gate_rows import Piece, Rows
from byleave.service.house import House
from byleave.service.inverted import inverted_of
from byleave.service.source import Source, open_source

__all__ = ["Updated", "find_patch", "gate_again", "update_gate"]

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
    """
    parent, document = gate_document(house, gate)
    word = document["party_rule"]
    rule = None if word is None else PartyRule.parse(word)
    source = open_source(house, document["source"])
    plan = compile_for(house, source, document["use"], at=at, party_rule=rule)
    made = find_patch(house, source, gate, document, plan)
    if isinstance(made, str):
        name, index, gated = run_plan(house, source, document["use"], plan)
        return Updated(gate=name, index=index, gated=gated, touched=None, why_full=made)
    going = GateRun(plan, house.engine, schema=source.schema, data=source.name)
    going.counts.merge(made.counts)
    gated = going.table(source.batches, source.rows)
    folder = house.artefacts.work(f"update-{gate}")
    try:
        with folder.create(PATCH) as stream, reason_file(stream) as writer:
            write_reasons(
                writer,
                Dropped(row=made.row, reason=made.reason, party=made.party, member=made.member),
            )
        name, index = log_gate(
            house,
            source,
            document["use"],
            gated,
            folder,
            {PATCH: folder.digests[PATCH]},
            parent=parent,
            also={"parent_gate": gate, "patches": document.get("patches", 0) + 1},
        )
    except BaseException:
        folder.discard()
        raise
    return Updated(gate=name, index=index, gated=gated, touched=made.touched, why_full=None)


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
    house: House, source: Source, gate: str, document: Mapping[str, Any], plan: GatePlan
) -> Patch | str:
    """Return what became another since a gate ran, or why that takes a full run.

    Args:
        house: The workspace's ports.
        source: Its data.
        gate: Id of the gate.
        document: Its document.
        plan: The plan now.
    """
    if document.get("patches", 0) >= _LONGEST:
        return f"{_LONGEST} patches stand one upon another"
    old = _plan_of(house, source, gate, document)
    if old is None or not comparable(old, plan):
        return "rulesets, terms or the contract changed"
    changed = changed_ordinals(old, plan)
    if len(changed) > MOST_CHANGED * len(plan.members):
        return f"{len(changed):,} of {len(plan.members):,} members changed"
    rows = Rows(house, source, plan)
    blocks = None if house.read_only else rows.blocks()
    inverted = None if blocks is None else inverted_of(house, source, rows, blocks)
    if blocks is None or inverted is None:
        return "the rows of each member could not be kept"
    counts = Counts.of_document(document)
    touched = inverted.of(changed)
    return _decide(house, old, plan, touched, blocks, counts)


def _decide(
    house: House,
    old: GatePlan,
    new: GatePlan,
    touched: npt.NDArray[np.int64],
    blocks: Blocks,
    counts: Counts,
) -> Patch:
    """Gather the touched rows of all blocks, and decide them under both plans."""
    firsts = np.array([piece.first_row for piece, _ in blocks], np.int64)
    edges = np.append(np.searchsorted(touched, firsts), len(touched))
    parts = [
        block.take(touched[edges[n] : edges[n + 1]] - piece.first_row)
        for n, (piece, block) in enumerate(blocks)
        if edges[n] < edges[n + 1]
    ]
    if not parts:
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
    return patch(old, new, touched, join_blocks(parts), counts, house.engine)


def _plan_of(
    house: House, source: Source, gate: str, document: Mapping[str, Any]
) -> GatePlan | None:
    """Return the plan of a gate that ran: the one at hand, or compiled as of then; None: gone."""
    held = house.opened.get(("plan", gate))
    if isinstance(held, GatePlan) and held.digest.hex() == document["plan"]:
        return held
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
