"""How one field of a document becomes a value and back; every reader accepts one spelling.

Readers and writers raise `ValueError` without a message: the document's own parser turns it into
an error with that document's code, and never repeats what it read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from byleave.canonical import MAX_INTEGER
from byleave.errors import InputError
from byleave.ids import format_instant, parse_instant

__all__ = [
    "COUNT",
    "DIGEST",
    "FLAG",
    "INSTANT",
    "MAX_ITEMS",
    "SALT16",
    "TEXT",
    "Codec",
    "array",
    "exactly",
    "hexadecimal",
    "optional",
]

MAX_ITEMS: Final = 1 << 20
"""Commas and opening brackets of a proof file or a receipt: 16 MiB of the densest kind, a delta, have some 600,000."""
_TEXT: Final = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Codec:
    """`read` makes a value of a JSON value, `write` the JSON value of a value; both check.

    `read_all`, where there is one, does what `read` of each item does, in one stroke. `spelling`
    names the codec for readers in other languages; one that also takes null ends in `?`.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    read_all: Callable[[list[Any]], tuple[Any, ...]] | None = None
    spelling: str = ""


def exactly(value: object, names: frozenset[str]) -> Mapping[str, Any]:
    """Return `value` if it is an object with these names and no others."""
    # asking an abstract class takes longer than all the rest, and nearly all are dicts
    if type(value) is not dict and not isinstance(value, Mapping):
        raise ValueError
    if value.keys() != names:
        raise ValueError
    return value


def array(value: object, most: int) -> list[Any]:
    """Return `value` if it is an array of at most `most` items."""
    if not isinstance(value, list) or len(value) > most:
        raise ValueError
    return value


def hexadecimal(length: int) -> Codec:
    """Return the codec of `length` bytes as lowercase hexadecimal digits."""

    def read(value: object) -> bytes:
        if not isinstance(value, str) or len(value) != 2 * length:
            raise ValueError
        data = bytes.fromhex(value)
        if data.hex() != value:  # capitals and blanks are other spellings
            raise ValueError
        return data

    def read_all(values: list[Any]) -> tuple[bytes, ...]:
        if {*map(type, values)} - {str} or {*map(len, values)} - {2 * length}:
            raise ValueError
        whole = "".join(values)
        data = bytes.fromhex(whole)
        if data.hex() != whole:
            raise ValueError
        return tuple([data[at : at + length] for at in range(0, len(data), length)])

    def write(value: object) -> str:
        return _sized(value).hex()

    def _sized(value: object) -> bytes:
        if not isinstance(value, bytes) or len(value) != length:
            raise ValueError
        return value

    return Codec(read, write, read_all, f"hex{length}")


def optional(codec: Codec) -> Codec:
    """Return the codec that also takes null (None)."""
    return Codec(
        lambda value: None if value is None else codec.read(value),
        lambda value: None if value is None else codec.write(value),
        spelling=f"{codec.spelling}?",
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise ValueError
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INTEGER:
        raise ValueError
    return int(value)  # a NewType or NumPy-free subclass goes as a plain integer


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 (see the module docstring)
    return value


def _read_instant(value: object) -> datetime:
    if isinstance(value, str):
        try:
            instant = parse_instant(value)
        except (InputError, OverflowError):
            raise ValueError from None
        if format_instant(instant) == value:
            return instant
    raise ValueError


def _write_instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError
    return format_instant(value)


TEXT: Final = Codec(_text, _text, spelling="text")
"""1 to 255 printable ASCII characters."""
COUNT: Final = Codec(_count, _count, spelling="count")
"""An integer from 0 to 2**53 - 1: a count, or a log index."""
FLAG: Final = Codec(_flag, _flag, spelling="flag")
DIGEST: Final = hexadecimal(32)
SALT16: Final = hexadecimal(16)
INSTANT: Final = Codec(_read_instant, _write_instant, spelling="instant")
