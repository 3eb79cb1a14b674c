"""Groups of members as dated facts: that a list filters somebody, and never why.

Which groups a ruleset leaves out its `excluded_groups` say (docs/spec/rulesets.md). A member is in
the groups recorded last; none recorded, or an empty list: in none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from byleave.errors import InputError
from byleave.ids import to_us
from byleave.policy.ruleset_exclusion import is_group_name
from byleave.service.clock import ledger_now
from byleave.service.house import House

__all__ = ["add_groups", "groups_at", "groups_of"]

Longs = npt.NDArray[np.int64]
Groups = tuple[tuple[frozenset[str], ...], npt.NDArray[np.int32] | None]


def add_groups(house: House, groups: Mapping[str, Sequence[str]]) -> int:
    """Record which groups members are in from now on; return how many members.

    Args:
        house: The workspace's ports.
        groups: Member id to names of groups; an empty list: in none any more.

    Raises:
        InputError: `member.unknown`; `input.malformed`, a name that no group has. Nothing of it is
            recorded.
    """
    ordinals = house.ledger.ordinals(list(groups))
    now = to_us(ledger_now(house))
    rows = []
    for member, names in groups.items():
        if member not in ordinals:
            raise InputError("the ledger knows no such member", code="member.unknown")
        if not all(is_group_name(name) for name in names):
            raise InputError(
                "no name of a group",
                code="input.malformed",
                hint="up to 64 of a-z, 0-9, point and hyphen: filtered-2025",
            )
        rows.append((ordinals[member], now, " ".join(sorted(set(names)))))
    with house.ledger.writing() as writer:
        writer.add_groups(sorted(rows))
    return len(rows)


def groups_of(house: House, member: str) -> tuple[str, ...]:
    """Return the groups that a member is in now, ascending.

    Raises:
        InputError: `member.unknown`.
    """
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    found = house.ledger.groups_columns(to_us(ledger_now(house)), ordinals=[row[0]])
    return tuple(name for names in found for name in names.split())


def groups_at(house: House, at: datetime, members: int, *, ordinals: Longs | None = None) -> Groups:
    """Return the sets of groups that there are at an instant, and which one each member is in.

    Args:
        house: The workspace's ports.
        at: The instant.
        members: Ordinals below it are answered for.
        ordinals: Of these members alone, ascending.

    Returns:
        As `MemberFacts.groups` and `group_id`; the latter None where nobody is in any.
    """
    found = house.ledger.groups_columns(to_us(at), ordinals=ordinals)
    sets = {frozenset[str](): 0}
    count = members if ordinals is None else len(ordinals)
    which = np.zeros(count, np.int32)
    for names, who in found.items():
        number = sets.setdefault(frozenset(names.split()), len(sets))
        inside = who[who < members]
        which[inside if ordinals is None else np.searchsorted(ordinals, inside)] = number
    return tuple(sets), which if len(sets) > 1 else None
