"""Uses and scopes: one leaf triple, and one subtree of triples.

A *use* is why / what / to whom, written `train.generative.replies/messages.inmail/platform`:
three leaves of the taxonomy's three trees. A *scope* is written the same way with a prefix of
any of the three (`train.generative/messages/platform`) and covers every use below it.
`*` as one part covers the whole tree; whether such a grant counts is the ruleset's matter
(LGPD art. 8 §4: a general authorisation is void).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from byleave.errors import InputError

__all__ = ["Scope", "Use"]

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)*")
_PARTS: Final = 3


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Scope:
    """A subtree of (purpose, category, recipient); `*` stands for a whole tree."""

    purpose: str
    category: str
    recipient: str

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read `PURPOSE/CATEGORY/RECIPIENT`.

        Raises:
            InputError: `use.malformed`, not three dotted names.
        """
        parts = text.split("/")
        if len(parts) != _PARTS or not all(p == "*" or _NAME.fullmatch(p) for p in parts):
            raise InputError(
                f"{text[:80]!r} is not PURPOSE/CATEGORY/RECIPIENT",
                code="use.malformed",
                hint="for example train.generative.replies/messages.inmail/platform",
            )
        return cls(purpose=parts[0], category=parts[1], recipient=parts[2])

    def __str__(self) -> str:
        return f"{self.purpose}/{self.category}/{self.recipient}"

    def covers(self, other: Scope) -> bool:
        """Say whether every use of `other` lies in this scope."""
        return (
            _covers(self.purpose, other.purpose)
            and _covers(self.category, other.category)
            and _covers(self.recipient, other.recipient)
        )


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Use(Scope):
    """One leaf triple. `Taxonomy.use()` makes one from text and refuses unknown terms."""


def _covers(prefix: str, name: str) -> bool:
    return prefix in {"*", name} or name.startswith(prefix + ".")
