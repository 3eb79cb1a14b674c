"""What one member's choices and their region's rules come to for one use, with what decided it.

The gate's own oracle (`gate.reference`) is asked about one record of that member alone, collected
at the instant of the question: the answer is that of a gate run, for data of theirs from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.consent.decide import Standing
from byleave.consent.reason import Ground, Reason
from byleave.errors import InputError
from byleave.gate.plan import AGE_UNKNOWN
from byleave.gate.reference import Row, World, decide_row
from byleave.ids import MemberId
from byleave.policy.ruleset import RegionRule
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.compile import facts_of
from byleave.service.consent import decision_for, member_history, position_of
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = ["Explained", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An answer, and everything it rests on.

    Attributes:
        reason: `KEPT`, or why not: of the choices or of the rules, whichever stops it first.
        ground: What a yes rests on; `NONE` for a no.
        index: Ledger index of the choice, or of the rulesets, that decides; None: silence, or a
            rule of the package that no entry records.
        choices: What the choices alone come to.
        region: Where the member was then; None: not known, and the strictest rules hold.
        rule: What the region requires of the use.
    """

    reason: Reason
    ground: Ground
    index: int | None
    choices: Standing
    region: str | None
    rule: RegionRule


def explain(
    house: House,
    member: str,
    use: Use,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> Explained:
    """Return what one member's choices and their region's rules come to for one use.

    Args:
        house: The workspace's ports.
        member: The platform's id.
        use: One leaf use.
        at: An aware UTC instant; None: `known_at`, else now.
        known_at: Only choices and rulesets recorded by then; None: all.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    choices = decision_for(house, member, use, at=at, known_at=known_at)
    position = position_of(house, known_at=known_at)
    instant = at or known_at or ledger_now(house)
    book = rules_as_of(house, position)
    facts = facts_of(house, row[0], instant)
    region = facts.regions[int(facts.region_id[0])]
    age, within = int(facts.age[0]), facts.group_id
    who = MemberId(member)
    entries = [index for index, *_ in house.ledger.objects("ruleset") if index < position]
    world = World(
        scope=Scope(purpose=use.purpose, category=use.category, recipient=use.recipient),
        at=instant,
        taxonomy=house.taxonomy,
        rules=book,
        notices=coverages(house, before=position),
        accepted=accepted_grade(book, instant),
        events={who: member_history(house, member, known_at=known_at)},
        regions={who: region},
        ages={} if age == AGE_UNKNOWN else {who: age},
        groups={who: frozenset() if within is None else facts.groups[int(within[0])]},
        rules_index=entries[-1] if entries else -1,
    )
    answer = decide_row(
        world,
        Row(
            author=who,
            recipients=[who],
            category=use.category,
            collected_at=instant,
            draft=False,
        ),
    )
    ground = answer.grounds[0].ground if answer.grounds else Ground.NONE
    index = answer.grounds[0].index if answer.grounds else choices.because
    if not answer.grounds and answer.reason is not choices.reason:
        index = entries[-1] if entries else None  # a rule stops it
    return Explained(
        reason=answer.reason,
        ground=ground,
        index=None if index is None or index < 0 else index,
        choices=choices,
        region=region,
        rule=book.rule_for(region, use, at=instant),
    )
