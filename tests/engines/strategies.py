"""Worlds and rows for hypothesis: few members, few terms, every kind of trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import strategies as st

from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.gate.plan import uses_of
from byleave.gate.reference import Row, World
from byleave.ids import LedgerIndex, MemberId, parse_instant
from byleave.policy.ruleset import PartyRule, default_rules, parse_rules
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy
from byleave.testing.engine_suite import Example

TAXONOMY = default_taxonomy()
OPERATOR = """
rulesets: v1
version: "operator"
sets:
  - ruleset: zz
    title: An operator's own, with all that the format can say
    effective: "2024-01-01"
    regions: [zz]
    rules:
      - {scope: "*/*/*", basis: not-objected, notice_days: 10, noticed: "2024-02-01", cite: x}
      - {scope: "*/messages.group/*", basis: forbidden, cite: x}
      - {scope: service/*/*, basis: contract, cite: x}
    messages: {party_rule: author, cite: x}
    min_age: {years: 16, cite: x}
    earliest: {date: "2024-01-10", scope: "*/messages.inmail/*", cite: x}
    past: {may_be_covered: false, cite: x}
    general_grants: {count: true, cite: x}
  - ruleset: yy
    title: Suspended for a while
    effective: "2024-01-01"
    regions: [yy]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: x}
    messages: {party_rule: any, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
    suspensions:
      - {scope: train/*/*, start: "2024-02-20", end: "2024-03-05", cite: x}
  - ruleset: vv
    title: Whoever gave no age is taken for a minor
    effective: "2024-01-01"
    regions: [vv]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: x}
    messages: {party_rule: any, cite: x}
    min_age: {years: 17, unknown: refuse, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: true, cite: x}
  - ruleset: ww
    title: A yes reaches back, but not beyond a date
    effective: "2024-01-01"
    regions: [ww]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: x}
    messages: {party_rule: any, cite: x}
    earliest: {date: "2024-01-20", cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: true, cite: x}
  - ruleset: uu
    title: What was collected in two intervals is not used, nor is a group
    effective: "2024-01-01"
    regions: [uu]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: x}
    messages: {party_rule: any, cite: x}
    earliest: {date: "2024-01-06", cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: true, cite: x}
    purged:
      - {scope: "*/*/*", start: "2024-02-10", end: "2024-02-20", cite: x}
      - {scope: "*/messages/*", start: "2024-01-15", end: "2024-01-25", cite: x}
      - {scope: service/*/*, start: "2024-01-01", end: "2024-03-01", cite: x}
    excluded_groups:
      - {groups: [listed, other], cite: x}
  - ruleset: tt
    title: Another interval, whoever says nothing is in, and a group for one use alone
    effective: "2024-01-01"
    regions: [tt]
    rules:
      - {scope: "*/*/*", basis: not-objected, notice_days: 1, noticed: "2024-01-05", cite: x}
    messages: {party_rule: author, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
    purged:
      - {scope: train/*/*, start: "2024-02-01", end: "2024-02-12", cite: x}
    excluded_groups:
      - {groups: [listed], scope: train/*/*, cite: x}
"""
RULES = parse_rules(OPERATOR, name="operator.yaml")
BOOK = default_rules().extend(read_mapping(OPERATOR, name="operator.yaml"))
START = parse_instant("2024-01-01")
AT = parse_instant("2024-03-01")
MEMBERS = [MemberId(name) for name in ("ann", "bo", "cy", "di")]
SCOPES = [
    Scope.parse(text)
    for text in (
        "train.generative.replies/messages.inmail/platform",
        "train.generative/messages/platform",
        "train/messages/*",
        "*/*/*",
        "*/messages.inmail/platform",
        "train.ranking/profile/platform",
        "service/*/*",
    )
]
GATED = [
    Scope.parse(text)
    for text in (
        "train.generative.replies/messages.inmail/platform",
        "train.generative.replies/messages/platform",
        "train.generative.replies/messages.draft/platform",
        "train.generative.replies/*/platform",
        "service.delivery/*/platform",
        "train.ranking.jobs/profile/platform",
    )
]
LEAVES = TAXONOMY.expand(Scope.parse("train.generative.replies/messages/platform"))
NOTICES = {
    "n-all": NoticeCoverage(
        uses=frozenset(TAXONOMY.expand(Scope.parse("*/*/*"))), shown=frozenset()
    ),
    "n-shown": NoticeCoverage(uses=frozenset(LEAVES), shown=frozenset(LEAVES)),
    "n-none": NoticeCoverage(uses=frozenset(), shown=frozenset()),
}

CATEGORIES = [
    None,
    "no.such",
    "messages",
    "messages.group",
    "messages.draft",
    "messages.assistant",
    "profile.skills",
]
days = st.integers(0, 70).map(lambda d: START + timedelta(days=d))


def _day(rng: Random) -> datetime:
    return START + timedelta(days=rng.randint(0, 70))


def _event(rng: Random, member: MemberId, index: int) -> ConsentEvent:
    effective = _day(rng)
    granted = rng.random() < 0.7
    return ConsentEvent(
        member=member,
        index=LedgerIndex(index * 3),
        kind=EventKind.GRANT if granted else rng.choice(list(EventKind)),
        scope=rng.choice(SCOPES),
        effective=effective,
        recorded=effective,
        expires=_day(rng) if granted and rng.random() < 0.2 else None,
        includes_past=rng.random() < 0.5,
        notice=rng.choice(["n-all", "n-all", "n-shown", None, "n-none", "n-lost"]),
        grade=rng.choice([EvidenceGrade.BYTES, EvidenceGrade.BYTES, *EvidenceGrade]),
    )


def _history(rng: Random, members: int) -> dict[MemberId, list[ConsentEvent]]:
    events: dict[MemberId, list[ConsentEvent]] = {m: [] for m in MEMBERS[:members]}
    for index in range(rng.randint(0, 4 * members)):
        member = rng.choice(MEMBERS[:members])
        events[member].append(_event(rng, member, index))
    return events


def _row(rng: Random, usual: Sequence[str], *, scalar: bool, trouble: float) -> Row:
    def party(odds: float) -> MemberId | None:
        if rng.random() < odds:
            return rng.choice([None, MemberId("nobody")])
        return rng.choice(MEMBERS)

    most = 2 if scalar else 4
    recipients = [party(0.0 if scalar else trouble) for _ in range(rng.randint(0, most))]
    return Row(
        author=party(trouble),
        recipients=recipients or [MEMBERS[0]] * (rng.random() > trouble),
        category=rng.choice(CATEGORIES) if rng.random() < 0.3 else rng.choice(usual),
        collected_at=None if rng.random() < 0.2 else _day(rng),
        draft=rng.random() < trouble / 2,
    )


def example_of(seed: int) -> Example:
    """Return the world of a seed."""
    rng = Random(seed)
    members = rng.choice([1, 3, 4, 4])
    regions = ["us", "us", "us-ca", "de", "br", "zz", "zz", "yy", "ww", "ww", "xx", None]
    world = World(
        scope=rng.choice(GATED),
        at=AT,
        taxonomy=TAXONOMY,
        rules=rng.choice([default_rules(), BOOK, RULES]),
        notices=NOTICES,
        accepted=rng.choice(list(EvidenceGrade)),
        events=_history(rng, members),
        regions={m: rng.choice(regions) for m in MEMBERS if rng.random() < 0.8},
        ages={m: rng.choice([15, 16, 17, 18, 40]) for m in MEMBERS if rng.random() < 0.2},
        rules_index=rng.choice([-1, 7]),
        party_rule=rng.choice([None, *PartyRule]),
    )
    world = _left_out(Random(-1 - seed), world)
    scalar, trouble = rng.random() < 0.5, rng.choice([0.02, 0.2])
    usual = [use.category for use in uses_of(world.scope, TAXONOMY)]
    if "messages.inmail" in usual:
        usual += ["messages.inmail"] * 10
    rows = [
        _row(rng, usual, scalar=scalar, trouble=trouble) for _ in range(rng.choice([0, 1, 12, 30]))
    ]
    return Example(world=world, rows=rows, scalar=scalar)


def _left_out(rng: Random, world: World) -> World:
    """Return a world in which some live where intervals and groups are left out."""
    if world.rules is default_rules():
        return world
    moved = {m: rng.choice(["uu", "uu", "tt"]) for m in MEMBERS if rng.random() < 0.35}
    groups = [frozenset({"listed"}), frozenset({"other", "third"}), frozenset({"third"})]
    return replace(
        world,
        regions={**world.regions, **moved},
        groups={m: rng.choice(groups) for m in MEMBERS if rng.random() < 0.15},
    )


def examples() -> st.SearchStrategy[Example]:
    """Worlds and rows, from a seed: dense in trouble, which shrinking would thin out."""
    return st.integers(0, 2**48).map(example_of)


def histories(members: int = 4) -> st.SearchStrategy[dict[MemberId, list[ConsentEvent]]]:
    """Events of some members on record, in one ledger."""
    return st.integers(0, 2**48).map(lambda seed: _history(Random(seed), members))
