"""The texts over time and what each changed for one member: the facts, and the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame

__all__ = ["Changes", "NamedUse", "Passage", "Piece", "Version", "changes_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of words of a text."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One thing that a text says otherwise than the one before.

    Attributes:
        kind: What became of it.
        section: The heading it stands under.
        pieces: Its words.
    """

    kind: Literal["added", "removed", "changed", "moved"]
    section: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUse:
    """A use that a text names and the one before did not; `state` is the member's own answer now."""

    use: str
    state: Literal["undecided", "yes", "no"]
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a text.

    Attributes:
        document: Its name in the address.
        version: Its version.
        before: The version it is compared with; None: the first.
        title: Its title.
        language: Of the text.
        effective: From when it says it counts.
        announced: When it was announced; None: not.
        recorded: When the log took it.
        index: Its log index.
        notice_window_days: Whole days from announcement to effect.
        adds: Uses it newly names.
        removes: Uses it no longer names.
        changes: What it says otherwise.
        same: Sentences that stand in both.
        checked: On how many uses the member's answer was computed before and after it.
        moved: Those on which the answer was another.
    """

    document: str
    version: str
    before: str | None
    title: str
    language: str
    effective: datetime
    announced: datetime | None
    recorded: datetime
    index: int
    notice_window_days: int | None
    adds: tuple[NamedUse, ...]
    removes: tuple[str, ...]
    changes: tuple[Passage, ...]
    same: int
    checked: int
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything the page says, the newest text first."""

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    versions: tuple[Version, ...]


def changes_page(frame: Frame, view: Changes, *, base: str, own: str, language: str = "en") -> str:
    """Write the page.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's pages.
        language: Of its sentences.
    """
    twin = f"{own}/changes.json"
    return render(
        "changes.html", frame, base=base, twin=twin, language=language, view=view, own=own
    )
