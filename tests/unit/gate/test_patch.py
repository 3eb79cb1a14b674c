"""A plan compiled again for those who spoke equals one compiled for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.state import EventColumns, State, build
from byleave.errors import InputError
from byleave.gate.members import MemberIndex
from byleave.gate.patch import is_current, patch_plan
from byleave.gate.plan import AGE_UNKNOWN, GatePlan, MemberFacts, uses_of
from byleave.gate.reference import World
from byleave.ids import FAR_FUTURE_US, LedgerIndex, MemberId, to_us
from byleave.policy.ruleset import default_rules
from byleave.testing.engine_suite import Example, compile_example
from tests.engines.strategies import AT, NOTICES, RULES, SCOPES, example_of

ADDED = ["eve", "fay", "gus"]


def states_of(world: World, who: Sequence[MemberId]) -> list[State]:
    ordinals = {member: i for i, member in enumerate(who)}
    events = sorted((e for m in who for e in world.events[m]), key=lambda e: e.index)
    return [
        build(
            EventColumns.from_events(events, ordinals),
            use,
            at=world.at,
            members=len(who),
            notices=world.notices,
            accepted=world.accepted,
        )
        for use in uses_of(world.scope, world.taxonomy)
    ]


def facts_of(world: World, who: Sequence[MemberId]) -> MemberFacts:
    everyone = MemberFacts.of([world.regions.get(m) for m in world.events])
    ids = [everyone.regions.index(world.regions.get(m)) for m in who]
    ages = [world.ages.get(m, AGE_UNKNOWN) for m in who]
    theirs = MemberFacts.of([None], groups=[world.groups.get(m, frozenset()) for m in who])
    return replace(
        everyone,
        region_id=np.array(ids, np.int32),
        age=np.array(ages, np.int16),
        groups=theirs.groups,
        group_id=theirs.group_id,
    )


def patched(plan: GatePlan, world: World, who: Sequence[MemberId]) -> GatePlan | None:
    ids = list(world.events)
    last = max((e.index for es in world.events.values() for e in es), default=-1)
    return patch_plan(
        plan,
        at=world.at,
        ledger=last,
        taxonomy=world.taxonomy,
        rules=world.rules,
        rules_index=None if world.rules_index < 0 else LedgerIndex(world.rules_index),
        members=MemberIndex.of(ids),
        ordinals=np.array([ids.index(m) for m in who], np.int64),
        states=states_of(world, who),
        facts=facts_of(world, who),
        next_us=FAR_FUTURE_US,
    )


def later(rng: Random, world: World) -> tuple[World, list[MemberId]]:
    """Return the world some events, members and days later, and whom that touched."""
    events = {m: list(es) for m, es in world.events.items()}
    for name in rng.sample(ADDED, rng.randint(0, len(ADDED))):
        events[MemberId(name)] = []
    index = 1 + max((e.index for es in events.values() for e in es), default=-1)
    at = world.at + timedelta(days=rng.choice([0, 0, 1, 20]))
    touched = {m for m in events if m not in world.events}
    for step in range(rng.randint(0, 4)):
        member = rng.choice(list(events))
        effective = world.at - timedelta(days=rng.randint(0, 60))
        events[member].append(
            ConsentEvent(
                member=member,
                index=LedgerIndex(index + step),
                kind=rng.choice(list(EventKind)),
                scope=rng.choice([*SCOPES, world.scope]),
                effective=effective,
                recorded=effective,
                includes_past=rng.random() < 0.5,
                notice=rng.choice(list(NOTICES)),
            )
        )
        touched.add(member)
    start, end = to_us(world.at), to_us(at)
    for member, told in events.items():
        for event in told:
            ends = [event.effective] + ([event.expires] if event.expires else [])
            if any(start < to_us(i) <= end for i in ends):
                touched.add(member)
    after = replace(world, events=events, at=at)
    return after, [m for m in events if m in touched]


@settings(deadline=None, max_examples=120)
@given(seed=st.integers(0, 2**40))
def test_patched_is_compiled(seed: int) -> None:
    """After any events, new members and days, patching gives the plan of compiling, bit for bit."""
    rng = Random(seed)
    example = example_of(seed)
    plan, _ = compile_example(example)
    world, who = later(rng, example.world)
    whole, _ = compile_example(Example(world=world, rows=[], scalar=example.scalar))
    found = patched(plan, world, who)
    if found is None:  # a rule says something else by then
        assert world.at > example.world.at
        return
    for one, other in zip(found.categories, whole.categories, strict=True):
        for (name, a), (_, b) in zip(one.planes(), other.planes(), strict=True):
            assert a.dtype == b.dtype, name
            assert np.array_equal(a, b), name
        assert set(one.rules) == set(other.rules)
    assert found.chunks == whole.chunks
    assert found.digest == whole.digest
    again = patched(found, world, who)
    assert again is not None
    assert again.digest == whole.digest


def big(members: int) -> tuple[Example, World]:
    """Return a world of many silent members, and the same after one of them said yes."""
    world = example_of(5).world
    ids = [MemberId(f"m{n}") for n in range(members)]
    events: dict[MemberId, list[ConsentEvent]] = {m: [] for m in ids}
    world = replace(world, events=events, regions={}, ages={}, rules=default_rules())
    yes = ConsentEvent(
        member=ids[members // 2],
        index=LedgerIndex(0),
        kind=EventKind.REFUSAL,
        scope=world.scope,
        effective=AT - timedelta(days=3),
        recorded=AT,
    )
    told = {**events, yes.member: [yes]}
    return Example(world=world, rows=[]), replace(world, events=told)


def test_one_voice_among_many() -> None:
    """Planes of more than one byte a word, and of an odd number of members, are patched alike."""
    for members in (1, 7, 9, 63, 65, 1027):
        example, world = big(members)
        plan, _ = compile_example(example)
        whole, _ = compile_example(Example(world=world, rows=[]))
        found = patched(plan, world, [MemberId(f"m{members // 2}")])
        assert found is not None
        assert found.digest == whole.digest


def test_a_rule_that_changed_is_not_patched() -> None:
    """Where a rule says something else, everyone may be touched: the answer is to compile anew."""
    example, world = big(9)
    plan, _ = compile_example(example)
    assert patched(plan, replace(world, rules=RULES), [MemberId("m4")]) is None


def test_a_new_member_must_be_among_those_read() -> None:
    """A member the plan does not hold and the patch does not name is refused."""
    example, world = big(9)
    plan, _ = compile_example(example)
    grown = replace(world, events={**world.events, MemberId("m9"): []})
    with pytest.raises(InputError):
        patched(plan, grown, [MemberId("m4")])


def test_when_a_plan_is_current() -> None:
    """A plan holds until its next instant, for its ledger position and rulesets alone."""
    example, world = big(9)
    plan, _ = compile_example(example)
    plan = replace(plan, next_us=to_us(AT + timedelta(days=1)))
    for at, wanted in (
        (AT, True),
        (AT + timedelta(hours=23), True),
        (AT + timedelta(days=1), False),
        (AT - timedelta(seconds=1), False),
    ):
        assert is_current(plan, at=at, ledger=plan.ledger, rules=world.rules) is wanted
    assert not is_current(plan, at=AT, ledger=plan.ledger + 1, rules=world.rules)
    assert not is_current(plan, at=AT, ledger=plan.ledger, rules=RULES)


def test_the_next_instant_is_known() -> None:
    """A plan names the next instant at which a choice, a rule or a fact may change an answer."""
    _, world = big(9)
    member = MemberId("m4")
    ends = AT + timedelta(days=2)
    grant = replace(world.events[member][0], kind=EventKind.GRANT, expires=ends)
    world = replace(world, events={**world.events, member: [grant]})
    who = [MemberId(f"m{n}") for n in range(9)]
    assert {s.next_us for s in states_of(world, who)} == {to_us(ends)}
    plan, _ = compile_example(Example(world=world, rows=[]))
    assert plan.next_us == to_us(AT)  # nobody told when regions and ages change
