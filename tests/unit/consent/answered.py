"""What the gate's own oracle answers for one member alone: the `answers` of a receipt's facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from byleave.consent.decide import standing
from byleave.consent.event import ConsentEvent, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import Ground
from byleave.consent.receipt_facts import UseAnswer
from byleave.gate.reference import Row, World, decide_row
from byleave.ids import LedgerIndex, MemberId
from byleave.policy.ruleset import RuleBook
from byleave.policy.ruleset_stop import stop_rules
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = ["answers_of"]

WHO = MemberId("the member")


def answers_of(
    events: Sequence[ConsentEvent],
    *,
    at: datetime,
    taxonomy: Taxonomy,
    book: RuleBook,
    notices: Mapping[str, NoticeCoverage],
    accepted: EvidenceGrade,
    region: str | None,
    age: int | None = None,
    rules_index: int = 3,
) -> dict[Use, UseAnswer]:
    """Ask the oracle about one record of the member's alone, collected at the instant asked about."""
    world = World(
        scope=Scope.parse("*/*/*"),
        at=at,
        taxonomy=taxonomy,
        rules=book,
        notices=notices,
        accepted=accepted,
        events={WHO: events},
        regions={WHO: region},
        ages={} if age is None else {WHO: age},
        rules_index=rules_index,
    )
    uses = {use for event in events for use in taxonomy.expand(event.scope)}
    return {use: _answer(world, use, region, age) for use in sorted(uses)}


def _answer(world: World, use: Use, region: str | None, age: int | None) -> UseAnswer:
    said = standing(
        world.events[WHO], use, at=world.at, notices=world.notices, accepted=world.accepted
    )
    row = Row(
        author=WHO, recipients=[WHO], category=use.category, collected_at=world.at, draft=False
    )
    scope = Scope(purpose=use.purpose, category=use.category, recipient=use.recipient)
    answer = decide_row(replace(world, scope=scope), row)
    stops = not answer.grounds and answer.reason is not said.reason
    index: int | None = world.rules_index if stops else said.because
    if answer.grounds:
        index = answer.grounds[0].index
    return UseAnswer(
        reason=answer.reason,
        ground=answer.grounds[0].ground if answer.grounds else Ground.NONE,
        choices=said.reason,
        index=None if index is None else LedgerIndex(index),
        stops=stop_rules(world.rules, region, use, answer.reason.word, at=world.at, age=age)
        if stops
        else (),
    )
