"""Compile the ledger as it stands into a gate's plan: from what is kept where that can be, else in full.

A plan that was compiled is brought up to date by the ledger's tail: whoever spoke, moved, joined or
came of age since, and nobody else, is folded again (`gate.patch`). What comes out is the plan of a
full compile, digest for digest. Every compile reads the ledger's position first and folds all that
stands below it: there is no window in which an older answer is given.

In full it is where something else changed: rulesets, a notice, the taxonomy, an erasure, the
accepted grade of evidence, an earlier instant, or very many members.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EvidenceGrade
from byleave.consent.state import EventColumns, build
from byleave.gate.contract import Contract
from byleave.gate.members import MemberIndex
from byleave.gate.patch import patch_plan
from byleave.gate.plan import AGE_UNKNOWN, GatePlan, MemberFacts, compile_plan, uses_of
from byleave.ids import FAR_FUTURE_US, LedgerIndex, to_us
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.policy.scope import Scope
from byleave.service.ages import ages_on
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.groups import groups_at
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of
from byleave.service.source import Source

__all__ = ["Compiled", "Upcoming", "bring", "compile_for", "compile_in_full", "facts_of"]

_MOST_TOUCHED: Final = 0.05
"""Share of members beyond which folding everybody is the cheaper way."""
_RULING: Final = ("ruleset", "taxonomy", "notice", "erasure")
_YEAR: Final = 365.2425
_MARGIN_DAYS: Final = 3
_EPOCH: Final = date(1970, 1, 1)
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """When an answer may next be another although nobody says anything, by cause; µs.

    Attributes:
        choice: A choice takes effect or ends.
        fact: A region or a birth recorded for later holds.
        birthday: The next midnight (UTC), where births are known and a rule asks for an age.
    """

    choice: int
    fact: int
    birthday: int

    @property
    def first(self) -> int:
        """The first of them."""
        return min(self.choice, self.fact, self.birthday)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compiled:
    """A plan, and what it takes to bring it up to date later.

    Attributes:
        plan: The rules compiled.
        facts: Position of the ledger's `fact_tail` that it has read.
        upcoming: What time alone will change.
        among: The members it was patched for; None: compiled in full.
    """

    plan: GatePlan
    facts: int
    upcoming: Upcoming
    among: Longs | None = None


def compile_for(
    house: House,
    source: Source | Contract,
    use: str,
    *,
    at: datetime | None = None,
    before: int | None = None,
    party_rule: PartyRule | None = None,
    rules: RuleBook | None = None,
    accepted: EvidenceGrade | None = None,
) -> GatePlan:
    """Compile in full (see `compile_in_full`), for the plan alone."""
    return compile_in_full(
        house,
        source,
        use,
        at=at,
        before=before,
        party_rule=party_rule,
        rules=rules,
        accepted=accepted,
    ).plan


def compile_in_full(
    house: House,
    source: Source | Contract,
    use: str,
    *,
    at: datetime | None = None,
    before: int | None = None,
    party_rule: PartyRule | None = None,
    rules: RuleBook | None = None,
    accepted: EvidenceGrade | None = None,
) -> Compiled:
    """Compile PURPOSE/CATEGORY-OR-GROUP/RECIPIENT at an instant; about 4 µs a member and event.

    Args:
        house: The workspace's ports.
        source: Whose rows; or their contract alone.
        use: Purpose and recipient are leaves; the category may be a group (`messages`).
        at: Instant of the decision; default now.
        before: Read only events below this ledger index; default all.
        party_rule: What-if override of the rulesets' party rule.
        rules: What-if rulesets; default those logged last.
        accepted: What-if evidence grade at which a grant counts; default as the rulesets say.
    """
    scope: Scope = house.taxonomy.scope(use)
    position = house.ledger.size() if before is None else before
    instant = ledger_now(house) if at is None else at  # after all that stands below the position
    written, _ = house.ledger.facts_since(0)
    columns = event_columns(house, before=position)
    notices = coverages(house, before=position)
    rules = rules_as_of(house, position) if rules is None else rules
    accepted = accepted_grade(rules, instant) if accepted is None else accepted
    members = MemberIndex.of(house.ledger.member_ids(before=position))
    facts, births = _facts(house, instant, len(members))
    states = [
        build(columns, leaf, at=instant, members=len(members), notices=notices, accepted=accepted)
        for leaf in uses_of(scope, house.taxonomy)
    ]
    upcoming = Upcoming(
        choice=min((state.next_us for state in states), default=FAR_FUTURE_US),
        fact=house.ledger.fact_instants(to_us(instant), to_us(instant))[1],
        birthday=_midnight(instant) if births else FAR_FUTURE_US,
    )
    plan = compile_plan(
        scope,
        at=instant,
        contract=source if isinstance(source, Contract) else source.contract,
        taxonomy=house.taxonomy,
        rules=rules,
        states=states,
        members=members,
        facts=replace(facts, next_us=upcoming.first),
        ledger=position - 1,
        rules_index=_rules_index(house, position),
        party_rule=party_rule,
    )
    return Compiled(plan=plan, facts=written, upcoming=upcoming)


def bring(house: House, held: Compiled, at: datetime | None = None) -> Compiled | None:
    """Bring a plan up to date: to an instant (None: now) and the ledger's present position.

    Cost: the ledger's tail, its members' events, a copy of the plan and a hash of what changed;
    where a choice or a fact took effect by the clock alone, one pass over the table of those.

    Returns:
        The plan of a full compile, with the members who were folded again; None: compile in full.
    """
    plan, ledger = held.plan, house.ledger
    position = ledger.size()
    instant = ledger_now(house) if at is None else at
    written, moved = ledger.facts_since(held.facts)
    rules = rules_as_of(house, position)
    if not _rules_stand(house, plan, rules, instant, position):
        return None
    ids = ledger.member_ids(first=len(plan.members), before=position)
    members = _grown(plan.members, ids)
    touched, upcoming = _touched(house, held, instant, position, moved, joined=len(ids))
    ordinals = touched[touched < len(members)]
    if len(ordinals) > max(1000, _MOST_TOUCHED * len(members)):
        return None
    notices, accepted = coverages(house, before=position), accepted_grade(rules, instant)
    columns = _numbered(event_columns(house, before=position, ordinals=ordinals), ordinals)
    states = [
        build(columns, use, at=instant, members=len(ordinals), notices=notices, accepted=accepted)
        for use in uses_of(plan.scope, house.taxonomy)
    ]
    facts, births = _facts(house, instant, len(members), ordinals=ordinals, regions=plan.regions)
    upcoming = Upcoming(
        choice=min([upcoming.choice, *(state.next_us for state in states)]),
        fact=upcoming.fact,
        birthday=_midnight(instant)
        if births or upcoming.birthday < FAR_FUTURE_US
        else FAR_FUTURE_US,
    )
    made = patch_plan(
        plan,
        at=instant,
        ledger=position - 1,
        taxonomy=house.taxonomy,
        rules=rules,
        rules_index=_rules_index(house, position),
        members=members,
        ordinals=ordinals,
        states=states,
        facts=facts,
        next_us=upcoming.first,
    )
    if made is None:
        return None
    return Compiled(plan=made, facts=written, upcoming=upcoming, among=ordinals)


def _rules_stand(
    house: House, plan: GatePlan, rules: RuleBook, at: datetime, position: int
) -> bool:
    """Say whether nothing but members' choices, facts and time can have changed since a plan."""
    ruling = [row[0] for kind in _RULING for row in house.ledger.objects(kind)[-1:]]
    return (
        plan.at <= at
        and 0 <= plan.ledger < position
        and max(ruling, default=-1) <= plan.ledger
        and plan.parameters["rulesets"] == rules.digest.hex()
        and plan.parameters["taxonomy"] == house.taxonomy.digest.hex()
        and accepted_grade(rules, plan.at) == accepted_grade(rules, at)
    )


def _touched(
    house: House, held: Compiled, at: datetime, position: int, moved: Longs, *, joined: int
) -> tuple[Longs, Upcoming]:
    """Return whom the ledger's tail or the passing of time has touched, and what is upcoming."""
    plan, ledger, upcoming = held.plan, house.ledger, held.upcoming
    since_us, at_us = to_us(plan.at), to_us(at)
    spoke = ledger.events_columns(after=plan.ledger, before=position).ordinal
    new = np.arange(len(plan.members), len(plan.members) + joined)
    who = [np.zeros(0, np.int64), spoke, moved, new]
    choice, fact = upcoming.choice, upcoming.fact
    if choice <= at_us:
        found, choice = ledger.event_instants(since_us, at_us)
        who.append(found)
    if fact <= at_us or len(moved) or joined:
        found, fact = ledger.fact_instants(since_us, at_us)
        who.append(found)
    if upcoming.birthday <= at_us:
        ages = {rule.min_age for c in plan.categories for rule in c.rules if rule.min_age}
        who += [_comes_of_age(house, plan.at, at, age) for age in ages]
    return np.unique(np.concatenate(who)), replace(upcoming, choice=choice, fact=fact)


def _comes_of_age(house: House, since: datetime, at: datetime, age: int) -> Longs:
    """Return everyone who reached an age between two instants, and some of the days around."""
    first, last = ((moment.astimezone(UTC).date() - _EPOCH).days for moment in (since, at))
    return house.ledger.born_between(
        first - math.ceil(age * _YEAR) - _MARGIN_DAYS, last - math.floor(age * _YEAR) + _MARGIN_DAYS
    )


def _midnight(at: datetime) -> int:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return to_us(day + timedelta(days=1))


def _grown(members: MemberIndex, ids: pa.Array) -> MemberIndex:
    """Return an index with further ids at its end; the ledger holds none twice."""
    if not len(ids):
        return members
    dense = members.dense
    if dense is not None:
        follow = MemberIndex.counting(
            len(ids), prefix=dense.prefix, first=dense.first + dense.count
        )
        if pc.all(pc.equal(follow.ids, ids)).as_py():
            count = dense.count + len(ids)
            return MemberIndex.counting(count, prefix=dense.prefix, first=dense.first)
    return MemberIndex.trusted(pa.concat_arrays([members.ids, ids]))


def _numbered(columns: EventColumns, ordinals: Longs) -> EventColumns:
    """Number some members' events by their members' places among `ordinals`."""
    return replace(columns, ordinal=np.searchsorted(ordinals, columns.ordinal).astype(np.int64))


def _facts(
    house: House,
    at: datetime,
    members: int,
    *,
    ordinals: Longs | None = None,
    regions: Iterable[str | None] = (None,),
) -> tuple[MemberFacts, bool]:
    """Return regions, ages and groups of all members, or of some, and whether a birth is known."""
    count = members if ordinals is None else len(ordinals)
    found = house.ledger.regions_columns(to_us(at), ordinals=ordinals)
    names = tuple(dict.fromkeys([*regions, *sorted(found)]))
    region_id = np.full(count, names.index(None), np.int32)
    for region, who in found.items():
        region_id[_places(who, members, ordinals)] = names.index(region)
    born, days = house.ledger.births_columns(to_us(at), ordinals=ordinals)
    age = np.full(count, AGE_UNKNOWN, np.int16)
    inside = born < members
    day = at.astimezone(UTC).date()
    age[_places(born[inside], members, ordinals)] = ages_on(days[inside], day)
    groups, group_id = groups_at(house, at, members, ordinals=ordinals)
    facts = MemberFacts(
        regions=names, region_id=region_id, age=age, groups=groups, group_id=group_id
    )
    return facts, bool(len(born))


def facts_of(house: House, ordinal: int, at: datetime) -> MemberFacts:
    """Return the region, age and groups of one member at an instant, as a gate would read them."""
    return _facts(house, at, ordinal + 1, ordinals=np.array([ordinal], np.int64))[0]


def _places(who: Longs, members: int, ordinals: Longs | None) -> Longs:
    inside = who[who < members]
    return inside if ordinals is None else np.searchsorted(ordinals, inside).astype(np.int64)


def _rules_index(house: House, before: int) -> LedgerIndex | None:
    rows = [row for row in house.ledger.objects("ruleset") if row[0] < before]
    return LedgerIndex(rows[-1][0]) if rows else None
