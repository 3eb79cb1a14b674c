"""What jurisdictions require."""

from __future__ import annotations

from itertools import product

import pytest

from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.policy.ruleset import (
    Basis,
    PartyRule,
    RegionRule,
    RuleBook,
    compose,
    default_rules,
    parse_rules,
)
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import default_taxonomy

BOOK = default_rules()
TAXONOMY = default_taxonomy()
AT = parse_instant("2026-11-01")
REPLIES = TAXONOMY.use("train.generative.replies/messages.inmail/platform")
POSTS = TAXONOMY.use("train.ranking.content/content.posts/platform")
DELIVERY = TAXONOMY.use("service.delivery/profile.skills/platform")
ONE = """\
rulesets: v1
version: "own"
sets:
  - ruleset: own
    title: Own
    effective: "2024-01-01"
    regions: [uk]
    rules:
      - {scope: "*/*/*", basis: not-objected, notice_days: 28, noticed: "2024-08-01", cite: x}
      - {scope: train.safety/*/*, basis: forbidden, cite: x}
    messages: {party_rule: any, cite: x}
    past: {may_be_covered: false, cite: x}
    general_grants: {count: true, cite: x}
    suspensions:
      - {scope: train/*/*, start: "2024-09-20", end: "2024-12-01", cite: ICO}
"""


def test_ships_the_nine() -> None:
    """The shipped rulesets are those the design names, each rule with its source."""
    assert {r.name for r in BOOK.sets} == set("default us us-ca eu uk br ch ca hk".split())
    assert all(rule.cite and r.party_cite for r in BOOK.sets for rule in r.rules)


def test_training_needs_a_yes_everywhere() -> None:
    """As shipped, no ruleset lets anything be trained on without a yes (G1)."""
    uses = TAXONOMY.expand(Scope.parse("train/*/platform"))
    for ruleset, use in product(BOOK.sets, uses):
        assert ruleset.rule_for(use, AT).basis is Basis.OPT_IN


def test_no_other_basis_reaches_messages() -> None:
    """Whatever a ruleset says, message content needs a yes (G1)."""
    own = parse_rules(ONE, name="own.yaml")
    uses = TAXONOMY.expand(Scope.parse("*/messages/platform"))
    for book, region, use in product((BOOK, own), ("us", "uk", "de", None), uses):
        assert book.rule_for(region, use, at=AT).basis >= Basis.OPT_IN


@pytest.mark.parametrize(
    ("region", "rule"),
    [
        ("us", "any"),
        ("us-ny", "any"),
        ("US", "any"),
        ("us-ca", "all"),
        ("de", "all"),
        ("uk", "all"),
        ("ca", "all"),
        ("no", "all"),
        (None, "all"),
        ("atlantis", "all"),
        ("", "all"),
    ],
)
def test_party_rule_by_region(region: str | None, rule: str) -> None:
    """One party's yes is enough in the United States outside California, and nowhere else."""
    assert BOOK.rule_for(region, REPLIES, at=AT).party_rule.word == rule


def test_unknown_region_is_strictest() -> None:
    """A region nobody knows is bound at least as tightly as any known one."""
    unknown = BOOK.rule_for(None, REPLIES, at=AT)
    for ruleset in BOOK.sets:
        assert compose([unknown, ruleset.rule_for(REPLIES, AT)]).to_dict() == unknown.to_dict()


def test_general_grants_are_void_in_brazil() -> None:
    """A grant for every purpose does not count under LGPD art. 8 par. 4."""
    assert not BOOK.rule_for("br", REPLIES, at=AT).general_grants_count
    assert BOOK.rule_for("us", REPLIES, at=AT).general_grants_count


def test_service_rests_on_contract_where_known() -> None:
    """Delivering the service rests on the contract, and on a yes where the region is unknown."""
    assert BOOK.rule_for("de", DELIVERY, at=AT).basis is Basis.CONTRACT
    assert BOOK.rule_for(None, DELIVERY, at=AT).basis is Basis.OPT_IN


def test_compose_is_strictest_of_each() -> None:
    """Composition is order-free, idempotent, and takes the strictest of each part."""
    rules = [r.rule_for(REPLIES, AT) for r in (*BOOK.sets, *parse_rules(ONE, name="o").sets)]
    for one, other in product(rules, rules):
        both = compose([one, other])
        assert both == compose([other, one]) == compose([both, one])
        assert both.party_rule == max(one.party_rule, other.party_rule)
        assert both.past_may_be_covered == (one.past_may_be_covered and other.past_may_be_covered)


def test_nothing_composes_to_forbidden() -> None:
    """Where no ruleset is in force, everything is forbidden."""
    nothing: RegionRule = compose([])
    assert nothing.basis is Basis.FORBIDDEN
    assert nothing.party_rule is PartyRule.ALL
    early = parse_rules(ONE, name="o").rule_for("uk", POSTS, at=parse_instant("2023-12-31"))
    assert early.basis is Basis.FORBIDDEN


@pytest.mark.parametrize(
    ("day", "suspended"),
    [("2024-09-19", False), ("2024-09-20", True), ("2024-11-30", True), ("2024-12-01", False)],
)
def test_suspension_is_half_open(day: str, suspended: bool) -> None:
    """A suspension holds from its first instant until its end, for the uses in its scope."""
    book = parse_rules(ONE, name="own.yaml")
    assert book.rule_for("uk", POSTS, at=parse_instant(day)).suspended is suspended
    assert not book.rule_for("uk", DELIVERY, at=parse_instant(day)).suspended


def test_notice_must_be_old_enough() -> None:
    """A not-objected basis is ready once its days since the notice are over."""
    book = parse_rules(ONE, name="own.yaml")
    assert not book.rule_for("uk", POSTS, at=parse_instant("2024-08-28")).ready
    assert book.rule_for("uk", POSTS, at=parse_instant("2024-08-29")).ready


def test_narrowest_rule_speaks() -> None:
    """Of the rules that cover a use, the narrowest scope speaks."""
    book = parse_rules(ONE, name="own.yaml")
    use = TAXONOMY.use("train.safety/content.posts/platform")
    assert book.rule_for("uk", use, at=AT).basis is Basis.FORBIDDEN


def test_operator_adds_beside() -> None:
    """An operator's ruleset composes with the shipped one of the same region."""
    book: RuleBook = BOOK.extend(read_mapping(ONE, name="own.yaml"))
    rule = book.rule_for("uk", POSTS, at=parse_instant("2024-10-01"))
    assert rule.suspended
    assert rule.party_rule is PartyRule.ALL
    assert rule.basis is Basis.OPT_IN
    assert book.digest != BOOK.digest


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("not-objected", "optout", "ruleset.malformed"),
        ("cite: ICO", "site: ICO", "input.unknown-field"),
        (", cite: ICO", "", "input.malformed"),
        ("2024-12-01", "2024-09-20", "ruleset.malformed"),
        ("party_rule: any", "party_rule: one", "ruleset.malformed"),
        ("notice_days: 28, ", "", "input.malformed"),
        ("basis: not-objected", "basis: opt-in", "ruleset.malformed"),
        ("2024-01-01", "soon", "ruleset.malformed"),
        ("rulesets: v1", "rulesets: v9", "ruleset.malformed"),
        ("train/*/*", "train", "use.malformed"),
    ],
)
def test_doubt_is_refused(old: str, new: str, code: str) -> None:
    """A ruleset with a word, a field or a date that is not understood is refused."""
    with pytest.raises(InputError) as caught:
        parse_rules(ONE.replace(old, new), name="own.yaml")
    assert caught.value.code == code
