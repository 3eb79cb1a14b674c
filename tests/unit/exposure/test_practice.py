"""The records of a past practice refuse what cannot have been."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from byleave.errors import InputError
from byleave.exposure.cohort import affected
from byleave.exposure.practice import Interval, Setting, SettingPeriod
from tests.unit.exposure.past import (
    AUGUST,
    CUT,
    MESSAGES,
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


@pytest.mark.parametrize(("start", "end"), [(CUT, AUGUST), (AUGUST, AUGUST)])
def test_an_interval_ends_after_its_start(start: datetime, end: datetime) -> None:
    """An interval that ends before its start, or is empty, is refused."""
    with pytest.raises(InputError) as refused:
        Interval(start, end)
    assert refused.value.code == "case.interval"


def test_an_interval_holds_its_start_only() -> None:
    """An interval holds its start and not its end; without them it holds everything."""
    stretch = Interval(AUGUST, CUT)
    assert [stretch.holds(i) for i in (AUGUST - US, AUGUST, CUT - US, CUT)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert Interval().holds(AUGUST)


def test_periods_of_a_setting_do_not_overlap() -> None:
    """Two periods of one setting may touch and may not overlap."""
    first = SettingPeriod(Interval(AUGUST, CUT), default_on=True)
    Setting("s", (SettingPeriod(Interval(CUT, None), default_on=False), first))
    with pytest.raises(InputError) as refused:
        Setting("s", (SettingPeriod(Interval(CUT - US, None), default_on=False), first))
    assert refused.value.code == "case.interval"


def test_a_row_that_ends_before_it_starts_is_named() -> None:
    """A subscription that ends before its start is refused with the number of its row."""
    table = rows(SUBSCRIPTIONS, ("ann", AUGUST, CUT), ("bob", CUT, AUGUST))
    with pytest.raises(InputError) as refused:
        practice(subscriptions=table)
    assert refused.value.code == "case.interval"
    assert "row 2" in refused.value.message
    assert "bob" not in refused.value.message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messages": rows(MESSAGES, message()).drop_columns("author")}, "case.column"),
        ({"opt_outs": rows(OPT_OUTS).select(["member"])}, "case.column"),
        ({"regions": rows(REGIONS).select(["member", "region"])}, "case.column"),
        ({"opt_outs": pa.table({"member": ["ann"], "at": ["2024-08-20"]})}, "case.type"),
        (
            {"opt_outs": pa.table({
                "member": ["ann"], "at": pa.array([USED.replace(tzinfo=None)])})},
            "case.type",
        ),
        ({"messages": rows(MESSAGES, message(), message())}, "case.duplicate"),
        ({"messages": rows(MESSAGES, (None, "ann", ["bob"], AUGUST, "inmail"))}, "case.duplicate"),
        ({"deliveries": (delivery(), delivery(at=CUT))}, "case.duplicate"),
    ],
)  # fmt: skip
def test_tables_are_checked(changes: dict, code: str) -> None:
    """A table that lacks a column, holds another type, or repeats an id is refused."""
    with pytest.raises(InputError) as refused:
        practice(**changes)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("ann", AUGUST, "maybe"), "case.decision"),
        (("ann", AUGUST, None), "case.decision"),
        (("ann", AUGUST, "grant", AUGUST), "case.interval"),
        (("ann", AUGUST, "grant", None, True, "everything"), "use.malformed"),
    ],
)
def test_choices_are_checked(row: tuple, code: str) -> None:
    """An unknown decision, a grant that ends as it begins, or a malformed scope is refused."""
    with pytest.raises(InputError) as refused:
        affected(practice(), choices(row))
    assert refused.value.code == code


def test_a_delivery_names_a_use() -> None:
    """A delivery whose purpose or recipient is not a dotted name is refused."""
    with pytest.raises(InputError) as refused:
        delivery(purpose="Training!")
    assert refused.value.code == "use.malformed"


def test_a_dictionary_column_is_text() -> None:
    """Ids that come dictionary-encoded, as from Parquet, are read like plain text."""
    plain = practice().messages
    encoded = plain.set_column(1, "author", plain["author"].dictionary_encode())
    found = affected(practice(messages=encoded))
    assert sorted(found.members["member"].to_pylist()) == ["ann", "bob"]
