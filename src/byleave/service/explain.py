"""What one member's choices and their region's rules come to for one use, with what decided it.

The gate's own oracle (`gate.reference`) is asked about one record of that member alone, collected
at the instant of the question: the answer is that of a gate run, for data of theirs from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from byleave.consent.decide import Standing, standing
from byleave.consent.event import NoticeCoverage
from byleave.consent.reason import Ground, Reason
from byleave.errors import InputError
from byleave.gate.plan import AGE_UNKNOWN
from byleave.gate.reference import Row, World, decide_row
from byleave.ids import MemberId
from byleave.policy.ruleset import RegionRule, RuleBook
from byleave.policy.ruleset_stop import StopRule, stop_rules
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.compile import facts_of
from byleave.service.consent import member_history, position_of
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = ["Explained", "Explainer", "Ruling", "explain", "ruling_at"]


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
        stops: The rules that stop it, each with its source; none where no rule does.
    """

    reason: Reason
    ground: Ground
    index: int | None
    choices: Standing
    region: str | None
    rule: RegionRule
    stops: tuple[StopRule, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the data may be used."""
        return self.reason is Reason.KEPT

    @property
    def stopped_by_rule(self) -> bool:
        """Whether it is the rules that stop it, and not the member's own choices."""
        return not self.allowed and self.reason is not self.choices.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What holds for everybody at a ledger position.

    Attributes:
        book: The rulesets in force.
        entry: Ledger index of their entry; None: none was logged.
        notices: What each notice had expanded to.
    """

    book: RuleBook
    entry: int | None
    notices: Mapping[str, NoticeCoverage]


def ruling_at(house: House, position: int) -> Ruling:
    """Return what holds for everybody, by what stands below a ledger position."""
    entries = [index for index, *_ in house.ledger.objects("ruleset") if index < position]
    return Ruling(
        book=rules_as_of(house, position),
        entry=entries[-1] if entries else None,
        notices=coverages(house, before=position),
    )


class Explainer:
    """One member's answers for any number of uses.

    Cost: the ledger is read once, in the beginning; a use costs the oracle and the rules alone.

    Args:
        house: The workspace's ports.
        member: The platform's id.
        at: An aware UTC instant; None: `known_at`, else now.
        known_at: Only choices and rulesets recorded by then; None: all.
        ruling: What holds for everybody then, where that has been read; None: read it.

    Raises:
        InputError: `member.unknown`.
    """

    def __init__(
        self,
        house: House,
        member: str,
        *,
        at: datetime | None = None,
        known_at: datetime | None = None,
        ruling: Ruling | None = None,
    ) -> None:
        row = house.ledger.member(member)
        if row is None:
            raise InputError("the ledger knows no such member", code="member.unknown")
        if ruling is None:
            ruling = ruling_at(house, position_of(house, known_at=known_at))
        instant = at or known_at or ledger_now(house)
        facts = facts_of(house, row[0], instant)
        age, within = int(facts.age[0]), facts.group_id
        self._who = MemberId(member)
        self._ruling = ruling
        self.region = facts.regions[int(facts.region_id[0])]
        self._world = World(
            scope=Scope(purpose="*", category="*", recipient="*"),
            at=instant,
            taxonomy=house.taxonomy,
            rules=ruling.book,
            notices=ruling.notices,
            accepted=accepted_grade(ruling.book, instant),
            events={self._who: member_history(house, member, known_at=known_at)},
            regions={self._who: self.region},
            ages={} if age == AGE_UNKNOWN else {self._who: age},
            groups={self._who: frozenset() if within is None else facts.groups[int(within[0])]},
            rules_index=-1 if ruling.entry is None else ruling.entry,
        )

    def choices(self, use: Use) -> Standing:
        """Return what the member's choices alone come to for a leaf use."""
        world = self._world
        return standing(
            world.events[self._who],
            use,
            at=world.at,
            notices=world.notices,
            accepted=world.accepted,
        )

    def explain(self, use: Use) -> Explained:
        """Return what choices and rules come to for a leaf use."""
        choices, entry = self.choices(use), self._ruling.entry
        scope = Scope(purpose=use.purpose, category=use.category, recipient=use.recipient)
        answer = decide_row(
            replace(self._world, scope=scope),
            Row(
                author=self._who,
                recipients=[self._who],
                category=use.category,
                collected_at=self._world.at,
                draft=False,
            ),
        )
        ground = answer.grounds[0].ground if answer.grounds else Ground.NONE
        index = answer.grounds[0].index if answer.grounds else choices.because
        stops: tuple[StopRule, ...] = ()
        if not answer.grounds and answer.reason is not choices.reason:
            index, stops = entry, self._stops(use, answer.reason)
        return Explained(
            reason=answer.reason,
            ground=ground,
            index=None if index is None or index < 0 else index,
            choices=choices,
            region=self.region,
            rule=self._world.rules.rule_for(self.region, use, at=self._world.at),
            stops=stops,
        )

    def _stops(self, use: Use, reason: Reason) -> tuple[StopRule, ...]:
        world, who = self._world, self._who
        return stop_rules(
            world.rules,
            self.region,
            use,
            reason.word,
            at=world.at,
            age=world.ages.get(who),
            groups=world.groups[who],
        )


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
    return Explainer(house, member, at=at, known_at=known_at).explain(use)
