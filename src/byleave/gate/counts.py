"""What a gate decided, in numbers that sum: counts over batches, and the record made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from byleave.canonical import Json, digest_of
from byleave.consent.reason import Ground, Reason
from byleave.errors import ByleaveError
from byleave.gate.answers import Answers
from byleave.gate.plan import GatePlan
from byleave.gate.planes import plane_digest
from byleave.gate.rows import RowDecisions
from byleave.ids import Digest, format_instant

__all__ = ["Counts", "GateRecord", "record_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What was decided, in numbers that sum.

    Attributes:
        plan: Digest of the plan.
        scope: What was asked for.
        ledger: Highest ledger index read.
        at: The instant of the decision, RFC 3339.
        rulesets: Rulesets that applied to anyone, ascending.
        party_rule: The override, or None.
        rows: Rows read.
        kept: Rows kept.
        reasons: Word → rows dropped for it; only those above zero, ascending by word.
        grounds: Word → rows kept on it (the author's ground); likewise.
        decisions: `CATEGORY/author`, and `CATEGORY/recipient` where it has several parties →
            SHA-256 of the decision bitmap that was read for that role, ascending.
        parent: Log index of the gate of which this one is a patch; None: decided in full.
    """

    plan: Digest
    scope: str
    ledger: int
    at: str
    rulesets: tuple[str, ...]
    party_rule: str | None
    rows: int
    kept: int
    reasons: Mapping[str, int]
    grounds: Mapping[str, int]
    decisions: Mapping[str, str]
    parent: int | None = None

    def __post_init__(self) -> None:
        if self.kept + sum(self.reasons.values()) != self.rows:
            raise ByleaveError("kept and dropped rows do not sum to the input", code="gate.sum")
        if sum(self.grounds.values()) != self.kept:
            raise ByleaveError("grounds do not sum to the rows kept", code="gate.sum")

    def to_dict(self) -> dict[str, Json]:
        """Return the record as the log entry's digest sees it."""
        return {
            "at": self.at,
            "decisions": dict(self.decisions),
            "grounds": dict(self.grounds),
            "kept": self.kept,
            "ledger": self.ledger,
            "parent": self.parent,
            "party_rule": self.party_rule,
            "plan": self.plan.hex(),
            "reasons": dict(self.reasons),
            "rows": self.rows,
            "rulesets": list(self.rulesets),
            "scope": self.scope,
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical record."""
        return digest_of(self.to_dict())


class Counts:
    """Rows by reason and by ground, batch after batch. Cost: one `bincount` a batch.

    Attributes:
        rows: Rows counted.
        reasons: Rows of each `Reason`; int64[256].
        grounds: Rows kept on each `Ground` of their author; int64[256].
    """

    __slots__ = ("grounds", "reasons", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.reasons = np.zeros(256, np.int64)
        self.grounds = np.zeros(256, np.int64)

    def add(self, decided: RowDecisions, *, times: int = 1) -> None:
        """Count the decisions of some rows; `times=-1` takes them away again."""
        self.rows += times * len(decided)
        self.reasons += times * np.bincount(decided.reason, minlength=256)
        authors = decided.ground[decided.offsets[:-1]]
        self.grounds += times * np.bincount(authors, minlength=256)

    def add_answers(self, answers: Answers, *, times: int = 1) -> None:
        """Count the answers to some rows; `times=-1` takes them away again."""
        self.rows += times * len(answers)
        self.reasons += times * np.bincount(answers.reason, minlength=256)
        self.grounds += times * answers.grounds

    def merge(self, other: Counts) -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.reasons += other.reasons
        self.grounds += other.grounds

    def to_dict(self) -> dict[str, Json]:
        """Return the counts as plain values: number of the reason or ground → rows."""
        return {
            "rows": self.rows,
            "reasons": {str(i): int(self.reasons[i]) for i in np.flatnonzero(self.reasons)},
            "grounds": {str(i): int(self.grounds[i]) for i in np.flatnonzero(self.grounds)},
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Counts:
        """Read what `to_dict` returned."""
        counts = cls()
        counts.rows = int(values["rows"])
        for name, array in (("reasons", counts.reasons), ("grounds", counts.grounds)):
            for number, rows in values[name].items():
                array[int(number)] = rows
        return counts

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Counts:
        """Return the counts that a record told, of the document that holds it."""
        counts = cls()
        counts.rows = int(document["rows"])
        for reason in Reason:
            counts.reasons[reason] = document["reasons"].get(reason.word, 0)
        counts.reasons[Reason.KEPT] = int(document["kept"])
        for ground in Ground:
            counts.grounds[ground] = document["grounds"].get(ground.word, 0)
        return counts


def record_of(plan: GatePlan, counts: Counts, *, parent: int | None = None) -> GateRecord:
    """Return the record of a plan and of what it came to.

    Raises:
        ByleaveError: `gate.sum`.
    """
    names = {name for c in plan.categories for rule in c.rules for name in rule.names}
    return GateRecord(
        plan=plan.digest,
        scope=str(plan.scope),
        ledger=plan.ledger,
        at=format_instant(plan.at),
        rulesets=tuple(sorted(names)),
        party_rule=None if plan.party_rule is None else plan.party_rule.word,
        rows=counts.rows,
        kept=int(counts.reasons[Reason.KEPT]),
        reasons={
            r.word: int(counts.reasons[r])
            for r in sorted(Reason, key=lambda r: r.word)
            if r is not Reason.KEPT and counts.reasons[r]
        },
        grounds={
            g.word: int(counts.grounds[g])
            for g in sorted(Ground, key=lambda g: g.word)
            if counts.grounds[g]
        },
        decisions=_decisions(plan),
        parent=parent,
    )


def _decisions(plan: GatePlan) -> dict[str, str]:
    """Return the digest of each decision bitmap: of whom a yes for every row is known."""
    return {
        f"{category.use.category}/{role}": plane_digest(plan.chunks[f"{position}/yes"]).hex()
        for position, category in enumerate(plan.categories)
        for role in ("author", "recipient")[: 1 + category.several]
    }
