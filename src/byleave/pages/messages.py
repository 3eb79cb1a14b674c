"""Which kinds of messages may train what: the facts of the page, and the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame, ReasonCount
from byleave.pages.words import Speech, speech

__all__ = ["Cell", "Kind", "KindUse", "MessageKinds", "cell_sentence", "messages_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What the gate says of a message that is written now, between the member and one other.

    Attributes:
        role: Whether the member writes or reads it.
        others: What the other person said about this use.
        allowed: Whether it may be used.
        because: Ground where it may, reason where it may not.
        theirs: Whether the member is the party that the reason is about.
    """

    role: Literal["author", "recipient"]
    others: Literal["yes", "silent", "no"]
    allowed: bool
    because: str
    theirs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KindUse:
    """One use of one kind of message.

    Attributes:
        use: The leaf use.
        cells: What the gate would say now.
        gate: The latest run of the gate for it; None: none yet.
        gate_index: Its log index.
        gate_at: When.
        kept: Messages of the member that it kept.
        left: Those it left out, by reason, most first.
    """

    use: str
    cells: tuple[Cell, ...]
    gate: str | None = None
    gate_index: int | None = None
    gate_at: datetime | None = None
    kept: int | None = None
    left: tuple[ReasonCount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of message; `means` is the operator's sentence for it."""

    category: str
    means: str
    uses: tuple[KindUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageKinds:
    """Everything the page says."""

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    kinds: tuple[Kind, ...]


_ENGLISH: Final = speech("en")
_NOES: Final = frozenset({"refused", "withdrawn", "objected"})


def cell_sentence(cell: Cell, words: Speech = _ENGLISH) -> str:
    """Say why a message may be used, or why not."""
    if cell.allowed:
        return words.say("messages.yes", reason=words.words.grounds[cell.because])
    said_no = cell.because == "party-vetoed" or (not cell.theirs and cell.because in _NOES)
    reason = words.reason("refused" if said_no else cell.because)
    return words.say(f"messages.no-{'you' if cell.theirs else 'other'}", reason=reason)


def messages_page(
    frame: Frame, view: MessageKinds, *, base: str, own: str, language: str = "en"
) -> str:
    """Write the page.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's pages.
        language: Of its sentences.
    """
    return render(
        "messages.html",
        frame,
        base=base,
        twin=f"{own}/messages.json",
        language=language,
        view=view,
        own=own,
        cell_sentence=partial(cell_sentence, words=speech(language)),
    )
