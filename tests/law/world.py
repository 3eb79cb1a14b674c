"""Small worlds in which one rule decides: people, what they said, and one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.gate.reference import Answer, Row, World, decide_row
from byleave.ids import LedgerIndex, MemberId, parse_instant
from byleave.policy.ruleset import RuleBook, default_rules
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy, default_taxonomy

TAXONOMY = default_taxonomy()
AT = parse_instant("2026-11-20")
BEFORE = parse_instant("2026-01-01")
TRAINING = "train.generative.replies/messages.inmail/platform"
DELIVERY = "service.delivery/messages.inmail/platform"
POSTS = "train.generative.writing/content.posts/platform"
RECORDS_USE = Use(
    purpose="train.generative.replies", category="records.messages", recipient="provider.host"
)
NOTICES = {
    "asked": NoticeCoverage(
        uses=frozenset(TAXONOMY.expand(Scope.parse("train/*/*"))), shown=frozenset()
    ),
    "records": NoticeCoverage(uses=frozenset([RECORDS_USE]), shown=frozenset()),
    "everything": NoticeCoverage(
        uses=frozenset(TAXONOMY.expand(Scope.parse("*/*/*"))), shown=frozenset()
    ),
}
RULES = """\
rulesets: v1
version: own
sets:
  - ruleset: own
    title: One operator's own
    effective: "2020-01-01"
    regions: [{regions}]
    rules:
{rules}
    messages: {{party_rule: any, cite: x}}
    past: {{may_be_covered: true, cite: x}}
    general_grants: {{count: true, cite: x}}
{more}
"""


def said(
    member: str,
    kind: str = "grant",
    scope: str = TRAINING,
    *,
    at: datetime = BEFORE,
    past: bool = True,
    notice: str | None = "asked",
) -> ConsentEvent:
    """Return one choice; those made later in a test stand later in the ledger."""
    said.count += 1  # type: ignore[attr-defined]
    return ConsentEvent(
        member=MemberId(member),
        index=LedgerIndex(said.count),  # type: ignore[attr-defined]
        kind=EventKind[kind.upper()],
        scope=Scope.parse(scope),
        effective=at,
        recorded=at,
        includes_past=past,
        notice=notice if kind == "grant" else None,
    )


said.count = 0  # type: ignore[attr-defined]


def decide(
    use: str,
    people: Mapping[str, str | None],
    *events: ConsentEvent,
    rules: RuleBook | None = None,
    at: datetime = AT,
    collected: str | None = "2026-06-01",
    ages: Mapping[str, int] | None = None,
    groups: Mapping[str, str] | None = None,
    category: str | None = None,
    taxonomy: Taxonomy = TAXONOMY,
) -> Answer:
    """Decide one record of `people` (the first is its author; each with a region) for a use."""
    members = [MemberId(name) for name in people]
    world = World(
        scope=taxonomy.scope(use),
        at=at,
        taxonomy=taxonomy,
        rules=rules or default_rules(),
        notices=NOTICES,
        accepted=EvidenceGrade.BYTES,
        events={m: [e for e in events if e.member == m] for m in members},
        regions={MemberId(name): region for name, region in people.items()},
        ages={MemberId(m): age for m, age in (ages or {}).items()},
        groups={MemberId(m): frozenset(names.split()) for m, names in (groups or {}).items()},
        rules_index=0,
    )
    row = Row(
        author=members[0],
        recipients=members[1:] or [None],
        category=category or use.split("/")[1],
        collected_at=None if collected is None else parse_instant(collected),
        draft=False,
    )
    return decide_row(world, row)


def own_rules(rules: Sequence[str], *, regions: str = "eu, de, us", more: str = "") -> RuleBook:
    """Return a book of one operator's rules alone."""
    text = RULES.format(
        regions=regions, rules="\n".join(f"      - {{{rule}}}" for rule in rules), more=more
    )
    empty = RuleBook(version="none", sets=())
    return empty.extend(read_mapping(text, name="own.yaml"))
