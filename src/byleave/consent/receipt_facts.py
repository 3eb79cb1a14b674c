"""What a receipt is made of: the parties, what the member said, and what a gate answers to it.

A receipt tells two things apart: what the member's choices come to alone (`Agreed27560`), which is
the record of the consent they gave, and what a gate answers for each leaf use (`Answer27560`),
which their region, age and groups may narrow to nothing, or their operator's other legal bases
widen (G1). Nothing that says "allowed" is made of the first.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from byleave.consent.decide import standing
from byleave.consent.event import ConsentEvent, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import Ground, Reason
from byleave.ids import Digest, LedgerIndex, format_instant
from byleave.policy.notice import Notice
from byleave.policy.ruleset_stop import StopRule
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "Agreed27560",
    "Answer27560",
    "LoggedEvent",
    "NoticeShown",
    "Party",
    "Permitted",
    "Prohibited",
    "ReceiptFacts",
    "UseAnswer",
]

_DOMAIN: Final = b"byleave receipt-27560 v1\x00"
_STANDING: Final[Mapping[Reason, str]] = {
    Reason.KEPT: "dpv:ConsentGiven",
    Reason.REFUSED: "dpv:ConsentRefused",
    Reason.OBJECTED: "dpv:ConsentRefused",
    Reason.WITHDRAWN: "dpv:ConsentWithdrawn",
    Reason.EXPIRED: "dpv:ConsentExpired",
}
_UNKNOWN: Final = "dpv:ConsentUnknown"
Key = TypeVar("Key", Ground, Reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """The operator, as far as it has said who it is.

    Attributes:
        origin: Origin of its log; its identifier here.
        name: What it is called.
        contact: Where to reach it; None: not stated.
        address: Postal address; None: not stated.
        settings: Address at which a choice is changed; None: not stated.
        storage: Where data is stored; None: not stated.
        retention: For how long; None: not stated.
    """

    origin: str
    name: str
    contact: str | None = None
    address: str | None = None
    settings: str | None = None
    storage: str | None = None
    retention: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeShown:
    """A published notice, when it was published, and the log index of that."""

    notice: Notice
    published: datetime
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """A consent event, the leaf hash of its log entry, and the tlog-proof of it."""

    event: ConsentEvent
    leaf: Digest
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer:
    """What a gate answers for one leaf use, of data of the member's collected from then on.

    Attributes:
        reason: `KEPT`, or why not: of the choices or of the rules, whichever stops it first.
        ground: What a yes rests on; `NONE` for a no.
        choices: What the member's choices alone come to.
        index: Ledger index of the choice, or of the rulesets, that decides; None: silence, or a
            rule of the package that no entry records.
        stops: The rules that stop it, where rules do and not the choices.
    """

    reason: Reason
    ground: Ground
    choices: Reason
    index: LedgerIndex | None = None
    stops: tuple[StopRule, ...] = ()

    @property
    def stopped_by_rule(self) -> bool:
        """Whether it is the rules that stop it, and not the member's own choices."""
        return self.reason is not Reason.KEPT and self.reason is not self.choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed27560:
    """What a record's scope comes to at one instant by the member's choices alone.

    Whether a use is allowed is `Answer27560`'s to say.

    Attributes:
        state: A consent state of DPV, or `bl:PartlyGiven`, `bl:NoneGiven`.
        agreed: Leaf uses of the scope that the member's yes stands for.
        uses: Leaf uses of the scope; 0 where the taxonomy has none below it yet.
        because: Reason codes of the choices → leaf uses.
    """

    state: str
    agreed: int
    uses: int
    because: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """Leaf uses that a gate lets through on one ground."""

    ground: Ground
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prohibited:
    """Leaf uses that rules stop for one reason, whatever the member said of them.

    Attributes:
        reason: Why.
        uses: Which, in the order of the taxonomy.
        agreed: To how many of them the member's yes stands.
        index: Ledger index of the rulesets; None: no entry records them.
        rules: The rules, each once.
    """

    reason: Reason
    uses: tuple[Use, ...]
    agreed: int
    index: LedgerIndex | None
    rules: tuple[StopRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer27560:
    """What a gate answers at one instant for the leaf uses of a record's scope.

    Attributes:
        allowed: How many it lets through.
        uses: Leaf uses of the scope.
        because: Reason codes → leaf uses; `granted` where consent is the ground, else the ground.
        permitted: Those let through, by ground.
        prohibited: Those that rules stop, by reason. What the choices themselves stop is neither.
    """

    allowed: int
    uses: int
    because: Mapping[str, int]
    permitted: tuple[Permitted, ...]
    prohibited: tuple[Prohibited, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """Everything a receipt says.

    Attributes:
        at: The instant it is made for.
        operator: Who issues it.
        secret: The member's secret r; only pseudonyms made from it are written.
        region: The member's region at `at`; None: unknown, and the strictest of all rules hold.
        events: The member's events in ledger order.
        notices: Id → published notice, of those the events answer.
        accepted: Lowest evidence grade at which a grant counts, by the rulesets at `at`.
        checkpoint: The log's checkpoint, verbatim.
        private: SHA-256 of the private receipt made under the same checkpoint.
        taxonomy: The trees in force.
        answers: What a gate answers for each leaf use of `scopes()`.
    """

    at: datetime
    operator: Party
    secret: bytes = field(repr=False)
    region: str | None
    events: Sequence[LoggedEvent]
    notices: Mapping[str, NoticeShown]
    accepted: EvidenceGrade
    checkpoint: str
    private: Digest
    taxonomy: Taxonomy
    answers: Mapping[Use, UseAnswer] = field(repr=False)

    def scopes(self) -> list[Scope]:
        """Return the scopes the member spoke about, in the order of first mention."""
        return list(dict.fromkeys(logged.event.scope for logged in self.events))

    def about(self, scope: Scope) -> list[LoggedEvent]:
        """Return the events that bear on all of a scope, in ledger order."""
        return [logged for logged in self.events if logged.event.scope.covers(scope)]

    def number(self, label: str, *parts: str) -> str:
        """Return a pseudonymous number that only a holder of the secret can make again."""
        data = _DOMAIN + b"\x00".join(part.encode() for part in (label, *parts))
        return str(uuid.UUID(bytes=hmac.digest(self.secret, data, hashlib.sha256)[:16], version=4))

    def receipt_number(self) -> str:
        """Return the receipt's number: another for every instant and every head of the log."""
        return self.number("receipt", format_instant(self.at), self.checkpoint)

    def agreed(self, scope: Scope) -> Agreed27560:
        """Return what the member's choices alone come to for a scope, use by use."""
        uses = self.taxonomy.expand(scope)
        reasons = Counter(
            [self.answers[use].choices for use in uses] if uses else [self._nothing_yet(scope)]
        )
        agreed = reasons[Reason.KEPT]
        if len(reasons) == 1:
            state = _STANDING.get(next(iter(reasons)), _UNKNOWN)
        else:
            state = "bl:PartlyGiven" if agreed else "bl:NoneGiven"
        because = {
            "granted" if reason is Reason.KEPT else reason.word: count
            for reason, count in sorted(reasons.items())
        }
        return Agreed27560(
            state=state, agreed=agreed if uses else 0, uses=len(uses), because=because
        )

    def answer(self, scope: Scope) -> Answer27560:
        """Return what a gate answers for a scope, use by use."""
        found = {use: self.answers[use] for use in self.taxonomy.expand(scope)}
        words = Counter(_word(one) for one in found.values())
        permitted = _by(found, lambda one: one.ground if one.reason is Reason.KEPT else None)
        prohibited = _by(found, lambda one: one.reason if one.stopped_by_rule else None)
        return Answer27560(
            allowed=sum(len(uses) for uses in permitted.values()),
            uses=len(found),
            because=dict(sorted(words.items())),
            permitted=tuple(
                Permitted(ground=ground, uses=uses) for ground, uses in sorted(permitted.items())
            ),
            prohibited=tuple(
                _prohibited(reason, {use: found[use] for use in uses})
                for reason, uses in sorted(prohibited.items())
            ),
        )

    def _nothing_yet(self, scope: Scope) -> Reason:
        """Return what the choices come to where the taxonomy has no leaf use below a scope."""
        use = Use(purpose=scope.purpose, category=scope.category, recipient=scope.recipient)
        coverage = {name: NoticeCoverage.of(n.notice) for name, n in self.notices.items()}
        events = [logged.event for logged in self.events]
        return standing(events, use, at=self.at, notices=coverage, accepted=self.accepted).reason


def _word(answer: UseAnswer) -> str:
    if answer.reason is not Reason.KEPT:
        return answer.reason.word
    return "granted" if answer.ground is Ground.CONSENT else answer.ground.word


def _by(
    found: Mapping[Use, UseAnswer], key: Callable[[UseAnswer], Key | None]
) -> dict[Key, tuple[Use, ...]]:
    grouped: dict[Key, list[Use]] = {}
    for use, answer in found.items():
        under = key(answer)
        if under is not None:
            grouped.setdefault(under, []).append(use)
    return {under: tuple(uses) for under, uses in grouped.items()}


def _prohibited(reason: Reason, found: Mapping[Use, UseAnswer]) -> Prohibited:
    return Prohibited(
        reason=reason,
        uses=tuple(found),
        agreed=sum(one.choices is Reason.KEPT for one in found.values()),
        index=next((one.index for one in found.values()), None),
        rules=tuple(dict.fromkeys(rule for one in found.values() for rule in one.stops)),
    )
