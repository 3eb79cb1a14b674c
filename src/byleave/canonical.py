"""The one encoding of a document, and the tagged hashes over it.

Documents are JSON in exactly one spelling: RFC 8785 (JCS) restricted to ASCII keys, strings,
booleans, `null`, arrays, objects and integers below 2**53. Floats have no place in evidence.
`decode` accepts only bytes that `encode` would produce, so a document has one digest.

Every hash that is not RFC 6962's own begins with a tag byte of its own (docs/spec/tags.md):
fields are fixed-length or length-prefixed, so that no two inputs share bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from byleave.errors import InputError
from byleave.ids import Digest

__all__ = ["Json", "decode", "digest_of", "encode", "record_digest", "sha256", "tagged"]

Json = str | bool | int | None | Sequence["Json"] | Mapping[str, "Json"]

MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 17
MAX_DEPTH: Final = 64
RECORD_DIGEST_VERSION: Final = 1
TAG_RECORD: Final = 0x22
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_MAX_PLAIN_BYTES: Final = 1 << 20
_OTHER_ESCAPE: Final = re.compile(rb"\\(?!n)")
_PLAIN: Final = frozenset({str, bool, type(None)})
_SEPARATORS: Final = (b",", b"[", b"{")


def sha256(data: bytes) -> Digest:
    """Return the SHA-256 of `data`."""
    return Digest(hashlib.sha256(data).digest())


def tagged(tag: int, *parts: bytes) -> Digest:
    """Return SHA-256(tag byte || parts). The caller fixes the length of every part but the last."""
    return Digest(hashlib.sha256(bytes([tag]) + b"".join(parts)).digest())


def encode(value: Json) -> bytes:
    """Write `value` in its one encoding.

    Raises:
        InputError: `canonical.not-encodable`, a float, a large integer, a key that is not ASCII.
    """
    _check(value, 0)
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            "a lone surrogate has no encoding", code="canonical.not-encodable"
        ) from None


def decode(data: bytes, *, most: int | None = None) -> Json:
    """Read bytes that are in the one encoding, and nothing else.

    Args:
        data: The bytes.
        most: Refuse more commas and opening brackets than this, strings included, before
            anything is built: it bounds what a document made of nothing but small values costs.

    Raises:
        InputError: `input.malformed`, not JSON, a duplicate key, or more than `most`;
            `canonical.not-canonical`, JSON in another spelling.
    """
    if most is not None and len(data) > most and sum(map(data.count, _SEPARATORS)) > most:
        raise InputError("a JSON document of too many values", code="input.malformed")
    try:
        return _decode_plain(data)
    except (ValueError, RecursionError):
        pass  # the long way says what is wrong
    try:
        value: Json = _DECODER.decode(data.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise InputError("not a JSON document", code="input.malformed") from None
    try:
        again = encode(value)
    except InputError:
        again = b""
    if again != data:
        raise InputError(
            "JSON, but not in the one accepted encoding", code="canonical.not-canonical"
        )
    return value


def digest_of(value: Json) -> Digest:
    """Return the SHA-256 of the canonical encoding of `value`."""
    return sha256(encode(value))


def record_digest(columns: Sequence[tuple[str, bytes | None]]) -> Digest:
    """Return the digest of one record (docs/spec/record-digest.md, version 1).

    SHA-256(0x22 || version:u8 || n:u16 || n x (name_len:u16 name present:u8 len:u32 value)),
    columns in ascending byte order of their names. Cost: one hash per record.

    Args:
        columns: Column name and the value's bytes, or None for null.
    """
    parts = [bytes([RECORD_DIGEST_VERSION]), len(columns).to_bytes(2, "big")]
    for name, value in sorted(columns):
        raw = name.encode()
        parts.append(len(raw).to_bytes(2, "big") + raw)
        if value is None:
            parts.append(b"\x00\x00\x00\x00\x00")
        else:
            parts.append(b"\x01" + len(value).to_bytes(4, "big") + value)
    return tagged(TAG_RECORD, *parts)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _decode_plain(data: bytes) -> Json:
    """Read bytes that can be seen to be in the one encoding without writing them again.

    Where every backslash stands before an `n`, no string holds a quotation mark: what is between
    strings is every second piece, and has no white space in the one encoding. The only escape is
    then one that the encoder writes too. The strict decoder sees to the rest: keys ASCII and in
    order, no float, every integer in range and not `-0`. Few brackets are not nested too deeply.

    Raises:
        ValueError: It cannot be seen, or is not so.
    """
    if len(data) > _MAX_PLAIN_BYTES:
        raise ValueError
    between = b"".join(data.split(b'"')[::2])
    if (
        _OTHER_ESCAPE.search(data)
        or between.count(b"{") + between.count(b"[") > MAX_DEPTH
        or between.split() != [between]
        or not between.isascii()
    ):
        raise ValueError
    text = data.decode("utf-8")
    value: Json
    value, end = _STRICT.raw_decode(text)
    if end != len(text):
        raise ValueError
    return value


def _ascending(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    names = [*result]
    if len(names) != len(pairs) or names != sorted(names) or not "".join(names).isascii():
        raise ValueError
    return result


def _small(digits: str) -> int:
    if len(digits) > _MAX_DIGITS or digits == "-0":
        raise ValueError
    value = int(digits)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError
    return value


def _refuse(_: str) -> Json:
    raise ValueError


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique)
_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_ascending, parse_int=_small, parse_float=_refuse, parse_constant=_refuse
)


def _is_ascii(key: object) -> bool:
    return isinstance(key, str) and key.isascii()


def _check(value: Json, depth: int) -> None:
    """Refuse what has no encoding; strings, the many, are passed over where they stand."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, str):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InputError(
                "an integer beyond 2^53 goes as a decimal string",
                code="canonical.not-encodable",
            )
        return
    if not isinstance(value, Mapping | list | tuple):
        raise InputError(
            f"a {kind.__name__} has no canonical encoding", code="canonical.not-encodable"
        )
    if value and depth >= MAX_DEPTH:
        raise InputError("nested too deeply", code="canonical.not-encodable")
    items: Iterable[Json] = value
    if isinstance(value, Mapping):
        if not all(map(_is_ascii, value)):
            raise InputError("keys are ASCII strings", code="canonical.not-encodable")
        items = value.values()
    for item in items:
        if type(item) not in _PLAIN:
            _check(item, depth + 1)
