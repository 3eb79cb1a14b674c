"""Plain dictionaries become records and come back, or are refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from byleave.errors import InputError
from byleave.pages.shape import plain, read
from byleave.pages.view import MemberAnswer, PublicOverview, Standing
from tests.portal.facts import member_facts, overview_facts


def test_what_is_read_comes_back() -> None:
    """`plain(read(T, d)) == d` for the full dictionaries of both views."""
    assert plain(read(MemberAnswer, member_facts())) == member_facts()
    assert plain(read(PublicOverview, overview_facts())) == overview_facts()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"extra": 1}, "member.extra"),
        ({"enrolment_index": "17"}, "member.enrolment_index"),
        ({"enrolment_index": True}, "member.enrolment_index"),
        ({"choices": {}}, "member.choices"),
        ({"choices": [{"index": 1}]}, "member.choices[0].at"),
        ({"checkpoint": None}, "member.checkpoint"),
        ({"at": 3}, "member.at"),
        ({"at": datetime(2024, 1, 1)}, "member.at"),  # noqa: DTZ001  # no zone: refused
    ],
)
def test_another_shape_is_refused_by_its_place(change: dict[str, Any], where: str) -> None:
    """A wrong, missing or unknown field is refused with `pages.malformed` and its path."""
    with pytest.raises(InputError) as caught:
        read(MemberAnswer, member_facts() | change, where="member")
    assert (caught.value.code, caught.value.where) == ("pages.malformed", where)


def test_an_unknown_word_is_refused() -> None:
    """A kind, state or ground outside its list is refused."""
    facts = {"use": "a/b/c", "allowed": True, "because": "granted", "ground": "custom"}
    with pytest.raises(InputError, match="one of consent"):
        read(Standing, facts)


def test_an_aware_datetime_is_taken_too() -> None:
    """An aware `datetime` stands for its text."""
    at = datetime(2024, 11, 21, 14, 31, tzinfo=UTC)
    assert read(MemberAnswer, member_facts() | {"at": at}) == read(MemberAnswer, member_facts())
