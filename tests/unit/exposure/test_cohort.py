"""Who was affected: each condition on both sides of its boundary, and the whole against loops."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import InputError
from byleave.exposure.cohort import EVERYONE, REASONS, Affected, Cohort, affected, alleged_class
from byleave.exposure.practice import Honoured, Interval, Practice, Setting, SettingPeriod
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    OPT_OUTS,
    REGIONS,
    SETTING,
    SUBSCRIPTIONS,
    US,
    USED,
    by_hand,
    choices,
    delivery,
    message,
    practice,
    rows,
)

DAY = timedelta(days=1)


def reasons(found: Affected) -> dict[tuple[str, str], str]:
    return {(p["member"], p["record"]): p["reason"] for p in found.pairs.to_pylist()}


def who(past: Practice, cohort: Cohort = EVERYONE, chosen: pa.Table | None = None) -> set[str]:
    return set(affected(past, chosen, cohort).members["member"].to_pylist())


def test_silence_is_no_consent() -> None:
    """Both parties to a used message are affected when neither ever said anything."""
    assert reasons(affected(practice())) == {
        ("ann", "1"): "before-policy",
        ("bob", "1"): "recipient-never-asked",
    }


def test_a_message_sent_at_the_delivery_was_not_in_it() -> None:
    """A message sent just before the delivery was in it, one sent at its instant was not."""
    assert who(practice(message(sent=USED - US))) == {"ann", "bob"}
    assert who(practice(message(sent=USED))) == set()


def test_an_opt_out_counts_from_its_instant() -> None:
    """The author's switch, off at the delivery's instant, keeps it out; off later, it does not."""
    before = practice(opt_outs=rows(OPT_OUTS, ("ann", USED)))
    after = practice(opt_outs=rows(OPT_OUTS, ("ann", USED + US)))
    assert who(before) == set()
    assert who(after) == {"ann", "bob"}


def test_a_refusal_under_another_partys_rule() -> None:
    """A recipient who had opted out is affected as refused where only authors were asked."""
    past = practice(opt_outs=rows(OPT_OUTS, ("bob", USED - DAY)))
    assert reasons(affected(past)) == {
        ("ann", "1"): "before-policy",
        ("bob", "1"): "refused-but-used",
    }


@pytest.mark.parametrize(
    ("honoured", "off", "used"),
    [
        (Honoured.AUTHOR, ("ann",), False),
        (Honoured.AUTHOR, ("bob",), True),
        (Honoured.ANY, ("bob",), False),
        (Honoured.ANY, ("cat",), True),
        (Honoured.ALL, ("ann",), True),
        (Honoured.ALL, ("ann", "bob"), False),
        (Honoured.NONE, ("ann", "bob"), True),
    ],
)
def test_whose_switch_is_honoured(honoured: Honoured, off: tuple, used: bool) -> None:
    """A delivery leaves out a message exactly when the switch it honours was off."""
    past = practice(
        message(),
        message("2", author="cat", recipients=("dan",)),
        deliveries=(delivery(honoured=honoured),),
        opt_outs=rows(OPT_OUTS, *((member, USED - DAY) for member in off)),
    )
    assert ("1" in affected(past).pairs["record"].to_pylist()) is used


def test_a_switch_turned_on_again_is_silence() -> None:
    """Turning the switch on again lets the message be used, and is still no consent."""
    switched = rows(OPT_OUTS, ("ann", AUGUST), ("ann", AUGUST + DAY, True))
    found = affected(practice(opt_outs=switched))
    assert reasons(found)["ann", "1"] == "before-policy"


def test_a_switch_off_by_default_uses_nobody_silent() -> None:
    """Where the default was off, only members who switched it on were used."""
    off = Setting("train", (SettingPeriod(Interval(AUGUST, None), default_on=False),))
    past = practice(message(), message("2", author="cat"), setting=off,
                    opt_outs=rows(OPT_OUTS, ("cat", AUGUST, True)))  # fmt: skip
    assert {record for _, record in reasons(affected(past))} == {"2"}


def test_a_setting_starts_and_ends_half_open() -> None:
    """A period of a setting holds its start and not its end."""
    setting = Setting(
        "train",
        (
            SettingPeriod(Interval(AUGUST, USED), default_on=False),
            SettingPeriod(Interval(USED, CUT), default_on=True),
        ),
    )
    instants = (AUGUST - US, AUGUST, USED - US, USED, CUT - US, CUT)
    assert [setting.default_at(i) for i in instants] == [None, False, False, True, True, None]
    assert setting.on_since == USED


def test_an_own_grant_ends_it() -> None:
    """A grant in effect at the use, covering the past, takes that member out and no other."""
    granted = choices(("bob", USED - DAY, "grant", None, True))
    assert reasons(affected(practice(), granted)) == {("ann", "1"): "before-policy"}


def test_a_grant_counts_from_its_instant() -> None:
    """A grant given at the very instant of the use counts, one given after it does not."""
    assert who(practice(), chosen=choices(("bob", USED, "grant", None, True))) == {"ann"}
    late = choices(("bob", USED + US, "grant", None, True))
    assert who(practice(), chosen=late) == {"ann", "bob"}


def test_a_grant_ends_half_open() -> None:
    """A grant covers a use just before it expires, and not one at the instant it does."""
    running = choices(("bob", AUGUST, "grant", USED + US, True))
    lapsed = choices(("bob", AUGUST, "grant", USED, True))
    assert who(practice(), chosen=running) == {"ann"}
    assert reasons(affected(practice(), lapsed))["bob", "1"] == "expired"


def test_a_grant_without_the_past_covers_from_its_instant() -> None:
    """A message sent when the grant was given is covered; one sent just before is older data."""
    granted = choices(("bob", AUGUST, "grant", None, False))
    assert ("bob", "1") not in reasons(affected(practice(message(sent=AUGUST)), granted))
    older = affected(practice(message(sent=AUGUST - US)), granted)
    assert reasons(older)["bob", "1"] == "collected-under-older-promise"


def test_a_later_refusal_lifts_a_grant() -> None:
    """The last choice before the use decides."""
    said = choices(("bob", AUGUST, "grant", None, True), ("bob", USED - DAY, "withdrawal"))
    assert reasons(affected(practice(), said))["bob", "1"] == "refused-but-used"


def test_a_grant_for_another_use_is_none() -> None:
    """A grant for the platform's own training does not cover a third party's."""
    own = "train.generative.replies/messages/platform"
    said = choices(("bob", AUGUST, "grant", None, True, own))
    assert reasons(affected(practice(), said))["bob", "1"] == "recipient-never-asked"
    run = practice(deliveries=(delivery(recipient="platform"),))
    assert ("bob", "1") not in reasons(affected(run, said))


def test_before_policy_ends_when_the_policy_starts() -> None:
    """A use just before the policy took effect is `before-policy`, one at that instant not."""
    for at, reason in ((CUT - US, "before-policy"), (CUT, "no-choice")):
        found = affected(practice(deliveries=(delivery(at=at),)))
        assert reasons(found)["ann", "1"] == reason
    assert affected(practice(policies=())).by_reason["before-policy"] == 1


def test_a_recipient_is_asked_where_every_switch_counts() -> None:
    """Where any party's switch is honoured, a silent recipient gave no answer to one."""
    past = practice(deliveries=(delivery(at=CUT, honoured=Honoured.ANY),))
    assert reasons(affected(past))["bob", "1"] == "no-choice"


def test_the_first_affecting_use_gives_the_reason() -> None:
    """Of two uses the first that affected a member gives reason and instant."""
    past = practice(deliveries=(delivery("late", CUT), delivery("early", USED)))
    pair = affected(past).pairs.filter(pa.array([True, False])).to_pylist()[0]
    assert (pair["reason"], pair["delivery"], pair["first_used_at"]) == (
        "before-policy", "early", USED,
    )  # fmt: skip
    granted = choices(("ann", AUGUST, "grant", CUT, True))
    pair = affected(past, granted).pairs.to_pylist()[0]
    assert (pair["member"], pair["reason"], pair["delivery"]) == ("ann", "expired", "late")


def test_unknown_dates_count_at_the_high_end_only() -> None:
    """A message of unknown date is stated apart: in the high counts, not in the low ones."""
    found = affected(practice(message(), message("2", author="cat", sent=None)))
    assert (found.messages, found.messages_high) == (1, 2)
    assert (found.members_count, found.members_count_high) == (2, 3)
    assert found.by_reason["date-unknown"] == 2


def test_a_listed_message_was_used_whatever_its_date() -> None:
    """A delivery that lists its records makes an undated message certain."""
    past = practice(
        message("2", sent=None), deliveries=(delivery(records=pa.array(["2", "elsewhere"])),)
    )
    found = affected(past)
    assert found.by_reason["date-unknown"] == 0
    assert found.messages == 1


def test_a_certain_use_outweighs_an_uncertain_one() -> None:
    """An undated message that a later delivery lists has that delivery's reason."""
    listed = delivery("listed", CUT, records=pa.array(["1"]))
    found = affected(practice(message(sent=None), deliveries=(delivery(), listed)))
    assert set(found.pairs["delivery"].to_pylist()) == {"listed"}
    assert found.by_reason["date-unknown"] == 0


def test_a_member_counts_once_in_a_message() -> None:
    """Somebody who wrote to themselves, or is listed twice, is one party: the author."""
    found = affected(practice(message(recipients=("ann", "bob", "bob", None))))
    assert reasons(found) == {("ann", "1"): "before-policy", ("bob", "1"): "recipient-never-asked"}
    assert found.also["as-recipient"] == 1


def test_scalar_and_integer_ids_are_read() -> None:
    """Ids may be integers, and recipients one id instead of a list."""
    table = pa.table(
        {
            "record": pa.array([1, 2]),
            "author": pa.array([7, 8]),
            "recipients": pa.array([8, None], pa.int64()),
            "sent_at": pa.array([AUGUST, AUGUST], pa.timestamp("ms", tz="UTC")),
        }
    )
    found = affected(practice(messages=table))
    assert set(reasons(found)) == {("7", "1"), ("8", "1"), ("8", "2")}


def test_no_message_affects_nobody() -> None:
    """An empty import affects nobody, by no reason."""
    table = practice().messages.slice(0, 0)
    found = affected(practice(messages=table))
    assert (found.members_count_high, found.messages_high) == (0, 0)
    assert sum(found.by_reason.values()) == 0
    assert found.reasons()["pairs"].to_pylist() == [0] * len(REASONS)


# --- the class as alleged: every condition on both sides -------------------------------------

PREMIUM = ("bob", AUGUST, CUT, 3999, "USD")


def alleged(past: Practice, **changes: Any) -> set[str]:
    return who(past, alleged_class(CUT, **changes))


def premium(*values: tuple, **changes: object) -> Practice:
    table = rows(SUBSCRIPTIONS, *(values or (PREMIUM,)))
    return practice(subscriptions=table, **changes)


def test_the_class_takes_payers_who_sent_or_received() -> None:
    """Of two parties the paying one is in the class, as author or as recipient."""
    assert alleged(premium()) == {"bob"}
    assert alleged(premium(("ann", AUGUST, CUT))) == {"ann"}
    assert alleged(premium(("cat", AUGUST, CUT))) == set()


def test_the_class_ends_before_the_cut_off() -> None:
    """A disclosure just before the cut-off counts, one at its instant does not."""
    open_end = ("bob", AUGUST, None)
    assert alleged(premium(open_end, deliveries=(delivery(at=CUT - US),))) == {"bob"}
    assert alleged(premium(open_end, deliveries=(delivery(at=CUT),))) == set()


def test_a_subscription_is_half_open() -> None:
    """A subscription that starts at the disclosure counts, one that ends at it does not."""
    assert alleged(premium(("bob", USED, None))) == {"bob"}
    assert alleged(premium(("bob", USED + US, None))) == set()
    assert alleged(premium(("bob", AUGUST, USED + US))) == {"bob"}
    assert alleged(premium(("bob", AUGUST, USED))) == set()


def test_a_customer_at_any_time_before_the_cut_off() -> None:
    """Read the wider way, a subscription that began before the cut-off is enough."""
    wide = {"subscribed": "ever-before"}
    assert alleged(premium(("bob", CUT - US, None)), **wide) == {"bob"}
    assert alleged(premium(("bob", CUT, None)), **wide) == set()
    assert alleged(premium(("bob", AUGUST - 9 * DAY, AUGUST)), **wide) == {"bob"}


def test_the_class_asks_for_inmail() -> None:
    """A direct message, or one of unknown kind, puts nobody in the class."""
    for kind, expected in (("inmail", {"bob"}), ("direct", set()), (None, set())):
        past = premium(messages=practice(message(kind=kind)).messages)
        assert alleged(past) == expected


@pytest.mark.parametrize(
    ("recipient", "purpose", "inside"),
    [
        ("third-party.provider", "train.generative.replies", True),
        ("third-party", "train", True),
        ("affiliate.cloud", "train.ranking.jobs", True),
        ("platform", "train.generative.replies", False),
        ("third-partying", "train", False),
        ("third-party.provider", "service.delivery", False),
        ("third-party.provider", "training", False),
    ],
)
def test_the_class_asks_for_training_by_others(recipient: str, purpose: str, inside: bool) -> None:
    """Only a delivery to somebody else, for training, counts; names match by whole parts."""
    past = premium(deliveries=(delivery(recipient=recipient, purpose=purpose),))
    assert (alleged(past) == {"bob"}) is inside


def test_affiliates_can_be_left_out() -> None:
    """With affiliates not counted as third parties, a delivery to one puts nobody in the class."""
    past = premium(deliveries=(delivery(recipient="affiliate.cloud"),))
    assert alleged(past, third_parties=("third-party",)) == set()


# --- other conditions ---------------------------------------------------------------------------


def test_sent_is_half_open_and_unknown_only_high() -> None:
    """`sent` holds its start, not its end; an unknown date counts at the high end only."""
    july = Cohort(name="july", sent=Interval(AUGUST - 31 * DAY, AUGUST))
    messages = (
        message("in", sent=AUGUST - 31 * DAY),
        message("out", sent=AUGUST),
        message("before", sent=AUGUST - 31 * DAY - US),
        message("undated", sent=None),
    )
    found = affected(practice(*messages), cohort=july)
    assert (found.messages, found.messages_high) == (1, 2)
    listed = delivery(records=pa.array(["undated"]))
    found = affected(practice(*messages, deliveries=(listed,)), cohort=july)
    assert (found.messages, found.messages_high) == (0, 1)


def test_a_region_is_read_at_the_use() -> None:
    """A member counts for the region they were in at the delivery; both ends of it checked."""
    californian = Cohort(name="ca", regions=frozenset({"us-ca"}))
    for start, end, inside in (
        (USED, None, True),
        (USED + US, None, False),
        (AUGUST, USED + US, True),
        (AUGUST, USED, False),
    ):
        past = practice(regions=rows(REGIONS, ("bob", "us-ca", start, end), ("ann", "us", AUGUST)))
        assert (who(past, californian) == {"bob"}) is inside


def test_roles_can_be_asked_for() -> None:
    """A cohort of authors holds no recipient, and the reverse."""
    assert who(practice(), Cohort(name="a", roles=frozenset({"author"}))) == {"ann"}
    assert who(practice(), Cohort(name="r", roles=frozenset({"recipient"}))) == {"bob"}


def test_used_is_half_open() -> None:
    """`used` holds a delivery at its start, and not one at its end."""
    assert who(practice(), Cohort(name="u", used=Interval(USED, USED + US)))
    assert not who(practice(), Cohort(name="u", used=Interval(AUGUST, USED)))


@pytest.mark.parametrize(
    ("cohort", "column"),
    [
        (Cohort(name="c", kinds=frozenset({"inmail"})), "messages.kind"),
        (Cohort(name="c", sent=Interval(AUGUST, CUT)), "messages.sent_at"),
        (Cohort(name="c", subscribed="at-use"), "subscriptions"),
        (Cohort(name="c", regions=frozenset({"eu"})), "regions"),
    ],
)
def test_a_condition_over_nothing_is_refused(cohort: Cohort, column: str) -> None:
    """A cohort that asks about what the import lacks is an error naming it, not an empty set."""
    bare = practice().messages.select(["record", "author", "recipients"])
    with pytest.raises(InputError) as refused:
        affected(practice(messages=bare), cohort=cohort)
    assert (refused.value.code, refused.value.where) == ("case.cohort-column", column)


@pytest.mark.parametrize("changes", [{"subscribed": "always"}, {"roles": frozenset({"reader"})}])
def test_unknown_conditions_are_refused(changes: dict) -> None:
    """A role or a word about subscriptions that is not known is refused."""
    with pytest.raises(InputError):
        Cohort(name="c", **changes)


# --- against the loops --------------------------------------------------------------------------

MEMBERS = ("ann", "bob", "cat", "dan", "eve")
instants = st.integers(0, 8).map(lambda n: AUGUST + n * 10 * DAY)
some_message = st.tuples(
    st.sampled_from((*MEMBERS, None)),
    st.lists(st.sampled_from((*MEMBERS, None)), max_size=3),
    st.none() | instants,
    st.sampled_from(("inmail", "direct", None)),
)
some_choice = st.tuples(
    st.sampled_from(MEMBERS),
    instants,
    st.sampled_from(("grant", "grant", "refusal", "objection")),
    st.none() | st.just(datetime(2024, 9, 10, tzinfo=UTC)),
    st.booleans(),
    st.sampled_from(
        (None, "train/messages/*", "train/messages.inmail/third-party", "*/*/platform")
    ),
)
some_delivery = st.tuples(
    instants,
    st.sampled_from(("platform", "third-party.provider")),
    st.sampled_from(Honoured),
    st.sampled_from((None, frozenset({"inmail"}))),
)


@settings(max_examples=300)
@given(
    st.lists(some_message, max_size=12),
    st.lists(some_choice, max_size=8),
    st.lists(st.tuples(st.sampled_from(MEMBERS), instants, st.booleans()), max_size=5),
    st.lists(some_delivery, min_size=1, max_size=3),
    st.sampled_from((SETTING, None)),
)
def test_the_columnar_answer_equals_the_loops(
    messages: list, said: list, switches: list, deliveries: list, setting: Setting | None
) -> None:
    """Every affected (member, message) and its reason equal what plain loops over rows find."""
    said = [c for c in said if c[3] is None or c[1] < c[3]]
    past = practice(
        setting=setting,
        messages=rows(practice().messages.schema, *((str(n), *m) for n, m in enumerate(messages))),
        opt_outs=rows(OPT_OUTS, *switches),
        deliveries=tuple(
            delivery(f"d{n}", at, recipient=to, honoured=honoured, kinds=kinds)
            for n, (at, to, honoured, kinds) in enumerate(deliveries)
        ),
    )
    chosen = choices(*said)
    found = affected(past, chosen)
    expected = by_hand(past, chosen)
    assert reasons(found) == expected
    counts = Counter(expected.values())
    assert dict(found.by_reason) == {reason: counts[reason] for reason in REASONS}
    assert sum(found.by_reason.values()) == found.pairs.num_rows
    assert sum(found.members["messages"].to_pylist()) == found.pairs.num_rows
    certain = {key for key, reason in expected.items() if reason != "date-unknown"}
    assert found.messages == len({record for _, record in certain})
    assert found.members_count == len({member for member, _ in certain})
    assert found.messages_high == len({record for _, record in expected})
    assert found.members_count_high == len({member for member, _ in expected})
    assert found.reasons()["pairs"].to_pylist() == list(found.by_reason.values())
