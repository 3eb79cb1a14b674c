"""Notice tokens: one encoding, one showing, one member, once."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.canonical import encode
from byleave.errors import ByleaveError, EvidenceError, InputError, RefusedError
from byleave.ids import parse_instant
from byleave.note.keys import SignerKey
from byleave.policy.notice import Control, Notice, choose_notice, make_notice
from byleave.policy.notice_token import check_token, issue, read_token
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

NOW = parse_instant("2026-11-02T10:00:00Z")
HOUR = timedelta(hours=1)
KEY = SignerKey(name="log.example/notice", seed=bytes(range(32)))
OTHER = SignerKey(name="log.example/notice", seed=bytes(32))
ASKS = [Scope.parse("train.generative.replies/messages/platform")]


def notice(
    name: str = "replies-7",
    *,
    language: str = "en",
    text: str = "May we?",
    control: Control = Control.OFF,
    family: str | None = None,
    screen: str | None = None,
) -> Notice:
    return make_notice(
        text.encode(),
        id=name,
        language=language,
        control=control,
        asks=ASKS,
        taxonomy=default_taxonomy(),
        family=family,
        screen=screen,
    )


def token(member: str = "m-1", *, nonce: bytes = b"n" * 16, key: SignerKey = KEY) -> str:
    return issue(notice(), member, key=key, issued=NOW, lifetime=HOUR, nonce=nonce, screen="home")


def signed(payload: bytes) -> str:
    parts = [payload, KEY.sign(b"byleave-notice-token/v1\n" + payload)]
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)


def payload_of(text: str) -> dict[str, object]:
    first = text.split(".", maxsplit=1)[0]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return found


def code_of(text: str) -> str:
    with pytest.raises(ByleaveError) as caught:
        read_token(text, KEY.verifier)
    return caught.value.code


def test_a_token_says_what_was_shown() -> None:
    """A token read back holds the digest, language, screen and control of the notice shown."""
    found = read_token(token(), KEY.verifier)
    assert (found.notice, found.sha256, found.language, found.screen, found.control) == (
        "replies-7",
        notice().sha256,
        "en",
        "home",
        Control.OFF,
    )
    assert found.expires - found.issued == HOUR
    check_token(found, notice=notice(), member="m-1", now=NOW, key=KEY)


def test_the_member_is_blinded() -> None:
    """No part of a token holds the member id, and two tokens of one member share no name."""
    one, other = payload_of(token()), payload_of(token(nonce=b"o" * 16))
    assert "m-1" not in encode(one).decode()  # type: ignore[arg-type]
    assert one["member"] != other["member"]


def test_another_member_is_refused() -> None:
    """A token made for one member does not stand for another."""
    found = read_token(token(), KEY.verifier)
    with pytest.raises(RefusedError) as caught:
        check_token(found, notice=notice(), member="m-2", now=NOW, key=KEY)
    assert caught.value.code == "notice.token-member"


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-1, False), (0, True), (3599, True), (3600, False)]
)
def test_it_holds_for_its_time(seconds: int, is_taken: bool) -> None:
    """A token is taken from its issue until its end, exclusive."""
    found, at = read_token(token(), KEY.verifier), NOW + timedelta(seconds=seconds)
    if is_taken:
        check_token(found, notice=notice(), member="m-1", now=at, key=KEY)
        return
    with pytest.raises(RefusedError) as caught:
        check_token(found, notice=notice(), member="m-1", now=at, key=KEY)
    assert caught.value.code == "notice.token-time"


@pytest.mark.parametrize(
    "shown",
    [
        notice(text="May we now?"),
        notice("replies-8"),
        notice(language="de"),
        notice(control=Control.ON),
    ],
)
def test_other_words_are_refused(shown: Notice) -> None:
    """A token does not stand for other bytes, another notice, language or control."""
    with pytest.raises(RefusedError) as caught:
        check_token(read_token(token(), KEY.verifier), notice=shown, member="m-1", now=NOW, key=KEY)
    assert caught.value.code == "notice.token-notice"


def test_another_key_is_refused() -> None:
    """A token signed by another key is refused, whatever it says."""
    assert code_of(token(key=OTHER)) == "notice.token-signature"


@given(place=st.integers(0, 10_000), bit=st.integers(0, 5))
def test_no_changed_character_is_taken(place: int, bit: int) -> None:
    """A token with one character changed is refused."""
    text = token()
    at = place % len(text)
    changed = text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :]
    with pytest.raises(ByleaveError):
        read_token(changed, KEY.verifier)


@pytest.mark.parametrize(
    "text",
    ["", "a", token() + "=", token() + ".", " " + token(), token() + "\n", "ä.ö", "A" * 5000],
)
def test_another_spelling_is_refused(text: str) -> None:
    """What is not in the one encoding is malformed, before its signature is looked at."""
    assert code_of(text) == "notice.token-malformed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "byleave-notice-token/v2"),
        ("control", "ON"),
        ("nonce", "6e" * 15),
        ("nonce", "6E" * 16),
        ("issued", "2026-11-02T11:00:00+01:00"),
        ("expires", "2026-11-02"),
        ("sha256", "00"),
        ("member", 7),
        ("notice", None),
        ("screen", 1),
        ("extra", "x"),
    ],
)
def test_a_signed_field_of_another_form_is_refused(field: str, value: object) -> None:
    """A payload with another form is refused even where the key signed it."""
    changed = {**payload_of(token()), field: value}
    assert code_of(signed(encode(changed))) == "notice.token-malformed"  # type: ignore[arg-type]


def test_a_signed_payload_in_another_order_is_refused() -> None:
    """A signed payload that is JSON but not canonical is refused."""
    assert code_of(signed(json.dumps(payload_of(token())).encode())) == "notice.token-malformed"


@pytest.mark.parametrize(("nonce", "hours"), [(b"n" * 15, 1), (b"n" * 16, 0), (b"n" * 16, -1)])
def test_a_token_needs_a_nonce_and_a_lifetime(nonce: bytes, hours: int) -> None:
    """No token is made without 16 fresh bytes and a time to answer."""
    with pytest.raises(InputError):
        issue(notice(), "m-1", key=KEY, issued=NOW, lifetime=timedelta(hours=hours), nonce=nonce)


def test_the_signature_is_checked_first() -> None:
    """A payload nobody signed is refused for its signature, not for its form."""
    bare = base64.urlsafe_b64encode(b"{}").rstrip(b"=").decode()
    with pytest.raises(EvidenceError) as caught:
        read_token(f"{bare}.{token().split('.')[1]}", KEY.verifier)
    assert caught.value.code == "notice.token-signature"


VARIANTS = [
    notice("r-en", family="r"),
    notice("r-de", family="r", language="de"),
    notice("r-de-ch", family="r", language="de-CH"),
    notice("r-en-settings", family="r", screen="settings"),
    notice("r-en-2", family="r"),
    notice("other"),
]


@pytest.mark.parametrize(
    ("language", "screen", "chosen"),
    [
        ("en", None, "r-en-2"),
        ("en", "settings", "r-en-settings"),
        ("en-GB", None, "r-en-2"),
        ("de-AT", "home", "r-de"),
        ("DE-ch", None, "r-de-ch"),
    ],
)
def test_the_text_is_in_the_members_language(
    language: str, screen: str | None, chosen: str
) -> None:
    """The variant of a question is chosen by language, then screen, then by the last published."""
    assert choose_notice(VARIANTS, "r", language=language, screen=screen).id == chosen


def test_no_other_language_stands_in() -> None:
    """Where no text is in the member's language, none is chosen."""
    with pytest.raises(InputError) as caught:
        choose_notice(VARIANTS, "r", language="fr")
    assert caught.value.code == "notice.no-variant"


VECTORS = json.loads((Path(__file__).parent / "notice_tokens.json").read_text())


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["case"])
def test_vectors(case: dict[str, str | None]) -> None:
    """Each token of the vectors is taken, or refused with its code; those taken encode the same."""
    key = SignerKey(name="log.example/notice", seed=bytes.fromhex(VECTORS["seed"]))
    assert str(key.verifier) == VECTORS["key"]
    text = str(case["token"])
    if case["code"] is not None:
        assert code_of(text) == case["code"]
        return
    found = read_token(text, key.verifier)
    again = issue(
        notice(),
        "m-1",
        key=key,
        issued=found.issued,
        lifetime=found.expires - found.issued,
        nonce=found.nonce,
        screen=found.screen,
    )
    assert again == text
