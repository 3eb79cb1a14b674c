"""A part of an operator's ruleset that could never speak: a slip, told before it is in force.

A suspension of `trian/*/*` would be in force and stop nothing, and one for the region `UK ` would
reach nobody. What is in force already is read as it is: this looks at files that come in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from byleave.errors import InputError
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import Fields
from byleave.policy.taxonomy import Taxonomy

__all__ = ["refuse_idle"]

_LISTS: Final = ("rules", "suspensions", "purged", "excluded_groups")
_LIMITS: Final = ("min_age", "earliest")
_REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")


def refuse_idle(document: Fields, taxonomy: Taxonomy) -> None:
    """Refuse scopes that name no term, and regions that are no code.

    Raises:
        InputError: `use.malformed`, `use.unknown-term`, `ruleset.malformed`, with the line;
            `input.malformed`.
    """
    for ruleset in document.mappings("sets"):
        for region in ruleset.texts("regions"):
            if not _REGION.fullmatch(region.lower()):
                raise InputError(
                    f"{region!r} is no region",
                    code="ruleset.malformed",
                    where=ruleset.where("regions"),
                    hint="codes such as uk, us-ca; a region that is not listed falls under all",
                )
        for part in _parts(ruleset):
            if part.values.get("scope") is not None:
                part.read("scope", lambda text: taxonomy.check(Scope.parse(text)))


def _parts(ruleset: Fields) -> Iterator[Fields]:
    for name in _LISTS:
        yield from ruleset.mappings(name)
    for name in _LIMITS:
        if ruleset.values.get(name) is not None:
            yield ruleset.mapping(name)
