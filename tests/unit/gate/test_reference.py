"""The gate's oracle, claim by claim, on worlds made by hand (docs/spec/gate.md §3, §4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade
from byleave.consent.reason import Ground, Reason
from byleave.gate.reference import Answer, Row, World, decide_row
from byleave.ids import LedgerIndex, MemberId, parse_instant
from byleave.policy.ruleset import PartyRule, default_rules
from byleave.policy.scope import Scope
from tests.engines.strategies import BOOK, NOTICES, TAXONOMY

AT = parse_instant("2024-03-01")
INMAIL = "train.generative.replies/messages.inmail/platform"
WORDS = {
    "+": EventKind.GRANT,
    "-": EventKind.REFUSAL,
    "w": EventKind.WITHDRAWAL,
    "o": EventKind.OBJECTION,
}
JAN = parse_instant("2024-01-20")


def world(said: dict[str, str], scope: str = INMAIL, **changes: Any) -> World:
    """Members and what each said (`""`: nothing); all American unless told."""
    events = {}
    for index, (name, word) in enumerate(said.items()):
        event = ConsentEvent(
            member=MemberId(name),
            index=LedgerIndex(10 + index),
            kind=WORDS[word or "+"],
            scope=Scope.parse(scope),
            effective=AT - timedelta(days=1),
            recorded=AT,
            includes_past=True,
            notice="n-all",
        )
        events[MemberId(name)] = [event] if word else []
    made = World(
        scope=Scope.parse(scope),
        at=AT,
        taxonomy=TAXONOMY,
        rules=BOOK,
        notices=NOTICES,
        accepted=EvidenceGrade.BYTES,
        events=events,
        regions=dict.fromkeys(events, "us"),
        ages={},
        rules_index=3,
    )
    return replace(made, **changes)


def row(
    author: str | None = "ann",
    *recipients: str | None,
    category: str | None = "messages.inmail",
    collected: datetime | None = JAN,
    draft: bool = False,
) -> Row:
    """One record."""
    return Row(
        author=None if author is None else MemberId(author),
        recipients=[None if r is None else MemberId(r) for r in recipients],
        category=category,
        collected_at=collected,
        draft=draft,
    )


def told(answer: Answer) -> tuple[str, int]:
    """Return reason and party."""
    return answer.reason.word, answer.party


@pytest.mark.parametrize(
    ("ann", "bo", "author", "any_", "all_"),
    [
        ("+", "+", ("kept", -1), ("kept", -1), ("kept", -1)),
        ("+", "", ("kept", -1), ("kept", -1), ("no-grant", 1)),
        ("", "+", ("no-grant", 0), ("kept", -1), ("no-grant", 0)),
        ("", "", ("no-grant", 0), ("no-grant", 0), ("no-grant", 0)),
        ("-", "+", ("refused", 0), ("refused", 0), ("refused", 0)),
        ("w", "-", ("withdrawn", 0), ("withdrawn", 0), ("withdrawn", 0)),
        ("+", "o", ("party-vetoed", 1), ("party-vetoed", 1), ("party-vetoed", 1)),
        ("", "w", ("party-vetoed", 1), ("party-vetoed", 1), ("party-vetoed", 1)),
    ],
)
def test_party_rules(
    ann: str, bo: str, author: tuple[str, int], any_: tuple[str, int], all_: tuple[str, int]
) -> None:
    """Whose silence matters follows the rule; a no of either vetoes under each (G4)."""
    here = world({"ann": ann, "bo": bo})
    for rule, want in zip(
        (PartyRule.AUTHOR, PartyRule.ANY, PartyRule.ALL), (author, any_, all_), strict=True
    ):
        assert told(decide_row(replace(here, party_rule=rule), row("ann", "bo"))) == want


def test_rule_is_strictest_of_the_parties() -> None:
    """One American's yes is enough for Americans, and not for a Californian or a German."""
    for region, want in (
        ("us", "kept"),
        ("us-ca", "no-grant"),
        ("de", "no-grant"),
        (None, "no-grant"),
    ):
        here = world(
            {"ann": "+", "bo": ""},
            rules=default_rules(),
            regions={MemberId("ann"): "us", MemberId("bo"): region},
        )
        assert decide_row(here, row("ann", "bo")).reason.word == want


def test_grounds_name_the_deciding_grant() -> None:
    """A silent party rests on the first other's grant; a party with its own rests on that."""
    here = world({"ann": "", "bo": "+", "cy": "+"}, party_rule=PartyRule.ANY)
    grounds = decide_row(here, row("ann", "bo", "cy", "ann")).grounds
    assert [(g.member, g.role, g.ground, g.index) for g in grounds] == [
        ("ann", 1, Ground.CONSENT_OF_ANOTHER_PARTY, 11),
        ("bo", 2, Ground.CONSENT, 11),
        ("cy", 2, Ground.CONSENT, 12),
    ]


@pytest.mark.parametrize(
    ("made", "want"),
    [
        (row("ann", "bo", category=None), ("category-unknown", -1)),
        (row("ann", "bo", category="mail"), ("category-unknown", -1)),
        (row("ann", "bo", category="messages"), ("category-unknown", -1)),
        (row("ann", "bo", category="messages.group"), ("other-category", -1)),
        (row("ann", "bo", draft=True), ("draft-never-sent", -1)),
        (row(None, "bo"), ("party-missing", 0)),
        (row("ann"), ("party-missing", 1)),
        (row("ann", "bo", None), ("party-missing", 2)),
        (row("who", None), ("party-missing", 1)),
        (row("ann", "who"), ("party-unknown", 1)),
        (row("who", "bo"), ("party-unknown", 0)),
    ],
)
def test_doubt_about_the_row_drops_it(made: Row, want: tuple[str, int]) -> None:
    """What nobody knows of a row is a reason, before anyone is asked."""
    here = world({"ann": "-", "bo": "+"}, party_rule=PartyRule.ANY)
    assert told(decide_row(here, made)) == want


def test_drafts_only_by_name() -> None:
    """A draft is used only where drafts are asked for by name; its addressees are no parties."""
    scope = "train.generative.writing/messages.draft/platform"
    made = row("ann", "bo", category="messages.draft", draft=True)
    assert decide_row(world({"ann": "+"}, scope), made).reason is Reason.KEPT
    broad = "train.generative.writing/messages/platform"
    assert decide_row(world({"ann": "+"}, broad), made).reason is Reason.DRAFT_NEVER_SENT


def test_profiles_are_their_author_s() -> None:
    """In a category with one party, recipients are not asked."""
    scope = "train.ranking.jobs/profile.skills/platform"
    made = row("ann", "bo", category="profile.skills")
    assert decide_row(world({"ann": "+", "bo": "-"}, scope), made).reason is Reason.KEPT


def test_region_stops_whoever_it_is() -> None:
    """A suspended region of any party stops the row; a no is told first."""
    regions = {MemberId("ann"): "us", MemberId("bo"): "yy"}
    here = world({"ann": "+", "bo": "+"}, regions=regions)
    assert told(decide_row(here, row("ann", "bo"))) == ("region-suspended", 1)
    said = world({"ann": "-", "bo": "+"}, regions=regions)
    assert told(decide_row(said, row("ann", "bo"))) == ("refused", 0)


def test_unknown_region_is_stopped_too() -> None:
    """Whose region nobody knows is stopped by any suspension: they might live there."""
    here = world({"ann": "+", "bo": "+"}, regions={MemberId("ann"): "us"})
    assert told(decide_row(here, row("ann", "bo"))) == ("region-suspended", 1)


def test_minors_are_out() -> None:
    """A party known to be too young stops the row; an unknown age does not."""
    here = world({"ann": "+", "bo": "+"}, ages={MemberId("bo"): 17})
    assert told(decide_row(here, row("ann", "bo"))) == ("minor", 1)
    assert (
        decide_row(replace(here, ages={MemberId("bo"): 18}), row("ann", "bo")).reason is Reason.KEPT
    )


def test_earliest_date_needs_a_date() -> None:
    """Older data is out, and data without a date where one is needed."""
    here = world({"ann": "+", "bo": "+"}, regions={MemberId("ann"): "zz", MemberId("bo"): "zz"})
    old = parse_instant("2024-01-09")
    assert told(decide_row(here, row("ann", "bo", collected=old))) == ("before-earliest", 0)
    assert told(decide_row(here, row("ann", "bo", collected=None))) == ("collected-at-unknown", 0)


def test_what_was_collected_in_an_interval_is_out() -> None:
    """Data of an interval that is purged is out, to the microsecond, and data without a date."""
    people = {MemberId("ann"): "us", MemberId("bo"): "uu"}
    here = world({"ann": "+", "bo": "+"}, regions=people)
    start, end = parse_instant("2024-02-10"), parse_instant("2024-02-20")
    tick = timedelta(microseconds=1)
    for collected, reason in (
        (start - tick, "kept"),
        (start, "collected-while-suspended"),
        (end - tick, "collected-while-suspended"),
        (end, "kept"),
        (parse_instant("2024-01-20"), "collected-while-suspended"),
        (None, "collected-at-unknown"),
    ):
        found = decide_row(here, row("ann", "bo", collected=collected))
        assert told(found) == (reason, -1 if reason == "kept" else 1), collected


def test_a_listed_group_is_out() -> None:
    """A party in a group that its region's rules leave out stops the row; another group does not."""
    people = {MemberId("ann"): "us", MemberId("bo"): "uu"}
    here = world({"ann": "+", "bo": "+"}, regions=people)
    for groups, who, reason in (
        ({"listed"}, "bo", "group-excluded"),
        ({"third", "other"}, "bo", "group-excluded"),
        ({"third"}, "bo", "kept"),
        ({"listed"}, "ann", "kept"),
    ):
        there = replace(here, groups={MemberId(who): frozenset(groups)})
        found = decide_row(there, row("ann", "bo", collected=parse_instant("2024-03-01")))
        assert told(found)[0] == reason


def test_past_may_be_out_of_reach() -> None:
    """Where a ruleset lets no yes reach back, older data stays under its promise (G3)."""
    here = world({"ann": "+", "bo": "+"}, regions={MemberId("ann"): "zz", MemberId("bo"): "us"})
    assert told(decide_row(here, row("ann", "bo"))) == ("promise-of-collection", 0)
    assert decide_row(here, row("ann", "bo", collected=AT)).reason is Reason.KEPT


def test_yes_to_everything_is_void_in_brazil() -> None:
    """A yes to every purpose counts in the United States and not in Brazil."""
    for region, want in (("us", Reason.KEPT), ("br", Reason.GRANT_TOO_GENERAL)):
        here = world({"ann": "+"}, "*/content.posts/platform", regions={MemberId("ann"): region})
        asked = replace(here, scope=Scope.parse("train.ranking.content/content.posts/platform"))
        assert decide_row(asked, row("ann", category="content.posts")).reason is want


def test_other_grounds_are_named() -> None:
    """Silence is enough under a notice or a contract, on that ground, and a no still is a no."""
    zz = {MemberId("ann"): "zz", MemberId("bo"): "zz"}
    posts = "train.ranking.content/content.posts/platform"
    since = row("ann", category="content.posts", collected=parse_instant("2024-02-02"))
    before = row("ann", category="content.posts", collected=parse_instant("2024-01-31"))
    silent = world({"ann": ""}, posts, regions=zz)
    (ground,) = decide_row(silent, since).grounds
    assert (ground.ground, ground.index) == (Ground.NOT_OBJECTED, 3)
    assert decide_row(silent, before).reason is Reason.PROMISE_OF_COLLECTION
    assert decide_row(world({"ann": "o"}, posts, regions=zz), since).reason is Reason.OBJECTED
    delivery = world({"ann": ""}, "service.delivery/content.posts/platform", regions=zz)
    assert decide_row(delivery, before).grounds[0].ground is Ground.CONTRACT
    early = replace(silent, at=parse_instant("2024-02-10"))
    assert decide_row(early, since).reason is Reason.NO_GRANT


def test_no_other_ground_for_messages() -> None:
    """Neither notice nor contract reaches message content (G1)."""
    zz = {MemberId("ann"): "zz", MemberId("bo"): "zz"}
    for scope in (INMAIL, "service.delivery/messages.inmail/platform"):
        silent = world({"ann": "", "bo": ""}, scope, regions=zz)
        made = row("ann", "bo", collected=AT)
        assert decide_row(silent, made).reason is Reason.NO_GRANT


def test_no_rules_no_use() -> None:
    """Where no ruleset is in force yet, nothing may be used."""
    book = replace(default_rules(), sets=())
    here = world({"ann": "+", "bo": "+"}, rules=book)
    assert decide_row(here, row("ann", "bo")).reason is Reason.REGION_FORBIDS
