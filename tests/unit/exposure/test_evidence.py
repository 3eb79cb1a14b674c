"""The rows behind each affected pair equal what plain loops over the tables find."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.exposure.cohort import Cohort, affected
from byleave.exposure.evidence import evidence
from byleave.exposure.practice import Interval, Practice, SettingPeriod
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    OPT_OUTS,
    REGIONS,
    SETTING,
    SUBSCRIPTIONS,
    US,
    USED,
    choices,
    delivery,
    message,
    practice,
    rows,
)
from tests.unit.exposure.test_cohort import (
    MEMBERS,
    instants,
    some_choice,
    some_delivery,
    some_message,
)


def behind(past: Practice, chosen: pa.Table | None = None, cohort: Cohort | None = None) -> dict:
    """Return {member: row of evidence} of a past in which each is affected once."""
    found = affected(past, chosen) if cohort is None else affected(past, chosen, cohort)
    return {row["member"]: row for row in evidence(past, chosen, found).to_pylist()}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(some_message, min_size=1, max_size=8),
    st.lists(some_choice, max_size=8),
    st.lists(st.tuples(st.sampled_from(MEMBERS), instants, st.booleans()), max_size=5),
    st.lists(some_delivery, min_size=1, max_size=3),
)
def test_the_choice_behind_a_pair_is_the_one_that_spoke_last(
    sent: list, said: list, turned: list, deliveries: list
) -> None:
    """Each pair names the last covering choice or switch by its delivery, as a loop finds it."""
    chosen = choices(*(c for c in said if c[3] is None or c[1] < c[3]))
    past = practice(
        messages=rows(practice().messages.schema, *((str(n), *m) for n, m in enumerate(sent))),
        opt_outs=rows(OPT_OUTS, *turned),
        deliveries=tuple(
            delivery(str(n), at, recipient=recipient, honoured=honoured, kinds=kinds)
            for n, (at, recipient, honoured, kinds) in enumerate(deliveries)
        ),
    )
    found = affected(past, chosen)
    chosen_rows = chosen.to_pylist()
    switches = [] if past.opt_outs is None else past.opt_outs.to_pylist()
    messages = past.messages.to_pylist()
    for row in evidence(past, chosen, found).to_pylist():
        letter = messages[row["message_row"] - 1]
        assert letter["record"] == row["record"]
        done = next(d for d in past.deliveries if d.id == row["delivery"])
        use = done.use("messages" if letter["kind"] is None else f"messages.{letter['kind']}")
        spoke: tuple[str, int] | None = None
        last = None
        events = [
            (c["at"], 0, number, "choice_row")
            for number, c in enumerate(chosen_rows, 1)
            if c["member"] == row["member"]
            and (c["scope"] is None or type(use).parse(c["scope"]).covers(use))
        ] + [
            (s["at"], 1, number, "opt_out_row")
            for number, s in enumerate(switches, 1)
            if s["member"] == row["member"]
        ]
        for event in sorted(events):
            if event[0] <= done.at:
                last, spoke = event, (event[3], event[2])
        assert (last is None) == (spoke is None)
        assert row["choice_row"] == (spoke[1] if spoke and spoke[0] == "choice_row" else None)
        assert row["opt_out_row"] == (spoke[1] if spoke and spoke[0] == "opt_out_row" else None)


def test_the_pairs_are_those_of_the_cohort() -> None:
    """Evidence adds columns to the pairs of the cohort, and neither adds nor loses a pair."""
    past = practice(message("1"), message("2", author="cyd"))
    found = affected(past)
    whole = evidence(past, None, found)
    assert whole.select(["member", "record"]).to_pylist() == [
        {"member": p["member"], "record": p["record"]} for p in found.pairs.to_pylist()
    ]


@pytest.mark.parametrize(
    ("start", "end", "row"),
    [
        (USED, None, "1"),
        (USED + US, None, ""),
        (None, USED, ""),
        (None, USED + US, "1"),
    ],
)
def test_a_subscription_behind_a_pair_ran_at_the_delivery(
    start: object, end: object, row: str
) -> None:
    """A subscription counts at its start and not at its end."""
    past = practice(subscriptions=rows(SUBSCRIPTIONS, ("ann", start, end)))
    assert behind(past)["ann"]["subscription_rows"] == row


def test_every_subscription_before_the_cut_off_is_named() -> None:
    """Read the wider way, all subscriptions that overlap the time before the cut-off are named."""
    table = rows(
        SUBSCRIPTIONS,
        ("ann", AUGUST, AUGUST + US),
        ("bob", AUGUST, None),
        ("ann", CUT, None),
        ("ann", None, CUT),
    )
    wide = Cohort(name="wide", used=Interval(None, CUT), subscribed="ever-before")
    found = behind(practice(subscriptions=table), cohort=wide)
    assert (found["ann"]["subscription_rows"], found["bob"]["subscription_rows"]) == ("1 4", "2")


@pytest.mark.parametrize(
    ("start", "end", "row"), [(USED, None, 1), (USED + US, None, None), (None, USED, None)]
)
def test_a_region_behind_a_pair_held_at_the_delivery(
    start: object, end: object, row: int | None
) -> None:
    """A region counts at its start and not at its end."""
    past = practice(regions=rows(REGIONS, ("ann", "eu", start, end)))
    assert behind(past)["ann"]["region_row"] == row


@pytest.mark.parametrize(
    ("at", "declared"), [(CUT - US, ""), (CUT, "privacy-policy@2"), (CUT + US, "privacy-policy@2")]
)
def test_a_document_is_named_from_its_instant(at: object, declared: str) -> None:
    """A document stands behind a use from the instant it took effect, and not before."""
    past = practice(deliveries=(delivery(at=at),))  # type: ignore[arg-type]
    assert behind(past)["ann"]["declared_by"] == declared


def test_the_period_of_the_setting_is_the_one_in_force() -> None:
    """Of two periods that touch, the later holds at the instant they share."""
    periods = (
        SettingPeriod(Interval(AUGUST, USED), default_on=True),
        SettingPeriod(Interval(USED, None), default_on=True),
    )
    past = practice(setting=replace(SETTING, periods=periods))
    assert behind(past)["ann"]["setting_period"] == 2


def test_a_switch_after_a_choice_of_the_same_instant_decides() -> None:
    """A switch turned off at the instant of a grant is the row behind the pair."""
    past = practice(
        message(author="bob", recipients=("ann",)), opt_outs=rows(OPT_OUTS, ("ann", USED))
    )
    found = behind(past, choices(("ann", USED, "grant", None, True)))["ann"]
    assert (found["choice_row"], found["opt_out_row"]) == (None, 1)
