"""Payloads of consent platforms as a table of choices: what every adapter shares.

An adapter is written for one version of one platform's form. A field it does not know is refused,
not passed over: it may be the one that decides. What is plain but cannot count (a purpose nobody
mapped, a choice not confirmed) leaves out that choice, with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, encode
from byleave.errors import InputError
from byleave.policy.strict_yaml import read_mapping
from byleave.policy.taxonomy import Taxonomy

__all__ = ["Choices", "Mapped", "known_only", "one_of", "payloads", "read_purposes"]

_COLUMNS: Final = ("member", "use", "decision", "effective", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """An operator's mapping: what a platform's codes stand for.

    Attributes:
        identity: Name of the identity that holds the platform's member id; None: the adapter's own.
        purposes: Code of a purpose to the scopes it stands for.
    """

    identity: str | None
    purposes: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Choices:
    """Choices as they are read, one row for each purpose and scope."""

    mapped: Mapped
    adapter: str
    rows: list[tuple[str, str, str, str | None, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def add(
        self,
        line: int,
        *,
        member: str,
        purpose: str,
        decision: str,
        said: str | None,
        evidence: Mapping[str, Json],
    ) -> None:
        """Add one choice about one purpose; without a scope for it, leave it out."""
        scopes = self.mapped.purposes.get(purpose)
        if scopes is None:
            self.rejected.append((line, "purpose-unmapped"))
            return
        told: dict[str, Json] = {"adapter": self.adapter, "purpose": purpose}
        told.update({key: value for key, value in evidence.items() if value is not None})
        for scope in scopes:
            self.rows.append((member, scope, decision, said, encode(told).decode()))
            self.lines.append(line)

    def table(self) -> tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[int, str], ...]]:
        """Return the rows, their lines, and what was left out."""
        columns = list(zip(*self.rows, strict=True)) if self.rows else [()] * len(_COLUMNS)
        table = pa.table(
            {
                name: pa.array(values, pa.large_string())
                for name, values in zip(_COLUMNS, columns, strict=True)
            }
        )
        return table, np.array(self.lines, np.int64), tuple(self.rejected)


def read_purposes(text: str, *, name: str, taxonomy: Taxonomy) -> Mapped:
    """Read a mapping file (docs/spec/consent-import.md).

    Raises:
        InputError: `consent.import-mapping`, `input.malformed`, `input.unknown-field`, `use.*`.
    """
    document = read_mapping(text, name=name)
    document.refuse_others({"mapping", "identity", "purposes"})
    if document.text("mapping") != "v1":
        raise InputError(
            "mapping is not v1", code="consent.import-mapping", where=document.where("mapping")
        )
    purposes: dict[str, tuple[str, ...]] = {}
    fields = document.mapping("purposes")
    for code, value in fields.values.items():
        scopes = [value] if isinstance(value, str) else value
        if not isinstance(scopes, list) or not all(isinstance(s, str) for s in scopes):
            raise InputError(
                f"purpose {code!r} names no scope",
                code="consent.import-mapping",
                where=fields.where(code),
                hint="a scope such as train.generative/messages/platform, or a list of them",
            )
        purposes[code] = tuple(str(taxonomy.scope(scope)) for scope in scopes)
    return Mapped(identity=document.optional_text("identity"), purposes=purposes)


def payloads(data: bytes, *, name: str) -> Iterator[tuple[int, Any]]:
    """Yield (number, payload) of a JSON document, an array of them, or one a line.

    Raises:
        InputError: `consent.import-payload`, not JSON, or a key twice.
    """
    try:
        text = data.decode("utf-8-sig")
        whole = _load(text)
    except UnicodeDecodeError:
        raise _refuse(name, None, "not UTF-8") from None
    except ValueError:
        whole = None
    if whole is None:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    yield number, _load(line)
                except ValueError:
                    raise _refuse(name, number, "not a JSON document") from None
        return
    if isinstance(whole, dict) and isinstance(whole.get("data"), list):
        known_only(whole, {"data", "limit", "skip", "total", "cursor"}, name=name, number=None)
        whole = whole["data"]
    yield from enumerate(whole if isinstance(whole, list) else [whole], start=1)


def known_only(
    value: Any,  # noqa: ANN401 (JSON)
    known: set[str],
    *,
    name: str,
    number: int | None,
    part: str = "payload",
) -> dict[str, Any]:
    """Return a JSON object none of whose fields is unknown.

    Raises:
        InputError: `consent.import-payload`.
    """
    if not isinstance(value, dict):
        raise _refuse(name, number, f"{part} is no object")
    for key in value:
        if key not in known:
            raise _refuse(name, number, f"unknown field {key[:40]!r} in {part}")
    return value


def one_of(value: object, words: Sequence[str], *, name: str, number: int, part: str) -> str:
    """Return a text that is one of some words.

    Raises:
        InputError: `consent.import-payload`.
    """
    if not isinstance(value, str) or value not in words:
        raise _refuse(name, number, f"{part} is none of {', '.join(words)}")
    return value


def _load(text: str) -> Any:  # noqa: ANN401 (JSON)
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError
        return found

    return json.loads(text, object_pairs_hook=unique)


def _refuse(name: str, number: int | None, what: str) -> InputError:
    where = name if number is None else f"{name}:{number}"
    return InputError(
        what,
        code="consent.import-payload",
        where=where,
        hint="nothing was imported; a field that may decide is never passed over",
    )
