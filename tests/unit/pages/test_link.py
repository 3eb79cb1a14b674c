"""A member link opens one page, for a time, and only as it was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import RefusedError
from byleave.pages.link import LinkExpiredError, LinkUnknownError, link_token, read_token

KEY = bytes(range(32))
NOW = datetime(2024, 11, 1, tzinfo=UTC)
END = NOW + timedelta(days=1)


@given(st.integers(0, 2**63 - 1))
def test_a_link_gives_back_its_ordinal(ordinal: int) -> None:
    """Every ordinal comes back from its own token, which is 64 characters of base64url."""
    token = link_token(KEY, ordinal, END)
    assert len(token) == 64
    assert read_token(KEY, token, NOW) == ordinal


@given(st.integers(0, 63), st.sampled_from("ABCxyz019-_"))
def test_any_changed_character_is_refused(place: int, other: str) -> None:
    """A token with any one character changed is unknown: neither valid nor expired."""
    token = link_token(KEY, 7, END)
    changed = token[:place] + other + token[place + 1 :]
    if changed != token:
        with pytest.raises(LinkUnknownError):
            read_token(KEY, changed, NOW)


@pytest.mark.parametrize(
    "token", ["", "A" * 63, "A" * 65, "A" * 63 + "=", "A" * 62 + "\n\n", "é" * 64, "A" * 64]
)
def test_what_is_no_token_is_unknown(token: str) -> None:
    """Text of another length or alphabet is unknown, not an error."""
    with pytest.raises(LinkUnknownError):
        read_token(KEY, token, NOW)


def test_a_link_ends_at_its_instant() -> None:
    """A token opens one second before its end, and at its end says when it ended."""
    token = link_token(KEY, 7, END)
    assert read_token(KEY, token, END - timedelta(seconds=1)) == 7
    with pytest.raises(LinkExpiredError) as caught:
        read_token(KEY, token, END)
    assert caught.value.at == END


def test_an_expired_link_of_another_key_is_only_unknown() -> None:
    """Whether a token has expired is told only to who holds one made with this key."""
    foreign = link_token(bytes(32), 7, NOW - timedelta(days=1))
    with pytest.raises(LinkUnknownError):
        read_token(KEY, foreign, NOW)


@pytest.mark.parametrize(("key", "ordinal"), [(b"short", 1), (b"", 1), (KEY, -1), (KEY, 2**63)])
def test_no_link_from_a_short_key_or_a_strange_number(key: bytes, ordinal: int) -> None:
    """A key under 32 bytes and an ordinal outside its range make no token."""
    with pytest.raises(RefusedError, match="cannot be made"):
        link_token(key, ordinal, END)


def test_a_short_key_opens_nothing() -> None:
    """Even a token made by hand with a short key is not accepted under that key."""
    with pytest.raises(LinkUnknownError):
        read_token(b"", link_token(KEY, 7, END), NOW)
