"""The one encoding, and the hashes over it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.canonical import (
    MAX_INTEGER,
    decode,
    digest_of,
    encode,
    record_digest,
    sha256,
    tagged,
)
from byleave.errors import InputError

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PIECES = [
    b"", b" ", b"\n", b'"', b"\\", b"\\n", b"\\\\", b'\\"', b"\\u000a", b"{", b"}", b"[", b"]", b",", b":", b"0",
    b"-", b"-0", b".5", b"a", b'"a":1,', b"null", b"\x0c", b"\xc3\xa9", b"\xff", "\uff11".encode(),
]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_documents_survive_their_bytes(value: Any) -> None:
    """What is written reads back, and what reads writes back to the same bytes."""
    data = encode(value)
    assert decode(data) == value
    assert encode(decode(data)) == data


@given(VALUES, st.data())
def test_no_other_spelling_reads(value: Any, data: st.DataObject) -> None:
    """Of the many JSON spellings of a value, only the encoding reads."""
    other = json.dumps(
        value,
        indent=data.draw(st.sampled_from([None, 1])),
        ensure_ascii=data.draw(st.booleans()),
        separators=data.draw(st.sampled_from([None, (",", ":"), (" ,", ":")])),
    ).encode()
    if other == encode(value):
        return
    with pytest.raises(InputError) as caught:
        decode(other)
    assert caught.value.code == "canonical.not-canonical"


def written_again(data: bytes) -> bool:
    """Say whether a JSON document with unique keys is what the encoder writes for it."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        return encode(json.loads(data, object_pairs_hook=unique)) == data
    except (AssertionError, InputError, ValueError):
        return False


@settings(max_examples=400, deadline=None)
@given(VALUES, st.data())
def test_what_reads_is_what_would_be_written(value: Any, data: st.DataObject) -> None:
    """Bytes read exactly where writing what they say gives them again: the short way says no more."""
    changed = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed)))
        end = at + data.draw(st.integers(0, 2))
        changed[at:end] = data.draw(st.sampled_from(PIECES))
    try:
        decode(bytes(changed))
    except InputError:
        assert not written_again(bytes(changed))
    else:
        assert written_again(bytes(changed))


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":1}',
        b'{"a":[1, 2]}',
        b'{"a" :1}',
        b'{"a":"\\u000a"}',
        b'{"a":"\\\\n"}x',
        b'{"a":"\\/"}',
        b'{"a":"\n"}',
        b'{"a":-0}',
        b'{"a":0.0}',
        b'{"a":12345678901234567890}',
        '{"a":\uff11}'.encode(),
        '\ufeff{"a":1}'.encode(),
        b'{"a":1}\x0c',
        b'{"a":"' + b"x" * 2_000_000 + b'" }',
    ],
)
def test_a_second_spelling_does_not_read(data: bytes) -> None:
    """Keys out of order, white space, other escapes and other digits are refused one by one."""
    assert not written_again(data)
    with pytest.raises(InputError):
        decode(data)


@pytest.mark.parametrize("text", ["a\nb", "a\\nb", 'a"b', "a\tb", "\x7f\u2028 {[", "x" * 2_000_000])
def test_texts_of_every_kind_read_back(text: str) -> None:
    """New lines, backslashes before an n, quotation marks, brackets and long texts read back."""
    assert decode(encode({"a": text, "b": [text]})) == {"a": text, "b": [text]}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "input.malformed"),
        (b"{", "input.malformed"),
        (b"\xff", "input.malformed"),
        (b'{"a":1,"a":1}', "input.malformed"),
        (b"[" * 100_000, "input.malformed"),
        (b"1" * 5000, "input.malformed"),
        (b"1.0", "canonical.not-canonical"),
        (b"NaN", "canonical.not-canonical"),
        (b"1e3", "canonical.not-canonical"),
        (b"-0", "canonical.not-canonical"),
        (b"9007199254740992", "canonical.not-canonical"),
        (b'"\\/"', "canonical.not-canonical"),
        (b'"\\ud800"', "canonical.not-canonical"),
        ('{"\u00e9":1}'.encode(), "canonical.not-canonical"),
        (b"[" * 70 + b"]" * 70, "canonical.not-canonical"),
        (b" 1", "canonical.not-canonical"),
        (b"1\n", "canonical.not-canonical"),
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes, code: str) -> None:
    """Bytes that the encoder would not write are refused by code."""
    with pytest.raises(InputError) as caught:
        decode(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "value",
    [1.5, 2**53, -(2**53), {"\u00e9": 1}, {1: 2}, b"x", "\ud800", {"a": object()}, float("nan")],
)
def test_what_has_no_encoding_is_refused(value: Any) -> None:
    """Floats, large integers, bytes, lone surrogates and keys that are not ASCII are not written."""
    with pytest.raises(InputError) as caught:
        encode(value)
    assert caught.value.code == "canonical.not-encodable"


def test_the_encoding_is_rfc_8785s() -> None:
    """Keys are sorted, nothing is spaced, and only what JSON must escape is escaped (RFC 8785 §3)."""
    value: Any = {"peach": '\u20ac\u0000\u000f\n\\"/', "a": [True, None, -5], "B": {}}
    assert encode(value) == (
        '{"B":{},"a":[true,null,-5],"peach":"\u20ac\\u0000\\u000f\\n\\\\\\"/"}'.encode()
    )


def test_hashes_are_sha256() -> None:
    """`sha256`, `digest_of` and `tagged` are SHA-256 over what they say."""
    assert sha256(b"x") == hashlib.sha256(b"x").digest()
    assert digest_of({"a": 1}) == hashlib.sha256(b'{"a":1}').digest()
    assert tagged(0x10, b"a", b"b") == hashlib.sha256(b"\x10ab").digest()


COLUMNS = st.dictionaries(st.text(max_size=6), st.none() | st.binary(max_size=8), max_size=4)


@given(COLUMNS, COLUMNS)
def test_record_digests_differ_where_records_do(
    a: dict[str, bytes | None], b: dict[str, bytes | None]
) -> None:
    """Two records have one digest only if they have the same columns, values and nulls."""
    same = record_digest(list(a.items())) == record_digest(list(b.items()))
    assert same == (a == b)


@given(COLUMNS, st.randoms(use_true_random=False))
def test_the_order_of_columns_does_not_matter(
    columns: dict[str, bytes | None], random: Any
) -> None:
    """A record's digest is the same in whatever order its columns come."""
    turned = list(columns.items())
    random.shuffle(turned)
    assert record_digest(turned) == record_digest(list(columns.items()))


def test_a_record_digest_by_hand() -> None:
    """The digest of a record of two columns is the one the specification's layout gives."""
    by_hand = bytes.fromhex("220100020001") + b"a" + bytes.fromhex("0100000002") + b"hi"
    by_hand += bytes.fromhex("0002") + b"bb" + bytes.fromhex("0000000000")
    assert record_digest([("bb", None), ("a", b"hi")]) == hashlib.sha256(by_hand).digest()
    assert hashlib.sha256(by_hand).hexdigest() == (
        "7f73a4e68a721aa5b62fa7a6ecb7f2fa611c263b9c0591d2166b1f395489f4f8"
    )
