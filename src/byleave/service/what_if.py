"""Side by side: what the gate keeps now, and what it would keep under other rules.

One pass over the rows decides each of them under every plan: the one in force first, then the
variants (another party rule, other rulesets, another evidence grade). Nothing is stored or logged,
and no variant can be sealed. Cost: one decision a row and variant; rows are read once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.consent.event import EvidenceGrade
from byleave.consent.reason import Reason
from byleave.gate.plan import GatePlan
from byleave.gate.rows import GateEngine
from byleave.ids import format_instant
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.service.clock import ledger_now
from byleave.service.gate import compile_for
from byleave.service.house import House
from byleave.service.source import open_source

__all__ = ["AS_IT_IS", "Comparison", "RuleCount", "Variant", "compare_source"]

AS_IT_IS: Final = "as it is"

_CODES: Final = 256
_BATCH_ROWS: Final = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The gate under one set of rules.

    Attributes:
        label: What was changed; `as it is` for the rules in force.
        kept: Rows it keeps.
        gained: Rows it keeps that the rules in force leave out.
        lost: Rows it leaves out that the rules in force keep.
        reasons: Rows left out, by reason.
        plan: Digest of the plan, hexadecimal.
    """

    label: str
    kept: int
    gained: int
    lost: int
    reasons: Mapping[str, int]
    plan: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "label": self.label,
            "kept": self.kept,
            "gained": self.gained,
            "lost": self.lost,
            "reasons": dict(self.reasons),
            "plan": self.plan,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What every variant does with the same rows; the first is what is in force."""

    at: str
    rows: int
    variants: tuple[Variant, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"at": self.at, "rows": self.rows, "variants": [v.to_dict() for v in self.variants]}


@dataclass(slots=True)
class _Count:
    gained: int = 0
    lost: int = 0
    reasons: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_CODES, np.int64))


class RuleCount:
    """Counts rows under several plans while they pass.

    Args:
        plans: Label of each plan; the first is in force, the others are compared with it.
        engine: How rows are decided.
    """

    def __init__(self, plans: Mapping[str, GatePlan], engine: GateEngine) -> None:
        self._plans = dict(plans)
        self._engine = engine
        self._counts = {label: _Count() for label in plans}
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Decide a batch under every plan.

        Raises:
            InputError: `contract.column-value`.
        """
        self._rows += batch.num_rows
        first: npt.NDArray[np.bool_] | None = None
        for label, plan in self._plans.items():
            reason = self._engine.reasons(plan, batch).reason
            kept = reason == Reason.KEPT
            first = kept if first is None else first
            count = self._counts[label]
            count.reasons += np.bincount(reason, minlength=_CODES)
            count.gained += int((kept & ~first).sum())
            count.lost += int((first & ~kept).sum())

    def comparison(self) -> Comparison:
        """Return what was counted so far."""
        return Comparison(
            at=format_instant(next(iter(self._plans.values())).at),
            rows=self._rows,
            variants=tuple(
                _variant(label, self._plans[label], count) for label, count in self._counts.items()
            ),
        )


def compare_source(
    house: House,
    name: str,
    use: str,
    *,
    at: datetime | None = None,
    party_rules: Sequence[PartyRule] = (),
    rulesets: Mapping[str, RuleBook] | None = None,
    grades: Sequence[EvidenceGrade] = (),
) -> Comparison:
    """Put a source through the gate as it is and under each change alone.

    Args:
        house: The workspace's ports.
        name: The source.
        use: `PURPOSE/CATEGORY/RECIPIENT`; the category may be a group.
        at: Instant of the decision; default now, the same for all.
        party_rules: Party rules for everyone.
        rulesets: Other books of rulesets, by label.
        grades: Other evidence grades from which a grant counts.

    Raises:
        InputError: `workspace.unknown-object`; `use.*`; `contract.*`.
    """
    source = open_source(house, name)
    instant = ledger_now(house) if at is None else at
    plans = {AS_IT_IS: compile_for(house, source, use, at=instant)}
    for rule in party_rules:
        plans[f"party rule {rule.word}"] = plans[AS_IT_IS].with_party_rule(rule)
    for label, book in (rulesets or {}).items():
        plans[label] = compile_for(house, source, use, at=instant, rules=book)
    for grade in grades:
        label = f"evidence {grade.name.lower()}"
        plans[label] = compile_for(house, source, use, at=instant, accepted=grade)
    table = source.table.select(source.contract.roots(source.table.schema))
    count, done = RuleCount(plans, house.engine), 0
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        count.add(batch)
        done += batch.num_rows
        house.progress("rows decided", done, table.num_rows)
    return count.comparison()


def _variant(label: str, plan: GatePlan, count: _Count) -> Variant:
    dropped = sorted(
        (r for r in Reason if r is not Reason.KEPT and count.reasons[r]),
        key=lambda r: (-count.reasons[r], r.word),
    )
    return Variant(
        label=label,
        kept=int(count.reasons[Reason.KEPT]),
        gained=count.gained,
        lost=count.lost,
        reasons={r.word: int(count.reasons[r]) for r in dropped},
        plan=plan.digest.hex(),
    )
