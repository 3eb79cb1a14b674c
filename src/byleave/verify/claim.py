"""What a kind of proof claims, as checks in order: the registry's one shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from byleave.evidence.proof_kinds.base import ProofFile
from byleave.verify.run import Run

__all__ = ["NEVER_SHOWS", "ONE_SECRET", "Claim", "Skipped", "Step"]

NEVER_SHOWS: Final = "training outside this system; whose records these really were"
ONE_SECRET: Final = "that this person has no second receipt (no directory covers this answer)"


class Skipped(str):
    """Why a check had nothing to do: returned in place of what was found."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One check.

    Attributes:
        name: One or two words, as printed.
        words: What is checked, in words: the same sentence as in docs/spec/verify.md.
        check: Called with the run and the proof; returns what was found, or `Skipped`; raises
            `ByleaveError` where it fails.
    """

    name: str
    words: str
    check: Callable[[Run, Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one kind of proof shows.

    Attributes:
        kind: The kind's record.
        steps: Checks 4 and on, in order; the file's digest is checked after them.
        statement: Returns what was shown, in one sentence; called when every check passed.
        limits: Returns what even a verified proof of this kind does not show.
        needs_receipt: Returns whether nothing can be said without a receipt.
    """

    kind: type[ProofFile]
    steps: tuple[Step, ...]
    statement: Callable[[Run, Any], str]
    limits: Callable[[Run], list[str]]
    needs_receipt: Callable[[Any], bool] = lambda _: False
