"""What a ruleset takes out whoever said yes: data collected in an interval, members of a group.

Both follow what regulators asked for. Data collected while a use stood suspended is purged: it is
used for nothing in the scope, also long after (Irish DPC and X, 2024). Members whom an operator
filters out belong to a named group (Irish DPC on LinkedIn, 2025). `byleave.policy.ruleset` puts
them together with the rest, and is where everybody imports them from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.policy.ruleset_part import read_date
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields

__all__ = [
    "Exclusion",
    "Interval",
    "Purge",
    "groups_out_of",
    "is_group_name",
    "merged",
    "purged_for",
    "read_exclusions",
    "read_purges",
]

Interval = tuple[datetime, datetime]
"""From the first instant until the second, which is not part of it."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """Data collected from `start` until `end` (exclusive) is used for nothing in `scope`."""

    scope: Scope
    start: datetime
    end: datetime
    cite: str

    def to_dict(self) -> dict[str, Json]:
        """Return what the digest and the log see."""
        return {
            "cite": self.cite,
            "end": format_instant(self.end),
            "scope": str(self.scope),
            "start": format_instant(self.start),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Members of these groups are used for nothing in `scope`."""

    scope: Scope
    groups: tuple[str, ...]
    cite: str

    def to_dict(self) -> dict[str, Json]:
        """Return what the digest and the log see."""
        return {"cite": self.cite, "groups": list(self.groups), "scope": str(self.scope)}


def is_group_name(text: str) -> bool:
    """Say whether a group may have this name: up to 64 of `a-z 0-9 . -`."""
    return _NAME.fullmatch(text) is not None


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same instants as intervals that ascend and do not touch."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def purged_for(use: Use, purges: Iterable[Purge]) -> tuple[Interval, ...]:
    """Return when data must not have been collected to be put to `use`."""
    return merged((p.start, p.end) for p in purges if p.scope.covers(use))


def groups_out_of(use: Use, exclusions: Iterable[Exclusion]) -> tuple[str, ...]:
    """Return the groups whose members are not put to `use`, ascending."""
    return tuple(sorted({g for e in exclusions if e.scope.covers(use) for g in e.groups}))


def read_purges(fields: Fields) -> tuple[Purge, ...]:
    """Read `purged` of a ruleset.

    Raises:
        InputError: `ruleset.malformed`, `input.malformed`, `input.unknown-field`.
    """
    found = []
    for item in fields.mappings("purged"):
        item.refuse_others({"scope", "start", "end", "cite"})
        start, end = read_date(item, "start"), read_date(item, "end")
        if end <= start:
            raise InputError("ends before it starts", code="ruleset.malformed", where=item.where())
        scope = Scope.parse(item.text("scope"))
        found.append(Purge(scope=scope, start=start, end=end, cite=item.text("cite")))
    return tuple(found)


def read_exclusions(fields: Fields) -> tuple[Exclusion, ...]:
    """Read `excluded_groups` of a ruleset.

    Raises:
        InputError: `ruleset.malformed`, `input.malformed`, `input.unknown-field`.
    """
    found = []
    for item in fields.mappings("excluded_groups"):
        item.refuse_others({"scope", "groups", "cite"})
        groups = tuple(item.texts("groups"))
        if not groups or not all(is_group_name(name) for name in groups):
            raise InputError(
                "groups is no list of names of groups",
                code="ruleset.malformed",
                where=item.where("groups"),
                hint="up to 64 of a-z, 0-9, point and hyphen: filtered-2025",
            )
        scope = Scope.parse(item.optional_text("scope") or "*/*/*")
        found.append(Exclusion(scope=scope, groups=groups, cite=item.text("cite")))
    return tuple(found)
