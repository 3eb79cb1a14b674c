"""Keys in their text forms, and what they sign."""

from __future__ import annotations

import binascii
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.errors import EvidenceError, InputError
from byleave.note import KeyType, SignerKey, VerifierKey
from byleave.note.keys import is_key_name
from byleave.note.text import format_base64, parse_base64, parse_decimal

KEY = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
WITNESS = SignerKey(name="witness.test.invalid", type=KeyType.COSIGNATURE, seed=bytes(32))
TEXT = b"some text\n"

# From the package documentation of golang.org/x/mod/sumdb/note.
GO_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_go_agrees_on_keys() -> None:
    """The key pair in the documentation of Go's note package reads, and the halves match."""
    assert str(SignerKey.parse(GO_SKEY).verifier) == GO_VKEY
    assert str(VerifierKey.parse(GO_VKEY)) == GO_VKEY


@given(st.binary(min_size=32, max_size=32), st.sampled_from(KeyType))
def test_keys_survive_their_text(seed: bytes, kind: KeyType) -> None:
    """A key written and read is the same key, both halves."""
    key = SignerKey(name="a.test", type=kind, seed=seed)
    assert SignerKey.parse(key.format()) == key
    assert VerifierKey.parse(str(key.verifier)) == key.verifier


@given(st.data())
def test_a_changed_character_is_another_key(data: st.DataObject) -> None:
    """No vkey with one character changed reads as the same key."""
    text = str(KEY.verifier)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    changed = text[:at] + other + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(EvidenceError) as caught:
        VerifierKey.parse(changed)
    assert caught.value.code == "note.key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY + "=",
        GO_VKEY + " ",
        GO_VKEY.replace("+AR", "+Ah"),
    ],
)
def test_another_spelling_is_no_key(text: str) -> None:
    """A vkey in another spelling, of another type or with another id is refused."""
    with pytest.raises(EvidenceError) as caught:
        VerifierKey.parse(text)
    assert caught.value.code == "note.key"


def test_a_private_key_stays_out_of_messages() -> None:
    """Neither `repr` nor the error for a malformed skey repeats the key."""
    secret = GO_SKEY.rsplit("+", 1)[1]
    assert secret not in repr(SignerKey.parse(GO_SKEY))
    with pytest.raises(InputError) as caught:
        SignerKey.parse(GO_SKEY + "x")
    assert caught.value.code == "note.key"
    assert secret not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "x" * 256])
def test_a_name_can_stand_in_a_line(name: str) -> None:
    """An empty name, one with a space, a plus or a control character, or a long one is refused."""
    assert not is_key_name(name)
    with pytest.raises(InputError) as caught:
        SignerKey(name=name, seed=bytes(32))
    assert caught.value.code == "note.key"


def test_a_seed_has_32_bytes() -> None:
    """A seed of another length makes no key."""
    with pytest.raises(InputError) as caught:
        SignerKey(name="a", seed=bytes(31))
    assert caught.value.code == "note.key"


def test_a_signature_is_over_its_text() -> None:
    """A signature verifies for its text, and not for another or cut short."""
    good = KEY.sign(TEXT)
    assert KEY.verifier.verify(TEXT, good) is None
    for text, signature in (
        (b"other\n", good),
        (TEXT, good[:-1]),
        (TEXT, b""),
        (TEXT, good + b"x"),
    ):
        with pytest.raises(EvidenceError) as caught:
            KEY.verifier.verify(text, signature)
        assert caught.value.code == "note.bad-signature"


def test_a_cosignature_is_over_its_time() -> None:
    """A cosignature gives back its time, and fails with another time or as a plain signature."""
    good = WITNESS.sign(TEXT, seconds=1_700_000_000)
    assert WITNESS.verifier.verify(TEXT, good) == 1_700_000_000
    later = (1_700_000_001).to_bytes(8, "big") + good[8:]
    plain = VerifierKey(name=WITNESS.name, type=KeyType.ED25519, public=WITNESS.verifier.public)
    for key, payload in ((WITNESS.verifier, later), (plain, good), (plain, good[8:])):
        with pytest.raises(EvidenceError) as caught:
            key.verify(TEXT, payload)
        assert caught.value.code == "note.bad-signature"


def test_a_cosignature_beyond_63_bits_is_refused() -> None:
    """A cosignature with a time of 2**63 seconds is refused although its signature is right."""
    payload = WITNESS.sign(TEXT, seconds=2**63)
    with pytest.raises(EvidenceError) as caught:
        WITNESS.verifier.verify(TEXT, payload)
    assert caught.value.code == "note.bad-signature"


def test_only_a_cosignature_has_a_time() -> None:
    """A plain key refuses a time, a witness's key needs one."""
    for call in (lambda: KEY.sign(TEXT, seconds=1), lambda: WITNESS.sign(TEXT)):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "note.key"


def test_signers_are_equal_by_key() -> None:
    """Two signers are equal when name, type and seed are; a signer equals nothing else."""
    assert SignerKey(name="a", seed=bytes(32)) == SignerKey(name="a", seed=bytes(32))
    assert len({SignerKey(name="a", seed=bytes(32)), SignerKey(name="a", seed=bytes(32))}) == 1
    assert SignerKey(name="a", seed=bytes(32)) != SignerKey(name="b", seed=bytes(32))
    assert SignerKey(name="a", seed=bytes(32)) != "a"


@given(st.binary(max_size=100))
def test_base64_has_one_spelling(data: bytes) -> None:
    """What is written reads back, and what reads writes back to the same text."""
    text = format_base64(data)
    assert parse_base64(text) == data


@given(
    st.one_of(
        st.text("ABQgw048+/=-_ \n", max_size=12),
        st.binary(max_size=5).map(format_base64),
    )
)
def test_base64_is_read_only_as_it_is_written(text: str) -> None:
    """A text is read if, and only if, some bytes are written so."""
    found = parse_base64(text)
    written: str | None = None
    with contextlib.suppress(ValueError):
        written = format_base64(binascii.a2b_base64(text))
    assert (found is not None) == (written == text)


@pytest.mark.parametrize(
    "text", ["AA", "AA=", "AB==", "A A=", "AA==\n", "-_==", "é", "AAAA=", "AAAA==", "AAA=="]
)
def test_another_base64_is_refused(text: str) -> None:
    """Missing or further padding, stray bits, spaces and the URL alphabet are refused."""
    assert parse_base64(text) is None


@pytest.mark.parametrize(
    "text", ["", "00", "01", "+1", "-1", " 1", "1_0", "\u0661", "9223372036854775808", "9" * 40]
)
def test_another_number_is_refused(text: str) -> None:
    """Leading zeros, signs, other digits and numbers beyond 63 bits are refused."""
    assert parse_decimal(text) is None


def test_numbers_reach_to_63_bits() -> None:
    """The smallest and the largest number read."""
    assert parse_decimal("0") == 0
    assert parse_decimal("9223372036854775807") == 2**63 - 1
