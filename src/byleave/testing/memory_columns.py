"""The columnar half of the port in plain lists (docs of each method: `stores/sqlite_columns.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.ids import FAR_FUTURE_US

__all__ = ["MemoryColumns"]

Longs = npt.NDArray[np.int64]


class _Held(Protocol):
    def members(self) -> list[tuple[Any, ...]]: ...
    def events(self) -> list[tuple[Any, ...]]: ...
    def regions(self, at_us: int) -> list[tuple[int, str]]: ...
    def births(self, at_us: int) -> list[tuple[int, int]]: ...
    @property
    def _tables(self) -> Any: ...  # noqa: ANN401


class MemoryColumns:
    """Answers row by row."""

    def member_ids(self: _Held, *, first: int = 0, before: int | None = None) -> pa.Array:
        rows = [row for row in self.members() if row[0] >= first]
        found = [row[1] for row in rows if before is None or row[3] < before]
        return pa.array(found, pa.large_string())

    def regions_columns(
        self: _Held, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        return _by_text(self.regions(at_us), ordinals)

    def groups_columns(
        self: _Held, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]:
        latest: dict[int, str] = {}
        for (ordinal, us), names in sorted(self._tables.groups.items()):
            if us <= at_us:
                latest[ordinal] = names
        return _by_text([*latest.items()], ordinals)

    def births_columns(
        self: _Held, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> tuple[Longs, Longs]:
        rows = sorted(r for r in self.births(at_us) if ordinals is None or r[0] in ordinals)
        both = np.array(rows, np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    def born_between(self: _Held, first: int, last: int) -> Longs:
        days = self._tables.births.items()
        return _sorted(ordinal for (ordinal, _), day in days if first <= day <= last)

    def event_instants(self: _Held, after_us: int, until_us: int) -> tuple[Longs, int]:
        pairs = [(row[1], us) for row in self.events() for us in (row[4], row[6]) if us is not None]
        return _within(pairs, after_us, until_us)

    def fact_instants(self: _Held, after_us: int, until_us: int) -> tuple[Longs, int]:
        tables = self._tables
        facts = [*tables.regions, *tables.births, *tables.groups]
        return _within(facts, after_us, until_us)

    def facts_since(self: _Held, position: int) -> tuple[int, Longs]:
        tail = self._tables.tail
        return len(tail), _sorted(tail[position:])


def _by_text(
    facts: Sequence[tuple[int, str]], ordinals: Sequence[int] | Longs | None
) -> dict[str, Longs]:
    found: dict[str, list[int]] = {}
    for ordinal, text in facts:
        if ordinals is None or ordinal in ordinals:
            found.setdefault(text, []).append(ordinal)
    return {text: np.array(sorted(who), np.int64) for text, who in found.items()}


def _within(pairs: Sequence[tuple[int, int]], after_us: int, until_us: int) -> tuple[Longs, int]:
    later = [us for _, us in pairs if us > until_us]
    who = _sorted(ordinal for ordinal, us in pairs if after_us < us <= until_us)
    return who, min(later, default=FAR_FUTURE_US)


def _sorted(ordinals: Any) -> Longs:  # noqa: ANN401
    return np.array(sorted(set(ordinals)), np.int64)
