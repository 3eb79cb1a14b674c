"""What it may cost: each reading by hand, limitation on both sides of its day, money exact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import InputError
from byleave.exposure.cohort import affected, alleged_class
from byleave.exposure.counterfactual import counterfactual
from byleave.exposure.fees import fees_paid
from byleave.exposure.pack import US_PRIVATE_MESSAGES
from byleave.exposure.practice import Honoured, Interval, Practice
from byleave.exposure.readings import Exposure, ReadingResult, default_window, expose
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    POLICY,
    REGIONS,
    SUBSCRIPTIONS,
    US,
    USED,
    choices,
    delivery,
    message,
    practice,
    rows,
)

FILED = datetime(2025, 1, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(past: Practice, **changes: object) -> Exposure:
    fields: dict = {"as_of": FILED}
    return expose(affected(past), past, **(fields | changes))


def reading(found: Exposure, name: str) -> ReadingResult:
    return next(r for r in found.readings if r.name == name)


THREE = (
    message("1"),
    message("2", recipients=("bob", "cat")),
    message("3", author="dan", recipients=("ann",), sent=None),
)


def test_a_thousand_a_person() -> None:
    """The pleaded reading is $1,000 for each person; undated messages raise the high end."""
    found = reading(asked(practice(*THREE)), "sca-per-person")
    assert (found.persons, found.persons_high) == (3, 4)
    assert (found.low, found.high) == (3_000, 4_000)
    assert not found.ours
    assert not found.outer


def test_a_thousand_a_message_is_an_outer_bound() -> None:
    """Read per violation the sum counts distinct messages, and says it is an outer bound."""
    found = reading(asked(practice(*THREE)), "sca-per-violation")
    assert (found.violations, found.low, found.violations_high, found.high) == (2, 2_000, 3, 3_000)
    assert found.outer


@pytest.mark.parametrize(("side", "persons"), [(-US, 1), (timedelta(), 1), (US, 2)])
def test_silence_is_consent_to_a_platform_once_a_document_says_so(
    side: timedelta, persons: int
) -> None:
    """Read as an opt-out, an author who kept silent counts only before a document declared it."""
    declared = practice(
        deliveries=(delivery(at=CUT),), policies=(replace(POLICY, effective=CUT + side),)
    )
    found = asked(declared)
    assert reading(found, "sca-per-person").persons == 2
    opt_out = reading(found, "sca-opt-out")
    assert (opt_out.persons, opt_out.persons_high, opt_out.ours) == (persons, persons, True)
    assert (opt_out.low, opt_out.high) == (1_000 * persons, 1_000 * persons)


def test_an_opt_out_reading_counts_who_said_no_and_who_was_never_asked() -> None:
    """Who refused and was used, and a recipient whose switch nobody looked at, count under it."""
    past = practice(deliveries=(delivery(at=CUT),), policies=(POLICY,))
    said = choices(("ann", AUGUST, "refusal", None, None))
    found = expose(affected(past, said), past, as_of=FILED)
    assert reading(found, "sca-opt-out").persons == 2
    any_party = practice(deliveries=(delivery(at=CUT, honoured=Honoured.ANY),), policies=(POLICY,))
    assert reading(asked(any_party), "sca-opt-out").persons == 0


def one_party(past: Practice, *said: tuple, **changes: object) -> ReadingResult:
    """Return the reading under which one party's consent is enough, where `said` was chosen."""
    fields: dict = {"as_of": FILED}
    found = expose(affected(past, choices(*said)), past, **(fields | changes))
    return reading(found, "sca-one-party")


@pytest.mark.parametrize("who", ["ann", "bob"])
@pytest.mark.parametrize(("side", "others"), [(-US, 0), (timedelta(), 0), (US, 2)])
def test_one_partys_grant_by_the_instant_of_the_disclosure_frees_the_others(
    who: str, side: timedelta, others: int
) -> None:
    """A grant of author or recipient counts at the very instant of the disclosure, not after."""
    found = one_party(practice(), (who, USED + side, "grant", None, True))
    assert (found.persons, found.persons_high, found.high) == (others, others, 1_000 * others)
    assert found.ours


@pytest.mark.parametrize(("side", "others"), [(-US, 2), (timedelta(), 2), (US, 0)])
def test_one_partys_grant_counts_until_it_expires(side: timedelta, others: int) -> None:
    """A grant that ends at the instant of the disclosure frees nobody; a moment later it does."""
    found = one_party(practice(), ("ann", AUGUST, "grant", USED + side, True))
    assert found.persons == others


@pytest.mark.parametrize(("side", "others"), [(-US, 2), (timedelta(), 0), (US, 0)])
def test_one_partys_grant_without_the_past_frees_later_messages(
    side: timedelta, others: int
) -> None:
    """A grant that leaves out the past frees messages sent from its instant on."""
    past = practice(message(sent=AUGUST + side))
    assert one_party(past, ("bob", AUGUST, "grant", None, False)).persons == others


def test_one_partys_refusal_or_silence_frees_nobody() -> None:
    """With no grant, a grant taken back, or one for another use, all are counted as pleaded."""
    taken_back = (("ann", AUGUST, "grant", None, True), ("ann", AUGUST + DAY, "withdrawal"))
    other_use = (("bob", AUGUST, "grant", None, True, "train/messages/platform"),)
    stranger = (("cat", AUGUST, "grant", None, True),)
    for said in ((), taken_back, other_use, stranger):
        assert one_party(practice(), *said).persons == 2


def test_one_party_is_asked_message_by_message_and_disclosure_by_disclosure() -> None:
    """A grant frees the granter's own messages, and only disclosures made while it held."""
    two = (message("1"), message("2", recipients=("bob", "cat")), message("3", author="dan"))
    grant = ("cat", AUGUST, "grant", USED + DAY, True)
    assert one_party(practice(*two), grant).violations == 2
    twice = (delivery(), delivery("d2", USED + DAY))
    assert one_party(practice(*two, deliveries=twice), grant).violations == 3
    inside = (delivery(), delivery("d2", USED + DAY, recipient="platform"))
    assert one_party(practice(*two, deliveries=inside), grant).violations == 2


def test_only_the_disclosure_without_a_grant_counts_for_being_too_late() -> None:
    """A later disclosure with a grant revives no claim for the one without that is too late."""
    grant = ("bob", USED + US, "grant", None, True)
    early = delivery(discoverable_since=datetime(2023, 1, 20, tzinfo=UTC))
    past = practice(deliveries=(early, delivery("d2", USED + DAY)))
    found = one_party(past, grant)
    assert (found.persons, found.time_barred) == (0, 2)
    assert one_party(past).persons == 2


def test_an_undated_message_is_freed_by_a_grant_with_the_past_alone() -> None:
    """Of unknown date, a message is freed by a grant that includes the past, and by no other."""
    past = practice(message(sent=None))
    with_past = one_party(past, ("bob", AUGUST, "grant", None, True))
    without = one_party(past, ("bob", AUGUST, "grant", None, False))
    assert (with_past.persons_high, without.persons, without.persons_high) == (0, 0, 2)


def test_a_reading_of_one_party_is_refused_where_nobody_asked() -> None:
    """Without the question whether any party had granted, the reading gives no number."""
    found = affected(practice(), any_party=False)
    with pytest.raises(ValueError, match="any party"):
        expose(found, practice(), as_of=FILED)
    asked_less = US_PRIVATE_MESSAGES.only(("sca-per-person",))
    assert expose(found, practice(), as_of=FILED, pack=asked_less).high == 2_000


def test_without_damage_nothing() -> None:
    """Read as the 4th and 11th Circuits do, nothing is owed unless damage is stated."""
    past = practice(*THREE)
    none = reading(asked(past), "sca-only-with-damage")
    assert (none.low, none.high) == (0, 0)
    two = reading(asked(past, with_damage=2), "sca-only-with-damage")
    assert (two.low, two.high) == (2_000, 2_000)
    everyone = reading(asked(past, with_damage=99), "sca-only-with-damage")
    assert (everyone.low, everyone.high) == (3_000, 4_000)


def test_the_platforms_own_training_divulges_nothing() -> None:
    """A run that left nothing to others counts under no reading of the SCA."""
    found = asked(practice(*THREE, deliveries=(delivery(recipient="platform"),)))
    assert [reading(found, r.name).persons_high for r in US_PRIVATE_MESSAGES.readings[:3]] == [
        0, 0, 0,
    ]  # fmt: skip
    assert reading(found, "contract").persons_high == 4


def test_contract_and_gdpr_are_not_computable() -> None:
    """Readings without a tariff have a low end of nothing and no high end."""
    found = asked(practice(*THREE))
    for name in ("contract", "gdpr"):
        assert (reading(found, name).low, reading(found, name).high) == (0, None)


def test_cipa_is_ours_and_californian() -> None:
    """CIPA counts Californian parties only, and its $5,000 stay outside the overall range."""
    regions = rows(REGIONS, ("ann", "us-ca", None), ("bob", "us", None))
    found = asked(practice(*THREE, regions=regions))
    cipa = reading(found, "cipa")
    assert (cipa.persons, cipa.violations, cipa.violations_high) == (1, 2, 3)
    assert (cipa.low, cipa.high) == (5_000, 15_000)
    assert cipa.ours
    assert found.high == 3_000 + 1_000


def test_regions_not_imported_is_said() -> None:
    """Without regions, a reading that asks for one is not computable and says why."""
    cipa = reading(asked(practice(*THREE)), "cipa")
    assert cipa.high is None
    assert "no regions were imported" in cipa.assumption


def test_the_overall_range_is_the_widest_not_ours() -> None:
    """The overall range runs from the lowest low to the highest high of readings not ours."""
    found = asked(practice(*THREE))
    ends = [r for r in found.readings if not r.ours]
    assert found.low == min(r.low for r in ends) == 0
    assert found.high == max(r.high or 0 for r in ends) == 4_000


def test_nothing_used_costs_nothing() -> None:
    """Where nobody is affected, every computable reading is zero at both ends."""
    found = asked(practice(message(sent=USED)))
    assert (found.low_cents, found.high_cents) == (0, 0)


# --- limitation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "open_"),
    [
        (datetime(2026, 9, 18, 23, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 9, 19, tzinfo=UTC), False),
    ],
)
def test_two_years_from_discovery(as_of: datetime, open_: bool) -> None:
    """A claim discoverable on 18 Sep 2024 is in time through 18 Sep 2026, and late after it."""
    past = practice(*THREE, deliveries=(delivery(discoverable_since=CUT),))
    found = reading(asked(past, as_of=as_of), "sca-per-person")
    assert found.persons_high == (4 if open_ else 0)
    assert found.time_barred == (0 if open_ else 4)


def test_each_reading_has_its_own_limit() -> None:
    """After three years the SCA and CIPA are too late, the UCL and contract not."""
    past = practice(*THREE, deliveries=(delivery(discoverable_since=CUT),), regions=rows(
        REGIONS, ("ann", "us-ca", None)))  # fmt: skip
    found = asked(past, as_of=datetime(2027, 9, 18, tzinfo=UTC))
    barred = {r.name: r.time_barred for r in found.readings}
    assert barred["sca-per-person"] == 4
    assert barred["cipa"] == 1
    assert (barred["contract"], barred["ucl-restitution"]) == (0, 0)


def test_the_latest_discovery_keeps_a_claim_open() -> None:
    """Somebody hit by two deliveries is too late only when both were long discoverable."""
    old = delivery("old", USED - DAY, discoverable_since=USED)
    for since, persons in ((None, 2), (datetime(2026, 1, 1, tzinfo=UTC), 2), (CUT, 0)):
        past = practice(deliveries=(old, delivery("new", USED, discoverable_since=since)))
        found = reading(asked(past, as_of=datetime(2027, 1, 1, tzinfo=UTC)), "sca-per-person")
        assert found.persons_high == persons


def test_a_leap_day_ends_on_the_first_of_march() -> None:
    """Two years from 29 February run through 1 March."""
    past = practice(deliveries=(delivery(discoverable_since=datetime(2024, 2, 29, tzinfo=UTC)),))
    for day, persons in ((1, 2), (2, 0)):
        found = asked(past, as_of=datetime(2026, 3, day, tzinfo=UTC))
        assert reading(found, "sca-per-person").persons_high == persons


# --- restitution --------------------------------------------------------------------------------

WINDOW = Interval(AUGUST, CUT)


def test_payers_only_for_the_days_in_the_window() -> None:
    """Restitution is from nothing to the fees for the window's days, of affected payers only."""
    subscriptions = rows(
        SUBSCRIPTIONS,
        ("ann", AUGUST, AUGUST + 31 * DAY, 3100, "USD"),  # whole month inside
        ("bob", CUT - 10 * DAY, CUT + 20 * DAY, 3000, "USD"),  # ten of thirty days
        ("bob", CUT, CUT + 30 * DAY, 3000, "USD"),  # starts at the window's end: outside
        ("cat", AUGUST - 30 * DAY, AUGUST, 3000, "USD"),  # ends at its start: outside
        ("dan", AUGUST, CUT, 0, "USD"),  # paid nothing
        ("eve", AUGUST, CUT, 9999, "USD"),  # in no message
    )
    past = practice(*THREE, subscriptions=subscriptions)
    found = reading(asked(past, window=WINDOW), "ucl-restitution")
    assert (found.low_cents, found.high_cents) == (0, 3100 + 1000)
    assert found.persons_high == 2


def test_another_currency_is_left_out_and_said() -> None:
    """Fees in another currency are not summed, and the assumption counts them."""
    table = rows(SUBSCRIPTIONS, ("ann", AUGUST, CUT, 500, "EUR"), ("bob", AUGUST, CUT, 700, "USD"))
    found = reading(asked(practice(subscriptions=table), window=WINDOW), "ucl-restitution")
    assert found.high_cents == 700
    assert "1 fees in another currency" in found.assumption


def test_a_fee_without_an_end_counts_whole() -> None:
    """A fee whose interval has no start or no end counts whole where it overlaps the window."""
    table = rows(SUBSCRIPTIONS, ("ann", AUGUST, None, 500, "USD"), ("bob", None, CUT, 70, "USD"))
    fees = fees_paid(table, pa.array(["ann", "bob"]), window=WINDOW, currency="USD")
    assert (fees.cents, fees.payers) == (570, 2)


def test_no_window_or_price_is_not_computable() -> None:
    """Without prices, or without a window, restitution has no high end and says which."""
    no_price = reading(asked(practice(), window=WINDOW), "ucl-restitution")
    assert (no_price.high, "no prices" in no_price.assumption) == (None, True)
    table = rows(SUBSCRIPTIONS, ("ann", AUGUST, CUT, 500, "USD"))
    past = practice(subscriptions=table, setting=None)
    no_window = reading(asked(past), "ucl-restitution")
    assert (no_window.high, "no window" in no_window.assumption) == (None, True)


def test_the_window_follows_from_the_practice() -> None:
    """Unstated, the window runs from the default being on to the document that declared it."""
    assert default_window(practice()) == Interval(AUGUST, CUT)
    assert default_window(practice(policies=())) is None


@given(
    st.integers(1, 10**7),
    st.integers(-40, 40),
    st.integers(1, 400),
    st.integers(-40, 40),
    st.integers(1, 90),
)
def test_shares_are_exact(price: int, start: int, days: int, begin: int, width: int) -> None:
    """A fee's share equals price × overlap ÷ length in exact arithmetic, rounded up to a cent."""
    first, last = AUGUST + start * DAY, AUGUST + (start + days) * DAY
    window = Interval(AUGUST + begin * DAY, AUGUST + (begin + width) * DAY)
    table = rows(SUBSCRIPTIONS, ("ann", first, last, price, "USD"))
    fees = fees_paid(table, pa.array(["ann"]), window=window, currency="USD")
    overlap = max(0, min(start + days, begin + width) - max(start, begin))
    assert fees.cents == ceil(Fraction(price * overlap, days))


def test_whole_units_round_outwards() -> None:
    """In whole dollars the low end is rounded down and the high end up; cents stay exact."""
    table = rows(SUBSCRIPTIONS, ("ann", AUGUST, CUT, 101, "USD"))
    found = reading(asked(practice(subscriptions=table)), "ucl-restitution")
    assert (found.high_cents, found.high) == (101, 2)


# --- packs --------------------------------------------------------------------------------------


def test_every_reading_cites_and_assumes() -> None:
    """Each reading of the pack has a law, an assumption, and a limit with its own law."""
    names = [r.name for r in US_PRIVATE_MESSAGES.readings]
    assert len(set(names)) == len(names)
    for r in US_PRIVATE_MESSAGES.readings:
        assert r.citation
        assert r.assumption
        assert (r.limitation is None) == (r.limitation_years is None)
    split = next(r for r in US_PRIVATE_MESSAGES.readings if r.name == "sca-only-with-damage")
    assert "Van Alstyne" in split.citation
    assert "Vista Marketing" in split.citation


def test_a_pack_narrows_to_known_readings() -> None:
    """A pack can be narrowed to named readings; an unknown name is refused."""
    pack = US_PRIVATE_MESSAGES.only(("gdpr", "sca-per-person"))
    assert [r.name for r in pack.readings] == ["sca-per-person", "gdpr"]
    found = asked(practice(*THREE), pack=pack)
    assert (found.low, found.high) == (3_000, 4_000)
    with pytest.raises(InputError) as refused:
        US_PRIVATE_MESSAGES.only(("sca",))
    assert refused.value.code == "case.reading"


def test_a_reading_counts_uses_it_applies_to() -> None:
    """CIPA as cited is applied to uses from 1 Jan 2017 on, and not to the instant before."""
    start = datetime(2017, 1, 1, tzinfo=UTC)
    regions = rows(REGIONS, ("ann", "us-ca", None))
    for at, persons in ((start, 1), (start - US, 0)):
        past = practice(
            message(sent=datetime(2016, 1, 1, tzinfo=UTC)),
            deliveries=(delivery(at=at),),
            regions=regions,
        )
        assert reading(asked(past), "cipa").persons_high == persons


# --- the same weeks with the gate on ------------------------------------------------------------


def kept(*records: str) -> pa.Table:
    return pa.table({"record": pa.array(records, pa.string())})


def test_a_strict_gate_lets_nothing_through() -> None:
    """A gate that keeps only what everyone agreed to lets no affected message through."""
    granted = choices(("ann", AUGUST, "grant", None, True), ("bob", AUGUST, "grant", None, True))
    found = counterfactual(affected(practice(*THREE), granted), kept("1"))
    assert (found.affected, found.let_through, found.stopped, found.members_still) == (2, 0, 2, 0)
    assert found.who is not None
    assert found.who.num_rows == 0


def test_a_loose_gate_lists_who_is_still_affected() -> None:
    """A gate under a looser party rule is shown with the members whose silence it passed over."""
    granted = choices(("ann", AUGUST, "grant", None, True))
    found = counterfactual(affected(practice(*THREE), granted), kept("1", "2", "unknown"))
    assert (found.affected, found.let_through, found.stopped) == (3, 2, 1)
    assert found.who is not None
    assert found.who.to_pylist() == [
        {"member": "bob", "messages": 2},
        {"member": "cat", "messages": 1},
    ]
    assert found.by_reason == {"recipient-never-asked": 3}


def test_the_gate_may_answer_differently_each_time() -> None:
    """A message kept for one delivery is not let through for another that affected a member."""
    past = practice(deliveries=(delivery("early"), delivery("late", CUT)))
    until = choices(("ann", AUGUST, "grant", CUT, True), ("bob", AUGUST, "grant", CUT, True))
    found = affected(past, until)
    for name, through in (("early", 0), ("late", 1)):
        table = pa.table({"record": ["1"], "delivery": [name]})
        assert counterfactual(found, table).let_through == through


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (pa.table({"id": ["1"]}), "case.column"),
        (pa.table({"record": [1.5]}), "case.type"),
        (pa.table({"record": ["1", None]}), "case.type"),
    ],
)
def test_a_kept_table_is_checked(table: pa.Table, code: str) -> None:
    """A table of kept records without the column, of another type, or with a null is refused."""
    with pytest.raises(InputError) as refused:
        counterfactual(affected(practice()), table)
    assert refused.value.code == code


# --- the real messages --------------------------------------------------------------------------


@pytest.mark.real_data
def test_full_disclosure_of_the_real_messages(data_dir: object) -> None:
    """Disclosing all of persuasion-for-good touches 1,285 people and 20,932 messages.

    Real: texts, who wrote to whom, dates (shifted by six years and 35 days). Premium is generated:
    every third member in the order of their ids, without a random draw.
    """
    source = pq.read_table(f"{data_dir}/persuasion-for-good/messages.parquet")
    shift = datetime(2024, 10, 9, tzinfo=UTC) - datetime(2018, 9, 4, tzinfo=UTC)
    sent = pc.add(
        source["thread_started_at"].cast(pa.timestamp("us", tz="UTC")),
        pa.scalar(shift, pa.duration("us")),
    )
    members = pc.unique(source["sender_id"]).sort()
    payers = members.take(pa.array(range(0, len(members), 3)))
    subscriptions = pa.table(
        {
            "member": payers,
            "start": pa.array([AUGUST] * len(payers), pa.timestamp("us", tz="UTC")),
            "end": pa.array([None] * len(payers), pa.timestamp("us", tz="UTC")),
        }
    )
    after = datetime(2024, 10, 10, tzinfo=UTC)
    past = practice(
        messages=pa.table(
            {
                "record": pa.array(range(source.num_rows)),
                "author": source["sender_id"],
                "recipients": source["recipient_id"],
                "sent_at": sent,
                "kind": pa.array(["inmail"]).take(pa.array([0] * source.num_rows)),
            }
        ),
        deliveries=(delivery(at=after, honoured=Honoured.AUTHOR),),
        subscriptions=subscriptions,
    )
    found = affected(past)
    assert (found.members_count_high, found.messages_high) == (1_285, 20_932)
    assert found.messages == 20_932 - 529
    assert found.pairs.num_rows == 2 * 20_932
    sums = expose(found, past, as_of=FILED)
    assert reading(sums, "sca-per-person").high == 1_285_000
    assert reading(sums, "sca-per-violation").high == 20_932_000
    assert (sums.low, sums.high) == (0, 20_932_000)
    in_class = affected(past, cohort=alleged_class(after + DAY))
    assert in_class.members_count_high == len(payers)
