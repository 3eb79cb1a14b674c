"""What a recipient holds, and what a pull brought it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from byleave.errors import ByleaveError

__all__ = ["Held", "Pulled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A package that the recipient holds.

    Attributes:
        name: Its name.
        rows: Rows left.
        recalled: Rows deleted so far.
        waiting: Rows recalled and not deleted yet.
        expires: When its terms run out, or None.
        expired: Whether they have.
        passed_on: To whom rows were passed on.
        path: Where the rows are.
    """

    name: str
    rows: int
    recalled: int
    waiting: int
    expires: str | None
    expired: bool
    passed_on: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a pull brought.

    Attributes:
        packages: Names of packages opened, verified and now held.
        orders: Names of orders that came.
        refused: (name, error) of what was not taken on; the rest was.
    """

    packages: tuple[str, ...]
    orders: tuple[str, ...]
    refused: tuple[tuple[str, ByleaveError], ...]
