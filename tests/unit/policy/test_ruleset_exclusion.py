"""What a ruleset takes out: intervals of collection and groups, read, merged, composed, kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.policy.ruleset import compose, parse_rules
from byleave.policy.ruleset_exclusion import Interval, is_group_name, merged
from byleave.policy.ruleset_record import parse_book
from byleave.policy.scope import Use
from tests.engines.strategies import OPERATOR

START = datetime(2024, 1, 1, tzinfo=UTC)
BOOK = parse_rules(OPERATOR, name="operator.yaml")
TRAIN = Use(purpose="train.generative.replies", category="messages.inmail", recipient="platform")
POSTS = Use(purpose="train.generative.writing", category="content.posts", recipient="platform")
SERVE = Use(purpose="service.delivery", category="content.posts", recipient="platform")
AT = START + timedelta(days=100)

days = st.integers(0, 40)
intervals = st.lists(
    st.tuples(days, st.integers(1, 9)).map(
        lambda pair: (
            START + timedelta(days=pair[0]),
            START + timedelta(days=pair[0] + pair[1]),
        )
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(intervals)
def test_merged_intervals_hold_the_same_instants(given_: list[Interval]) -> None:
    """Merged intervals hold exactly the instants of the given ones, ascend and do not touch."""
    found = merged(given_)
    for half_day in range(110):
        instant = START + timedelta(hours=12 * half_day)
        assert any(a <= instant < b for a, b in found) == any(a <= instant < b for a, b in given_)
    edges = [edge for pair in found for edge in pair]
    assert edges == sorted(set(edges))


def test_each_use_has_its_own() -> None:
    """A use is held to the intervals and groups whose scope covers it, and to no others."""
    rule = BOOK.rule_for("uu", TRAIN, at=AT)
    assert [(a.date().isoformat(), b.date().isoformat()) for a, b in rule.purged] == [
        ("2024-01-15", "2024-01-25"),
        ("2024-02-10", "2024-02-20"),
    ]
    assert len(BOOK.rule_for("uu", POSTS, at=AT).purged) == 1
    assert [a.day for a, _ in BOOK.rule_for("uu", SERVE, at=AT).purged] == [1]
    assert BOOK.rule_for("tt", SERVE, at=AT).purged == ()
    assert BOOK.rule_for("tt", SERVE, at=AT).excluded_groups == ()
    assert BOOK.rule_for("tt", TRAIN, at=AT).excluded_groups == ("listed",)


def test_rules_compose_to_all_that_any_takes_out() -> None:
    """Of several rulesets every interval and every group counts; in an unknown region all do."""
    both = compose([BOOK.rule_for(r, TRAIN, at=AT) for r in ("uu", "tt")])
    assert [a.date().isoformat() for a, _ in both.purged] == ["2024-01-15", "2024-02-01"]
    assert both.purged[-1][1].date().isoformat() == "2024-02-20"
    assert both.excluded_groups == ("listed", "other")
    unknown = BOOK.rule_for(None, TRAIN, at=AT)
    assert (unknown.purged, unknown.excluded_groups) == (both.purged, both.excluded_groups)


def test_the_record_is_read_back() -> None:
    """A book with intervals and groups is read from its record as it was, and a changed one not."""
    document = BOOK.to_dict()
    assert parse_book(document, digest=BOOK.digest) == BOOK
    changed = BOOK.to_dict()
    sets = changed["sets"]
    assert isinstance(sets, list)
    for item in sets:
        assert isinstance(item, dict)
        item.pop("purged", None)
    with pytest.raises(EvidenceError):
        parse_book(changed, digest=BOOK.digest)
    with pytest.raises(EvidenceError):
        parse_book(document, digest=Digest(bytes(32)))


def test_what_says_nothing_of_it_keeps_its_digest() -> None:
    """A ruleset without intervals and groups has no trace of them in its record."""
    plain = next(s for s in BOOK.sets if s.name == "zz")
    assert not {"purged", "excluded_groups"} & set(plain.to_dict())
    assert not {"purged", "excluded_groups"} & set(plain.rule_for(TRAIN, AT).to_dict())


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a", True), ("filtered-2025", True), ("x.y-1", True), ("", False), ("A", False),
     ("a b", False), ("-a", False), ("a" * 64, True), ("a" * 65, False), ("é", False), ("a\n", False)],
)  # fmt: skip
def test_names_of_groups(name: str, *, fits: bool) -> None:
    """A group's name is up to 64 of a-z, 0-9, point and hyphen, and no space."""
    assert is_group_name(name) is fits
