"""Every condition just inside and just outside its edge: one row of a table, one claim.

What `test_cohort` and `test_readings` hold at both sides is not repeated here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from byleave.errors import InputError
from byleave.exposure.casefile import parse_case
from byleave.exposure.cohort import Cohort, affected
from byleave.exposure.fees import fees_paid
from byleave.exposure.practice import (
    Delivery,
    Honoured,
    Interval,
    PolicyVersion,
    Setting,
    SettingPeriod,
)
from byleave.exposure.readings import default_window, expose
from byleave.policy.scope import Scope
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    OPT_OUTS,
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

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
WINDOW = Interval(AUGUST, CUT)


def cents(start: datetime | None, end: datetime | None, price: int = 1_000) -> tuple[int, int]:
    table = rows(SUBSCRIPTIONS, ("ann", start, end, price, "USD"))
    found = fees_paid(table, pa.array(["ann"]), window=WINDOW, currency="USD")
    assert found.cents is not None
    return found.cents, found.payers


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (AUGUST - DAY, AUGUST, (0, 0)),
        (AUGUST - DAY, AUGUST + US, (1, 1)),
        (AUGUST - DAY, AUGUST + SECOND, (1, 1)),
        (CUT, CUT + DAY, (0, 0)),
        (CUT - US, CUT + DAY, (1, 1)),
        (CUT - SECOND, CUT + DAY, (1, 1)),
        (AUGUST, CUT, (1_000, 1)),
        (AUGUST - US, CUT, (1_000, 1)),
        (AUGUST, CUT + DAY, (980, 1)),  # 48 of 49 days, rounded up
        (None, AUGUST, (0, 0)),
        (None, AUGUST + US, (1_000, 1)),
        (CUT, None, (0, 0)),
        (CUT - US, None, (1_000, 1)),
    ],
)
def test_a_price_counts_for_its_part_of_the_window(
    start: datetime | None, end: datetime | None, expected: tuple[int, int]
) -> None:
    """A fee touches the window from its start, inclusive, to its end, exclusive; by the second."""
    assert cents(start, end) == expected


@pytest.mark.parametrize(("price", "payers"), [(0, 0), (1, 1), (-1, 0)])
def test_who_paid_nothing_is_no_payer(price: int, payers: int) -> None:
    """A price of nothing, or below, makes no payer; one cent does."""
    assert cents(AUGUST, CUT, price) == (max(price, 0), payers)


LAST = datetime(2024, 9, 18, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reading", "years"),
    [
        ("sca-per-person", 2),
        ("sca-only-with-damage", 2),
        ("sca-per-violation", 2),
        ("contract", 4),
        ("ucl-restitution", 4),
        ("cipa", 1),
    ],
)
@pytest.mark.parametrize(
    ("late", "barred"),
    [
        (timedelta(0), 0),
        (US, 2),
    ],
)
def test_each_bar_falls_at_the_end_of_its_day(
    reading: str, years: int, late: timedelta, barred: int
) -> None:
    """Each reading is in time through the last microsecond of its anniversary, and no longer."""
    regions = rows(REGIONS, ("ann", "us-ca", None), ("bob", "us-ca", None))
    past = practice(deliveries=(delivery(discoverable_since=CUT),), regions=regions)
    as_of = LAST.replace(year=2024 + years) + late
    found = expose(affected(past), past, as_of=as_of)
    assert {r.name: r.time_barred for r in found.readings}[reading] == barred


@pytest.mark.parametrize(("hours", "barred"), [(-1, 0), (1, 2)])
def test_the_bar_is_read_in_utc(hours: int, barred: int) -> None:
    """An instant in another zone is late exactly where its UTC day is."""
    zone = timezone(timedelta(hours=-12))
    midnight = datetime(2026, 9, 19, tzinfo=UTC)
    as_of = (midnight + timedelta(hours=hours)).astimezone(zone)
    past = practice(deliveries=(delivery(discoverable_since=CUT),))
    found = expose(affected(past), past, as_of=as_of)
    assert found.readings[0].time_barred == barred


@pytest.mark.parametrize(
    ("at", "persons"),
    [
        (datetime(2018, 5, 25, tzinfo=UTC), 1),
        (datetime(2018, 5, 25, tzinfo=UTC) - US, 0),
    ],
)
def test_the_gdpr_reads_uses_from_its_day(at: datetime, persons: int) -> None:
    """The GDPR is read over uses from 25 May 2018 on, of members there at that instant."""
    past = practice(
        message(sent=datetime(2018, 1, 1, tzinfo=UTC)),
        deliveries=(delivery(at=at),),
        regions=rows(REGIONS, ("ann", "de", None), ("bob", "us", None)),
    )
    found = {r.name: r for r in expose(affected(past), past, as_of=CUT).readings}
    assert found["gdpr"].persons_high == persons


@pytest.mark.parametrize(
    ("region", "counted"), [("us-ca", 1), ("us", 0), ("ca", 0), ("us-ca-sf", 0), ("US-CA", 0)]
)
def test_cipa_counts_its_own_region_alone(region: str, counted: int) -> None:
    """A reading for one region counts that code, and neither what it lies in nor what lies in it."""
    past = practice(regions=rows(REGIONS, ("ann", region, None)))
    found = {r.name: r for r in expose(affected(past), past, as_of=CUT).readings}
    assert found["cipa"].persons_high == counted


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (USED, {"bob": "recipient-never-asked"}),
        (USED - US, {"bob": "recipient-never-asked"}),
        (USED + US, {"ann": "no-choice", "bob": "recipient-never-asked"}),
    ],
)
def test_a_grant_takes_out_from_its_instant(at: datetime, expected: dict[str, str]) -> None:
    """A grant given at the use or before takes its giver out; one given after it does not."""
    past = practice(policies=(_policy(USED),))
    found = affected(past, choices(("ann", at, "grant", None, True)))
    assert {p["member"]: p["reason"] for p in found.pairs.to_pylist()} == expected


def _policy(effective: datetime, scope: str = "train/messages/*") -> PolicyVersion:
    return PolicyVersion(
        document="policy", version="2", effective=effective, declares=(Scope.parse(scope),)
    )


@pytest.mark.parametrize(
    ("effective", "scope", "reason"),
    [
        (USED, "train/messages/*", "no-choice"),
        (USED + US, "train/messages/*", "before-policy"),
        (USED, "train/messages.direct/*", "before-policy"),
        (USED, "train/messages.inmail/third-party", "no-choice"),
        (USED, "train.ranking/messages/*", "before-policy"),
        (USED, "train/messages/platform", "before-policy"),
    ],
)
def test_a_document_declares_what_it_names_from_its_instant(
    effective: datetime, scope: str, reason: str
) -> None:
    """A document counts from its instant on, for the uses its scope covers and no others."""
    found = affected(practice(policies=(_policy(effective, scope),)))
    assert {p["reason"] for p in found.pairs.to_pylist() if p["member"] == "ann"} == {reason}


@pytest.mark.parametrize(
    ("on", "declared", "window"),
    [
        (AUGUST, CUT, Interval(AUGUST, CUT)),
        (AUGUST, AUGUST + US, Interval(AUGUST, AUGUST + US)),
        (AUGUST, AUGUST, None),
        (AUGUST, AUGUST - US, None),
    ],
)
def test_the_window_needs_days_between(
    on: datetime, declared: datetime, window: Interval | None
) -> None:
    """A window follows where the document came after the default, and not at the same instant."""
    setting = Setting("s", (SettingPeriod(Interval(on, None), default_on=True),))
    assert default_window(practice(setting=setting, policies=(_policy(declared),))) == window


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (CUT - US, None, True),
        (CUT, None, False),
        (None, AUGUST + US, True),
        (None, AUGUST, False),
    ],
)
def test_ever_before_is_any_overlap_with_the_stretch(
    start: datetime | None, end: datetime | None, inside: bool
) -> None:
    """Read the wider way, a subscription counts where it overlaps `used`, half-open at both ends."""
    past = practice(subscriptions=rows(SUBSCRIPTIONS, ("ann", start, end)))
    asked = Cohort(name="c", used=Interval(AUGUST, CUT), subscribed="ever-before")
    assert affected(past, None, asked).members_count == int(inside)


@pytest.mark.parametrize(("at", "used"), [(USED, False), (USED - US, False), (USED + US, True)])
def test_a_switch_turned_off_at_the_delivery_keeps_a_message_out(at: datetime, used: bool) -> None:
    """A switch counts from its instant: off at the delivery it keeps the message out."""
    past = practice(opt_outs=rows(OPT_OUTS, ("ann", at)))
    assert bool(affected(past).messages) is used


@pytest.mark.parametrize(
    ("honoured", "both", "used"),
    [
        (Honoured.ALL, ("ann",), True),
        (Honoured.ALL, ("ann", "bob"), False),
        (Honoured.ANY, ("bob",), False),
        (Honoured.AUTHOR, ("bob",), True),
        (Honoured.NONE, ("ann", "bob"), True),
    ],
)
def test_one_switch_short_of_what_was_honoured(
    honoured: Honoured, both: tuple[str, ...], used: bool
) -> None:
    """One switch fewer than the rule asks for lets the message in; exactly as many keeps it out."""
    past = practice(
        deliveries=(delivery(honoured=honoured),),
        opt_outs=rows(OPT_OUTS, *((member, AUGUST) for member in both)),
    )
    assert bool(affected(past).messages) is used


# --- what is no interval ------------------------------------------------------------------------

CASE = """\
format: byleave-case/v1
title: t
origin: o
messages: m.csv
deliveries:
  - {id: d, at: 2024-08-20, recipient: platform, purpose: train.x}
"""


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ("exposure: {window: {from: 2024-08-01, to: 2024-08-01}}", True),
        ("exposure: {window: {from: 2024-08-01, to: 2024-07-31T23:59:59Z}}", True),
        ("exposure: {window: {from: 2024-08-01, to: 2024-08-01T00:00:01Z}}", False),
        ("cohorts: [{name: c, used: {from: 2024-08-02, to: 2024-08-01}}]", True),
        ("cohorts: [{name: c, sent: {from: 2024-08-01, to: 2024-08-01}}]", True),
        ("cohorts: [{name: c, used: {to: 2024-08-01}}]", False),
        ("setting: {name: s, periods: [{from: 2024-08-02, to: 2024-08-01, default: on}]}", True),
        (
            (
                "setting: {name: s, periods: [{to: 2024-08-02, default: on},"
                " {from: 2024-08-02, default: off}]}"
            ),
            False,
        ),
        (
            (
                "setting: {name: s, periods: [{to: 2024-08-02, default: on},"
                " {from: 2024-08-01T23:59:59Z, default: off}]}"
            ),
            True,
        ),
    ],
)
def test_an_interval_of_the_file_ends_after_its_start(more: str, refused: bool) -> None:
    """Of every interval a case file states, an end at or before its start is `case.interval`."""
    if not refused:
        assert parse_case(CASE + more, "c.yaml").title == "t"
        return
    with pytest.raises(InputError) as caught:
        parse_case(CASE + more, "c.yaml")
    assert caught.value.code == "case.interval"
    assert caught.value.where == "c.yaml:7"


@pytest.mark.parametrize("name", ["subscriptions", "regions"])
@pytest.mark.parametrize(
    ("end", "refused"), [(AUGUST, True), (AUGUST - US, True), (AUGUST + US, False)]
)
def test_an_interval_of_a_table_ends_after_its_start(
    name: str, end: datetime, refused: bool
) -> None:
    """A row whose end is at or before its start refuses the table, with the number of the row."""
    schema = SUBSCRIPTIONS if name == "subscriptions" else REGIONS
    own = ("ann",) if name == "subscriptions" else ("ann", "eu")
    table = rows(schema, (*own, AUGUST, None), (*own, AUGUST, end))
    if not refused:
        assert practice(**{name: table}).messages.num_rows == 1
        return
    with pytest.raises(InputError) as caught:
        practice(**{name: table})
    assert caught.value.code == "case.interval"
    assert "row 2 of" in caught.value.message


def test_a_delivery_to_the_platform_leaves_it_and_a_name_like_it_does() -> None:
    """Only `platform` itself is no disclosure; `platform.x` and `platforms` are."""
    for name, left in (("platform", False), ("platforms", True), ("third-party", True)):
        one = Delivery(id="d", at=USED, recipient=name, purpose="train.x")
        assert one.left_the_platform is left
