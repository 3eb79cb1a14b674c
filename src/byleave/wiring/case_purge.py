"""Take out of a workspace what a case asks for: region by use by interval, proven, stated.

The interval is published beside the operator's own rulesets, so that no later gate lets it back;
every current snapshot, release and package is recounted before and after, apart from the gate;
what holds such a row is unlearned or recalled; then the cessation is stated, signed and logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from byleave.errors import InputError, RefusedError
from byleave.exposure.casefile import Purge
from byleave.ids import format_instant
from byleave.service.clock import ledger_now
from byleave.service.purged import Holder
from byleave.wiring.case import read_case
from byleave.wiring.workspace import Workspace

__all__ = ["PurgeReport", "purge_case"]

_SET = "case-purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReport:
    """What a purge found, did and proved.

    Attributes:
        purge: What was asked.
        before: Everything current, with the rows of the interval it held.
        unlearned: Old release → the release that took its place.
        recalled: Packages whose rows were recalled.
        after: Everything current afterwards; every count is nothing.
        statement: Log index of the statement of cessation, or None where none was asked for.
        proofs: Proof files that `byleave verify` takes: each unlearning, then the statement.
        trust: The trust file to check them with.
    """

    purge: Purge
    before: tuple[Holder, ...]
    unlearned: Mapping[str, str]
    recalled: tuple[str, ...]
    after: tuple[Holder, ...]
    statement: int | None
    proofs: tuple[Path, ...]
    trust: Path

    @property
    def releases(self) -> tuple[str, ...]:
        """The affected releases: those that held a row of the interval, or one without a date."""
        return tuple(h.name for h in self.before if h.kind == "release" and h.rows + h.undated)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints: no member ids."""
        return {
            "scope": str(self.purge.scope),
            "regions": list(self.purge.regions),
            "collected": [format_instant(self.purge.start), format_instant(self.purge.end)],
            "cite": self.purge.cite,
            "held": [_holder(h) for h in self.before if h.rows + h.undated],
            "releases": list(self.releases),
            "unlearned": dict(self.unlearned),
            "recalled": list(self.recalled),
            "counted": len(self.after),
            "left": sum(h.rows + h.undated for h in self.after),
            "statement": self.statement,
            "proofs": [str(path) for path in self.proofs],
            "trust": str(self.trust),
        }


def purge_case(ws: Workspace, path: str | Path) -> PurgeReport:
    """Carry out the `purge` of a case file in a workspace.

    Safe to run again: what is out stays out, and another statement is logged.

    Args:
        ws: The workspace, open for writing.
        path: `case.yaml`; its tables are not read.

    Raises:
        InputError: `case.malformed`, `case.interval`; `case.no-purge`, it asks for none;
            `ruleset.*`, `use.*`.
        RefusedError: `case.purge-left`, a recount still finds rows (in a snapshot that nothing was
            trained on, say): nothing is stated.
    """
    asked = read_case(path).purge
    if asked is None:
        raise InputError("the case asks for no purge", code="case.no-purge", where=str(path))
    if asked.ceased is not None:
        ws.scope(str(asked.ceased))
    kept = ws.path / "rulesets.yaml"
    own = kept.read_text(encoding="utf-8") if kept.exists() else ""
    ws.ruleset.publish(_with_purge(own, asked))
    before = tuple(ws.ruleset.purged())
    batches = ws.withdrawal.carry_out()
    after = tuple(ws.ruleset.purged())
    left = sum(h.rows + h.undated for h in after)
    if left:
        raise RefusedError(
            f"{left:,} rows of the interval are still held; no cessation was stated",
            code="case.purge-left",
            where=", ".join(f"{h.kind} {h.name}" for h in after if h.rows + h.undated),
            hint="byleave snapshot renew NAME, for a snapshot that nothing was trained on; then the "
            "purge again",
        )
    unlearned = {u.old: u.new.release for batch in batches for u in batch.unlearned}
    proofs = [ws.proof.make_named("unlearning", new) for new in unlearned.values()]
    statement = None
    if asked.ceased is not None:
        statement = ws.proof.cease(str(asked.ceased), ledger_now(ws.house))
        proofs.append(ws.proof.make_named("cessation", str(statement)))
    return PurgeReport(
        purge=asked,
        before=before,
        unlearned=unlearned,
        recalled=tuple(name for batch in batches for name in batch.recalled),
        after=after,
        statement=statement,
        proofs=tuple(proofs),
        trust=ws.places.trust,
    )


def _with_purge(own: str, purge: Purge) -> str:
    """Return the operator's rulesets with a set that purges, and asks for nothing else."""
    document = yaml.load(own, Loader=yaml.BaseLoader) if own else None  # noqa: S506 - text only
    document = document or {"rulesets": "v1", "version": "own", "sets": []}
    start, end, cite = purge.start, purge.end, purge.cite
    added = {
        "ruleset": f"{_SET}-{format_instant(start)[:10]}",
        "title": "What a case took out",
        "effective": "1970-01-01",
        "regions": list(purge.regions),
        "rules": [{"scope": "*/*/*", "basis": "contract", "cite": cite}],
        "messages": {"party_rule": "any", "cite": cite},
        "past": {"may_be_covered": True, "cite": cite},
        "general_grants": {"count": True, "cite": cite},
        "purged": [
            {
                "scope": str(purge.scope),
                "start": format_instant(start),
                "end": format_instant(end),
                "cite": cite,
            }
        ],
    }
    others = [s for s in document.get("sets", []) if s.get("ruleset") != added["ruleset"]]
    return yaml.safe_dump(
        {**document, "sets": [*others, added]}, sort_keys=False, allow_unicode=True
    )


def _holder(holder: Holder) -> dict[str, Any]:
    return {
        "kind": holder.kind,
        "id": holder.name,
        "snapshot": holder.snapshot,
        "rows": holder.rows,
        "undated": holder.undated,
    }
