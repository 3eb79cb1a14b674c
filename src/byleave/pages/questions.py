"""What members ask most, answered from the ledgers: the facts, and the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame

__all__ = ["Inside", "LookAt", "Package", "Questions", "questions_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A model in use that was trained on records of the member."""

    release: str
    at: datetime
    records: int
    proof: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What somebody else got: `deleted` where they answered so, `recalled` where they were told."""

    recipient: str
    package: str
    at: datetime
    records: int
    state: Literal["there", "recalled", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAt:
    """One look of the operator's people at the member's data."""

    at: datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Everything the page says.

    Attributes:
        member_label: The member's own name for themselves.
        at: The instant the answers are about.
        checkpoint: The log's head they stand on.
        models: Models in use.
        inside: Those trained on records of the member.
        left: Models that had records of theirs and were replaced.
        packages: What was handed to others.
        days: By when a no must have reached every model.
        rebuilt: Models that a no would have rebuilt without them, exactly.
        reduced: Models that cannot be rebuilt exactly.
        texts: Texts published since they joined.
        named: Uses that these newly named.
        undecided: Of these, how many they have not decided.
        moved: Decisions that a text changed.
        choices: What they said so far.
        looks: Who looked at their data.
        kept: Of their messages, how many the latest runs of the gate kept, each use counted.
        left_out: How many they left out.
        proofs: Proofs about them that can be downloaded.
        requests: Requests of theirs that are open.
    """

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    models: int
    inside: tuple[Inside, ...]
    left: int
    packages: tuple[Package, ...]
    days: int
    rebuilt: tuple[str, ...]
    reduced: tuple[str, ...]
    texts: int
    named: int
    undecided: int
    moved: int
    choices: int
    looks: tuple[LookAt, ...]
    kept: int
    left_out: int
    proofs: int
    requests: int


def questions_page(
    frame: Frame, view: Questions, *, base: str, own: str, language: str = "en"
) -> str:
    """Write the page.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's pages.
        language: Of its sentences.
    """
    twin = f"{own}/questions.json"
    return render(
        "questions.html", frame, base=base, twin=twin, language=language, view=view, own=own
    )
