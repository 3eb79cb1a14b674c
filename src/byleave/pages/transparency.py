"""The public report: what was trained on how much, what was refused, withdrawn and handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame, ReasonCount
from byleave.pages.words import speech

__all__ = [
    "Gates",
    "Handed",
    "ModelRow",
    "PolicyRow",
    "Report",
    "SummaryKind",
    "WithdrawalRow",
    "page",
]

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A released model and the size of what it was trained on."""

    release: str
    index: int
    at: datetime
    use: str
    trainer: str
    exact: bool
    records: int
    members: int
    parent: str | None
    superseded_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """All runs of the gate together; a row counts once a run."""

    runs: int
    rows: int
    kept: int
    reasons: tuple[ReasonCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRow:
    """A batch of withdrawals: what it reached, and how long it took.

    Attributes:
        said: The first no of a member that it answers; None: rows went for another reason, or it
            is of before this was kept.
        begun: Its first log entry.
        seconds: From `said`, else from `begun`, to its last log entry; None: it is not done.
        releases: Releases it unlearned.
        packages: Packages it recalled rows of.
        rows: Rows it took out of them.
    """

    withdrawal: str
    index: int
    said: datetime | None
    begun: datetime
    ended: datetime | None
    seconds: int | None
    releases: int
    packages: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What one recipient was handed, and how it answered recalls.

    Attributes:
        longest_seconds: The longest time from a recall to its answer; None: none was answered.
        late: Recalls past their date without an answer.
    """

    recipient: str
    packages: int
    rows: int
    recalled: int
    recalls: int
    answered: int
    late: int
    longest_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One version of a published text."""

    document: str
    version: str
    index: int
    recorded: datetime
    effective: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryKind:
    """A summary that is made when it is asked for."""

    kind: str
    says: str
    law: str
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report."""

    at: datetime
    checkpoint: Checkpoint
    members: int
    models: tuple[ModelRow, ...]
    gates: Gates
    withdrawals: tuple[WithdrawalRow, ...]
    disclosures: tuple[Handed, ...]
    policies: tuple[PolicyRow, ...]
    summaries: tuple[SummaryKind, ...]


def page(frame: Frame, view: Report, *, base: str, language: str = "en") -> str:
    """Write the report."""
    return render(
        "transparency.html",
        frame,
        base=base,
        twin=f"{base}/transparency.json",
        language=language,
        view=view,
        took=partial(_took, speech(language).say),
    )


def _took(say: Callable[..., str], seconds: int) -> str:
    """Return a time in whole days, hours or minutes."""
    if seconds < _MINUTE:
        return say("open.short")
    if seconds < _HOUR:
        return say("open.minutes", count=seconds // _MINUTE)
    if seconds < 2 * _DAY:
        return say("open.hours", count=seconds // _HOUR)
    return say("open.days", count=seconds // _DAY)
