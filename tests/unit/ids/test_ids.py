"""Digests and instants: one spelling each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import InputError
from byleave.ids import format_instant, from_us, parse_digest, parse_instant, to_us

EARLIEST = datetime(1000, 1, 1)  # noqa: DTZ001 (hypothesis adds the zone)
INSTANTS = st.datetimes(min_value=EARLIEST, timezones=st.just(UTC))


@given(st.binary(min_size=32, max_size=32))
def test_digests_survive_their_text(digest: bytes) -> None:
    """A digest written in hexadecimal reads back."""
    assert parse_digest(digest.hex()) == digest


@pytest.mark.parametrize(
    "text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "٠" * 64]
)
def test_another_spelling_is_no_digest(text: str) -> None:
    """Other lengths, capitals, other digits and a newline are refused."""
    with pytest.raises(InputError) as caught:
        parse_digest(text)
    assert caught.value.code == "input.digest"


@given(INSTANTS)
def test_instants_survive_their_text_and_their_number(instant: datetime) -> None:
    """An instant written as text or as microseconds reads back exactly."""
    assert parse_instant(format_instant(instant)) == instant
    assert from_us(to_us(instant)) == instant


@given(INSTANTS, st.integers(-14 * 60, 14 * 60))
def test_zones_are_brought_to_utc(instant: datetime, minutes: int) -> None:
    """An instant in another zone is written in UTC."""
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    assert format_instant(local) == format_instant(instant)
    assert format_instant(local).endswith("Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-09-18", "2024-09-18T00:00:00Z"),
        ("2024-09-18T02:00:00+02:00", "2024-09-18T00:00:00Z"),
        ("2024-09-18T00:00:00.5Z", "2024-09-18T00:00:00.500000Z"),
    ],
)
def test_what_people_write_is_read(text: str, expected: str) -> None:
    """A date, a zone and a short fraction read to the instant they mean."""
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-09-18T00:00:00",
        "2024-13-01",
        "2024-02-30",
        "20240918",
        "2024-09-18 00:00:00Z",
        "2024-09-18T25:00:00Z",
    ],
)
def test_doubtful_instants_are_refused(text: str) -> None:
    """No zone, no such day and other forms are refused."""
    with pytest.raises(InputError) as caught:
        parse_instant(text)
    assert caught.value.code == "input.instant"


def test_an_instant_without_a_zone_is_none() -> None:
    """An instant without a zone is neither written nor numbered."""
    for call in (format_instant, to_us):
        with pytest.raises(InputError) as caught:
            call(datetime(2024, 9, 18))  # noqa: DTZ001
        assert caught.value.code == "input.instant"
