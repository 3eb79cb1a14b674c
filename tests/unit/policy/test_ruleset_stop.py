"""Which rules stop a use, told one by one: source, ruleset, since and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from byleave.policy.ruleset import RuleBook, Ruleset, default_rules, parse_rules
from byleave.policy.ruleset_record import parse_book
from byleave.policy.ruleset_stop import StopRule, stop_rules
from byleave.policy.scope import Use

USE = Use(purpose="train.ranking.jobs", category="profile.skills", recipient="platform")
AT = datetime(2025, 6, 1, tzinfo=UTC)
SET = """\
  - ruleset: own
    title: Rules of a test
    effective: "{effective}"
    regions: [xx]
    rules: [{{scope: "*/*/*", basis: opt-in, cite: "s. 1"}}]
    messages: {{party_rule: all, cite: "s. 3"}}
    past: {{may_be_covered: true, cite: "s. 4"}}
    general_grants: {{count: {general}, cite: "s. 5"}}
    {more}
"""


def book(*sets: tuple[str, str], general: str = "false") -> RuleBook:
    """Return a book of rulesets of one name by date, each with one more part."""
    text = "rulesets: v1\nversion: own\nsets:\n" + "".join(
        SET.format(effective=date, general=general, more=more) for date, more in sets
    )
    return parse_rules(text, name="rules.yaml")


def told(found: RuleBook, code: str, **who: Any) -> list[tuple[str, str | None, str, str | None]]:
    """Return (ruleset, source, since, until) of the rules that stop the use."""
    rules = stop_rules(found, "xx", USE, code, at=AT, **who)
    return [
        (r.ruleset, r.cite, f"{r.since:%F}", None if r.until is None else f"{r.until:%F}")
        for r in rules
    ]


AGE = 'min_age: {years: 18, unknown: refuse, cite: "s. 18"}'
STILL = 'suspensions: [{scope: train/*/*, start: "2025-03-01", end: "2025-09-01", cite: "order"}]'
DATE = 'earliest: {date: "2026-01-01", cite: "s. 9"}'
PURGED = 'purged: [{scope: train/*/*, start: "2025-05-01", end: "2025-07-01", cite: "decree"}]'
LISTED = 'excluded_groups: [{groups: [a, b], cite: "list"}]'
DAY = "2024-01-01"


@pytest.mark.parametrize(
    ("more", "code", "who", "expected"),
    [
        (AGE, "minor", {"age": 17}, ("own@2024-01-01", "s. 18", DAY, None)),
        (AGE, "age-unknown", {}, ("own@2024-01-01", "s. 18", DAY, None)),
        (STILL, "region-suspended", {}, ("own@2024-01-01", "order", "2025-03-01", "2025-09-01")),
        (DATE, "before-earliest", {}, ("own@2024-01-01", "s. 9", DAY, "2026-01-01")),
        (
            PURGED, "collected-while-suspended", {},
            ("own@2024-01-01", "decree", "2025-05-01", "2025-07-01"),
        ),
        (LISTED, "group-excluded", {"groups": {"b"}}, ("own@2024-01-01", "list", DAY, None)),
        ("", "grant-too-general", {}, ("own@2024-01-01", "s. 5", DAY, None)),
    ],
)  # fmt: skip
def test_each_reason_names_its_rule(
    more: str, code: str, who: dict[str, Any], expected: tuple[str, str | None, str, str | None]
) -> None:
    """The one rule behind a reason is told with its source and dates."""
    assert told(book((DAY, more)), code, **who) == [expected]


@pytest.mark.parametrize(
    ("more", "code", "who"),
    [
        (AGE, "minor", {"age": 18}),
        (AGE, "minor", {}),
        (LISTED, "group-excluded", {"groups": {"c"}}),
        ("", "region-suspended", {}),
        ("", "region-forbids", {}),
        (AGE, "no-grant", {"age": 3}),
    ],
)
def test_no_rule_is_put_forward_that_does_not_stop_it(
    more: str, code: str, who: dict[str, Any]
) -> None:
    """Of age, in no such group, not suspended, or stopped by a choice: there is no rule to name."""
    assert told(book((DAY, more)), code, **who) == []


def test_since_is_the_first_ruleset_that_has_it_without_a_break() -> None:
    """A rule that was there, went and came again holds since it came again."""
    again = book(("2022-01-01", AGE), ("2023-01-01", ""), (DAY, AGE), ("2025-01-01", AGE))
    assert told(again, "minor", age=3) == [("own@2025-01-01", "s. 18", DAY, None)]


def test_a_suspension_holds_never_before_the_first_ruleset_that_says_so() -> None:
    """Applied later than the day it names, it is told since it was applied."""
    late = book((DAY, ""), ("2025-04-01", STILL))
    assert told(late, "region-suspended") == [
        ("own@2025-04-01", "order", "2025-04-01", "2025-09-01")
    ]


def test_a_region_nobody_knows_is_told_every_rule() -> None:
    """Under all rulesets at once, each that has an age limit is named."""
    found = stop_rules(
        default_rules(), None, USE, "minor", at=datetime(2026, 11, 20, tzinfo=UTC), age=9
    )
    assert len({rule.ruleset for rule in found}) == len(found) == 9
    assert all(rule.cite for rule in found)


def test_a_use_without_a_rule_is_forbidden_by_none() -> None:
    """Where a ruleset has no rule for the use there is no source, and the ruleset is named."""
    text = (
        "rulesets: v1\nversion: own\nsets:\n" + SET.format(effective=DAY, general="true", more="")
    ).replace('scope: "*/*/*"', "scope: service/*/*")
    (rule,) = stop_rules(parse_rules(text, name="rules.yaml"), "xx", USE, "region-forbids", at=AT)
    assert rule == StopRule(
        ruleset="own@2024-01-01", cite=None, since=datetime(2024, 1, 1, tzinfo=UTC)
    )
    assert rule.to_dict()["cite"] is None


def test_a_record_keeps_the_sources() -> None:
    """The book read back from the ledger names the same rule; without them it is another book."""
    made = book((DAY, AGE))
    document: Any = made.to_dict()
    assert told(parse_book(document, digest=made.digest), "minor", age=3) == told(
        made, "minor", age=3
    )
    assert document["sets"][0].pop("min_age_cite") == "s. 18"
    old = RuleBook(version="own", sets=tuple(_bare(s) for s in made.sets))
    assert old.digest != made.digest
    assert told(old, "minor", age=3) == [("own@2024-01-01", None, DAY, None)]


def _bare(rules: Ruleset) -> Ruleset:
    return replace(rules, min_age_cite=None)
