"""The gate, row by row: the oracle that every engine is compared with.

Written from docs/spec/gate.md alone, in plain Python over plain values; it shares the consent
oracle and the rulesets with the compiled path, and none of the folding. The first of these that
holds is the row's reason:

 1 category unknown (null, or in no tree) → `category-unknown`; not asked for → `other-category`
 2 a draft, unless drafts were asked for by name → `draft-never-sent`
 3 a party missing: no author, no recipient, or a null in a list → `party-missing`
 4 a party nobody has on record → `party-unknown`
 5 the author said no → `refused`, `withdrawn`, `objected`; another party did → `party-vetoed`
 6 a party whose region stops it: `region-suspended`, `region-forbids`, `minor`,
   `age-unknown`, `group-excluded`, `collected-while-suspended`, `before-earliest`
   (`collected-at-unknown` where a date is needed)
 7 silence that matters under the party rule: author: the author's; any: everybody's, told as the
   author's; all: the first silent party's
 0 else kept
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from byleave.consent.decide import standing
from byleave.consent.event import ConsentEvent, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import VETOES, Ground, Reason
from byleave.ids import MemberId
from byleave.policy.ruleset import Basis, PartyRule, RegionRule, RuleBook, compose
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = ["Answer", "PartyGround", "Row", "World", "decide_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that is known, as plain values.

    Attributes:
        scope: What the gate is asked for.
        at: The instant of the decision.
        taxonomy: The trees in force.
        rules: The rulesets in force.
        notices: What each notice had expanded to.
        accepted: Lowest evidence grade at which a grant counts.
        events: Events of each member on record, in the order of recording.
        regions: Region of members, where known.
        ages: Age of members, where known.
        groups: Groups of members, where they are in any.
        rules_index: Ledger index of the rulesets; -1: none.
        party_rule: Overrides the rulesets' party rule.
    """

    scope: Scope
    at: datetime
    taxonomy: Taxonomy
    rules: RuleBook
    notices: Mapping[str, NoticeCoverage] = field(repr=False)
    accepted: EvidenceGrade
    events: Mapping[MemberId, Sequence[ConsentEvent]]
    regions: Mapping[MemberId, str | None]
    ages: Mapping[MemberId, int]
    rules_index: int = -1
    party_rule: PartyRule | None = None
    groups: Mapping[MemberId, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record: whose it is, of what kind, and when it was collected. None: null."""

    author: MemberId | None
    recipients: Sequence[MemberId | None]
    category: str | None
    collected_at: datetime | None
    draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyGround:
    """The ground on which one party's record may be used."""

    member: MemberId
    role: int
    ground: Ground
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a row was dropped and for which party (0: the author; -1: none), or its grounds."""

    reason: Reason
    party: int = -1
    grounds: tuple[PartyGround, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Voice:
    """What one party says about one row."""

    reason: Reason
    ground: Ground
    index: int


def decide_row(world: World, row: Row) -> Answer:
    """Return the answer for one row."""
    tree = world.taxonomy
    if row.category is None or not tree.is_leaf("categories", row.category):
        return Answer(reason=Reason.CATEGORY_UNKNOWN)
    scope = Scope(
        purpose=world.scope.purpose, category=row.category, recipient=world.scope.recipient
    )
    if not world.scope.covers(scope):
        return Answer(reason=Reason.OTHER_CATEGORY)
    if (row.draft or tree.is_draft(row.category)) and not tree.is_draft(world.scope.category):
        return Answer(reason=Reason.DRAFT_NEVER_SENT)
    use = Use(purpose=scope.purpose, category=scope.category, recipient=scope.recipient)
    parties = [row.author]
    if tree.has_several_parties(row.category):
        parties += row.recipients or [None]
    known: list[MemberId] = []
    for position, party in enumerate(parties):
        if party is None:
            return Answer(reason=Reason.PARTY_MISSING, party=position)
        known.append(party)
    for position, party in enumerate(known):
        if party not in world.events:
            return Answer(reason=Reason.PARTY_UNKNOWN, party=position)
    rules = [world.rules.rule_for(world.regions.get(m), use, at=world.at) for m in known]
    voices = [_voice(world, m, use, r, row) for m, r in zip(known, rules, strict=True)]
    return (
        _veto(voices)
        or _stop(world, known, rules, row)
        or _silence(world, voices, rules)
        or Answer(reason=Reason.KEPT, grounds=_grounds(known, voices))
    )


def _veto(voices: Sequence[_Voice]) -> Answer | None:
    for position, voice in enumerate(voices):
        if voice.reason in VETOES:
            reason = voice.reason if position == 0 else Reason.PARTY_VETOED
            return Answer(reason=reason, party=position)
    return None


def _stop(
    world: World, parties: Sequence[MemberId], rules: Sequence[RegionRule], row: Row
) -> Answer | None:
    for position, (member, rule) in enumerate(zip(parties, rules, strict=True)):
        age = world.ages.get(member)
        if rule.suspended:
            return Answer(reason=Reason.REGION_SUSPENDED, party=position)
        if rule.basis is Basis.FORBIDDEN:
            return Answer(reason=Reason.REGION_FORBIDS, party=position)
        if age is not None and rule.min_age is not None and age < rule.min_age:
            return Answer(reason=Reason.MINOR, party=position)
        if age is None and rule.unknown_age_refused:
            return Answer(reason=Reason.AGE_UNKNOWN, party=position)
        if world.groups.get(member, frozenset()) & set(rule.excluded_groups):
            return Answer(reason=Reason.GROUP_EXCLUDED, party=position)
        if (rule.purged or rule.earliest is not None) and row.collected_at is None:
            return Answer(reason=Reason.COLLECTED_AT_UNKNOWN, party=position)
        for start, end in rule.purged:
            if row.collected_at is not None and start <= row.collected_at < end:
                return Answer(reason=Reason.COLLECTED_WHILE_SUSPENDED, party=position)
        if rule.earliest is not None and row.collected_at and row.collected_at < rule.earliest:
            return Answer(reason=Reason.BEFORE_EARLIEST, party=position)
    return None


def _silence(world: World, voices: Sequence[_Voice], rules: Sequence[RegionRule]) -> Answer | None:
    rule = world.party_rule if world.party_rule is not None else compose(rules).party_rule
    silent = [i for i, voice in enumerate(voices) if voice.reason is not Reason.KEPT]
    matters = {
        PartyRule.AUTHOR: 0 in silent,
        PartyRule.ANY: len(silent) == len(voices),
        PartyRule.ALL: bool(silent),
    }
    if not matters[rule]:
        return None
    return Answer(reason=voices[silent[0]].reason, party=silent[0])


def _grounds(parties: Sequence[MemberId], voices: Sequence[_Voice]) -> tuple[PartyGround, ...]:
    decisive = next(voice for voice in voices if voice.reason is Reason.KEPT)
    grounds: dict[MemberId, PartyGround] = {}
    for position, (member, voice) in enumerate(zip(parties, voices, strict=True)):
        own = voice.reason is Reason.KEPT
        grounds.setdefault(
            member,
            PartyGround(
                member=member,
                role=1 if position == 0 else 2,
                ground=voice.ground if own else Ground.CONSENT_OF_ANOTHER_PARTY,
                index=voice.index if own else decisive.index,
            ),
        )
    return tuple(grounds.values())


def _voice(world: World, member: MemberId, use: Use, rule: RegionRule, row: Row) -> _Voice:
    stands = standing(
        world.events[member], use, at=world.at, notices=world.notices, accepted=world.accepted
    )
    reason, event = stands.reason, stands.event
    index = -1 if stands.because is None else stands.because
    if reason in VETOES:
        return _Voice(reason=reason, ground=Ground.NONE, index=index)
    too_general = event is not None and event.scope.purpose == "*" and not rule.general_grants_count
    if reason is Reason.KEPT and too_general:
        reason = Reason.GRANT_TOO_GENERAL
    start: datetime | None = None  # None: reaches back to all data
    says_yes = reason is Reason.KEPT and event is not None
    if says_yes and event is not None and not (event.includes_past and rule.past_may_be_covered):
        start = event.effective
    consent = _Voice(reason=reason, ground=Ground.CONSENT, index=index)
    other = _other_ground(rule)
    if other is not None and not (says_yes and _reaches(start, other[1])):
        ground, start = other
        consent = _Voice(reason=Reason.KEPT, ground=ground, index=world.rules_index)
    if consent.reason is not Reason.KEPT or start is None:
        return consent
    if row.collected_at is None:
        return _Voice(reason=Reason.COLLECTED_AT_UNKNOWN, ground=Ground.NONE, index=-1)
    if row.collected_at < start:
        return _Voice(reason=Reason.PROMISE_OF_COLLECTION, ground=Ground.NONE, index=-1)
    return consent


def _other_ground(rule: RegionRule) -> tuple[Ground, datetime | None] | None:
    if rule.basis is Basis.CONTRACT:
        return Ground.CONTRACT, None
    if rule.basis is Basis.NOT_OBJECTED and rule.ready and rule.noticed is not None:
        return Ground.NOT_OBJECTED, rule.noticed
    return None


def _reaches(start: datetime | None, other: datetime | None) -> bool:
    """Say whether a yes from `start` reaches as far back as one from `other`."""
    return start is None or (other is not None and start <= other)
