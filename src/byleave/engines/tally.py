"""Counts of a gate over many batches: they sum to the rows read, or the run fails.

`Tally.add` takes the reasons of one batch; `Tally.emission` closes the account. The record names
the plan, and each input by what it was when it was read, so that a copy or a selection can be
traced to both. Cost: one `bincount` per batch, about 1 ns a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, digest_of
from byleave.consent.reason import Reason
from byleave.errors import ByleaveError
from byleave.gate.plan import GatePlan
from byleave.ids import Digest, format_instant

__all__ = ["WORDS", "Emission", "InputRows", "Tally", "reason_words"]

_CODES: Final = 256
_KNOWN: Final = frozenset(int(reason) for reason in Reason)

WORDS: Final = pa.array([reason.word for reason in Reason], pa.string())
"""The word of each reason, once (a word twice in a dictionary gives Parquet files that differ)."""

_PLACE: Final = np.zeros(_CODES, np.int8)
_PLACE[[int(reason) for reason in Reason]] = np.arange(len(WORDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRows:
    """One input as it was when it was read.

    Attributes:
        name: File name without its folder, or what the caller calls a stream.
        rows: Rows read.
        kept: Rows kept.
        size: Bytes of the file; None for a stream.
        footer: SHA-256 of the Parquet footer; None for a stream.
    """

    name: str
    rows: int
    kept: int
    size: int | None = None
    footer: Digest | None = None

    def to_dict(self) -> dict[str, Json]:
        """Return the input as the record's digest sees it."""
        return {
            "footer": None if self.footer is None else self.footer.hex(),
            "kept": self.kept,
            "name": self.name,
            "rows": self.rows,
            "size": self.size,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What was decided, in numbers that sum.

    Unlike a gate record of a workspace it is not logged and counts no grounds.

    Attributes:
        plan: Digest of the plan.
        scope: What was asked for.
        ledger: Highest ledger index the plan read.
        at: The instant of the decision, RFC 3339.
        party_rule: The override, or None.
        rows: Rows read.
        kept: Rows kept.
        reasons: Word → rows dropped for it; only those above zero, ascending by word.
        inputs: Each input, in the order of reading.
    """

    plan: Digest
    scope: str
    ledger: int
    at: str
    party_rule: str | None
    rows: int
    kept: int
    reasons: Mapping[str, int]
    inputs: tuple[InputRows, ...]

    def __post_init__(self) -> None:
        if self.kept + sum(self.reasons.values()) != self.rows:
            raise ByleaveError("kept and dropped rows do not sum to the input", code="gate.sum")
        parts = (sum(i.rows for i in self.inputs), sum(i.kept for i in self.inputs))
        if parts != (self.rows, self.kept):
            raise ByleaveError("rows of the inputs do not sum to the rows read", code="gate.sum")

    def to_dict(self) -> dict[str, Json]:
        """Return the record in the form its digest is taken of."""
        return {
            "at": self.at,
            "emission": "v1",
            "inputs": [part.to_dict() for part in self.inputs],
            "kept": self.kept,
            "ledger": self.ledger,
            "party_rule": self.party_rule,
            "plan": self.plan.hex(),
            "reasons": dict(self.reasons),
            "rows": self.rows,
            "scope": self.scope,
        }

    @property
    def digest(self) -> Digest:
        """SHA-256 of the canonical record."""
        return digest_of(self.to_dict())

    @classmethod
    def total(cls, plan: GatePlan, parts: Sequence[Emission]) -> Emission:
        """Return the record of several inputs, each decided by the same plan."""
        words = sorted({word for part in parts for word in part.reasons})
        return cls(
            plan=plan.digest,
            scope=str(plan.scope),
            ledger=plan.ledger,
            at=format_instant(plan.at),
            party_rule=None if plan.party_rule is None else plan.party_rule.word,
            rows=sum(part.rows for part in parts),
            kept=sum(part.kept for part in parts),
            reasons={word: sum(part.reasons.get(word, 0) for part in parts) for word in words},
            inputs=tuple(found for part in parts for found in part.inputs),
        )


class Tally:
    """Rows by reason, batch after batch.

    Args:
        plan: The plan that decides.
    """

    def __init__(self, plan: GatePlan) -> None:
        self._plan = plan
        self._counts = np.zeros(_CODES, np.int64)
        self.rows = 0

    @property
    def kept(self) -> int:
        """Rows kept so far."""
        return int(self._counts[Reason.KEPT])

    def add(self, reason: npt.NDArray[np.uint8], rows: int) -> None:
        """Count the reasons of a batch.

        Args:
            reason: `Reason` of each row; uint8.
            rows: Rows of the batch.

        Raises:
            ByleaveError: `gate.sum`, there is not one known reason for each row.
        """
        if reason.dtype != np.uint8 or reason.shape != (rows,):
            raise ByleaveError("an engine did not give one reason a row", code="gate.sum")
        counts = np.bincount(reason, minlength=_CODES)
        if not _KNOWN.issuperset(np.flatnonzero(counts).tolist()):
            raise ByleaveError("an engine gave a reason that does not exist", code="gate.sum")
        self._counts += counts
        self.rows += rows

    def add_count(self, reason: int, rows: int) -> None:
        """Count rows that an engine counted by itself.

        Raises:
            ByleaveError: `gate.sum`, no such reason.
        """
        if reason not in _KNOWN:
            raise ByleaveError("an engine gave a reason that does not exist", code="gate.sum")
        self._counts[reason] += rows
        self.rows += rows

    def emission(self, inputs: Sequence[InputRows]) -> Emission:
        """Return the record.

        Raises:
            ByleaveError: `gate.sum`.
        """
        plan = self._plan
        return Emission(
            plan=plan.digest,
            scope=str(plan.scope),
            ledger=plan.ledger,
            at=format_instant(plan.at),
            party_rule=None if plan.party_rule is None else plan.party_rule.word,
            rows=self.rows,
            kept=self.kept,
            reasons={
                reason.word: int(self._counts[reason])
                for reason in sorted(Reason, key=lambda r: r.word)
                if reason is not Reason.KEPT and self._counts[reason]
            },
            inputs=tuple(inputs),
        )


def reason_words(reason: npt.NDArray[np.uint8]) -> pa.DictionaryArray:
    """Return reasons as words: one byte a row and the words once.

    Args:
        reason: `Reason` of each row, which `Tally.add` has seen; uint8.
    """
    return pa.DictionaryArray.from_arrays(pa.array(_PLACE[reason]), WORDS)
