"""Between plain dictionaries and frozen records, both ways, with nothing in between.

`read` accepts exactly the fields a record declares, of the declared types: instants as RFC 3339
text, tuples as lists, records as objects. `plain` writes the same dictionary back, so that
`plain(read(T, d)) == d` for every complete `d`, and a page's JSON twin is `plain(view)`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from byleave.errors import InputError
from byleave.ids import format_instant, parse_instant

__all__ = ["check", "plain", "read"]

T = TypeVar("T")


def read(record: type[T], data: object, *, where: str = "") -> T:
    """Build a record from a plain dictionary.

    Args:
        record: A frozen dataclass of `byleave.pages.view`.
        data: Its dictionary; fields with a default may be left out, no others may be added.
        where: The path so far, for the message.

    Raises:
        InputError: `pages.malformed`, a field is missing, unknown or of another type.
    """
    if not isinstance(data, Mapping):
        raise _malformed(where, "an object")
    hints = _hints(typing.cast("type", record))
    fields = {f.name: f for f in dataclasses.fields(record)}  # type: ignore[arg-type]
    for name in data:
        if name not in fields:
            raise _malformed(f"{where}.{str(name)[:40]}", "no such field")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING:
            raise _malformed(f"{where}.{name}", "a value")
    return record(**values)


def check(shape: type, data: object, *, where: str = "") -> None:
    """Hold a dictionary to a `TypedDict`: its keys, and the type of every value, all the way down.

    Raises:
        InputError: `pages.malformed`, a key is missing, unknown or of another type.
    """
    if not isinstance(data, Mapping):
        raise _malformed(where, "an object")
    hints = _hints(shape)
    for name in data:
        if name not in hints:
            raise _malformed(f"{where}.{str(name)[:40]}", "no such field")
    for name, hint in hints.items():
        optional = typing.get_origin(hint) is typing.NotRequired
        if name in data:
            inner = typing.get_args(hint)[0] if optional else hint
            _value(inner, data[name], f"{where}.{name}")
        elif not optional:
            raise _malformed(f"{where}.{name}", "a value")


def plain(value: object) -> Any:  # noqa: ANN401  # JSON has no narrower name
    """Return the value as JSON's types: what `read` would accept again."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return format_instant(value)
    return value


@cache
def _hints(record: type) -> dict[str, Any]:
    return typing.get_type_hints(record, include_extras=True)


def _value(hint: Any, value: object, where: str) -> object:  # noqa: ANN401  # a type expression
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
        return _value(hint, value, where)
    if origin is typing.Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise _malformed(where, "one of " + ", ".join(map(str, allowed)))
        return value
    if origin in {tuple, list}:
        return _sequence(typing.get_args(hint), value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _malformed(where, "an object")
        inner = typing.get_args(hint)[1]
        return {str(k): _value(inner, v, f"{where}.{str(k)[:40]}") for k, v in value.items()}
    if typing.is_typeddict(hint):
        check(hint, value, where=where)
        return value
    if dataclasses.is_dataclass(hint):
        return read(typing.cast("type", hint), value, where=where)
    return _scalar(hint, value, where)


def _sequence(inner: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    """Read a list of one type (`tuple[T, ...]`, `list[T]`), or of fixed types in order."""
    if not isinstance(value, list | tuple):
        raise _malformed(where, "a list")
    fixed = len(inner) > 1 and inner[-1] is not Ellipsis
    if fixed and len(value) != len(inner):
        raise _malformed(where, f"{len(inner)} values")
    types_ = inner if fixed else (inner[0],) * len(value)
    return tuple(
        _value(t, v, f"{where}[{i}]") for i, (t, v) in enumerate(zip(types_, value, strict=True))
    )


def _scalar(hint: type, value: object, where: str) -> object:
    if hint is datetime:
        if isinstance(value, str):
            return parse_instant(value)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        raise _malformed(where, "an instant such as 2024-09-18T00:00:00Z")
    if hint is bool or not isinstance(value, bool):
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, hint):
            return value
    raise _malformed(where, f"a value of type {hint.__name__}")


def _malformed(where: str, wanted: str) -> InputError:
    return InputError(
        f"a page's facts do not have their shape: expected {wanted}",
        code="pages.malformed",
        where=where.lstrip("."),
    )
