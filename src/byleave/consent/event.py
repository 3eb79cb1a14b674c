"""Consent events: what one member said, append-only.

`kind` says what happened; `scope` what it was about; `notice` which exact text it answered.
`index` is the ledger index: the index of the event's commitment in the log (a row number in a
preview, which has no log). Events are immutable; a change of mind is a new event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from byleave.ids import LedgerIndex, MemberId
from byleave.policy.notice import Control, Notice
from byleave.policy.scope import Scope, Use

__all__ = ["ConsentEvent", "EventKind", "EvidenceGrade", "NoticeCoverage"]


class EventKind(IntEnum):
    """What happened. The numbers are stored; never reuse one.

    `PRESET` is no choice: a control that was on before the member acted, and was left on. It is
    kept as evidence of what the screen did, and decides nothing (G1; CJEU C-673/17 Planet49).
    """

    GRANT = 1
    REFUSAL = 2
    WITHDRAWAL = 3
    OBJECTION = 4
    PRESET = 5

    @property
    def is_choice(self) -> bool:
        """Whether the member chose; what is no choice never enters a decision."""
        return self is not EventKind.PRESET


class EvidenceGrade(IntEnum):
    """How well a grant's notice is known: the bytes shown, only a version, or nothing."""

    NONE = 0
    VERSION = 1
    BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCoverage:
    """What a notice had expanded to when it was published (G2).

    Attributes:
        uses: The leaf uses it covers; later additions to the taxonomy are not among them.
        shown: The leaf uses that it showed by themselves, line by line.
    """

    uses: frozenset[Use]
    shown: frozenset[Use]

    @classmethod
    def of(cls, notice: Notice) -> NoticeCoverage:
        """Return what `notice` covers: nothing, where its control was on already (G1)."""
        if notice.control is Control.ON:
            return cls(uses=frozenset(), shown=frozenset())
        return cls(uses=notice.uses, shown=notice.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One choice of one member.

    Attributes:
        member: Whose choice.
        index: Ledger index; strictly increasing in the order of recording.
        kind: Grant, refusal, withdrawal or objection.
        scope: What it is about.
        effective: From when it counts; live events never earlier than `recorded`.
        recorded: When the ledger took it.
        expires: End of a grant, exclusive; None: open.
        includes_past: Whether the grant also covers data collected before `effective`.
        notice: Id of the notice answered; None where it is unknown.
        grade: Evidence grade of that notice.
        channel: Where the choice was made (`portal`, `settings`, `import:…`, `signal:gpc`, ...).
        original: When it was said, as an import claims; evidence only. None: when recorded.
        evidence: Further evidence, canonical JSON: the notice token answered and the final state
            of its control, or what an import's source said beside the choice.
    """

    member: MemberId
    index: LedgerIndex
    kind: EventKind
    scope: Scope
    effective: datetime
    recorded: datetime
    expires: datetime | None = None
    includes_past: bool = False
    notice: str | None = None
    grade: EvidenceGrade = EvidenceGrade.BYTES
    channel: str = "portal"
    original: datetime | None = None
    evidence: str | None = None
