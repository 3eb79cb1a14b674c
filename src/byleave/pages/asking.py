"""One question, asked at the moment of use: facts, and the page (rule M6).

Yes, no and "not now" stand on one page and are equally easy; "not now" is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from byleave.pages.html import render
from byleave.pages.settings import Question, row_sentence
from byleave.pages.view import Checkpoint, Frame
from byleave.pages.words import speech

__all__ = ["ContextAsk", "ask_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextAsk:
    """A question and how it stands with a member.

    Attributes:
        name: The question's name: the family of its notice.
        because: Why it may be asked now, or not.
        shown: Whether it is asked here; else the page says why not.
        days: For how long it is not asked again once it is put off.
        asks: The lines that are asked: those of the notice without a yes or a no.
        said_at: When the member said "not now"; None: they did not.
        again: When it may be asked again; None: now, or never.
        question: The exact text, and all of its lines.
    """

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    name: str
    because: Literal["undecided", "uses-changed", "answered", "refused", "stopped", "put-off"]
    shown: bool
    days: int
    asks: tuple[str, ...]
    said_at: datetime | None
    again: datetime | None
    question: Question


def ask_page(frame: Frame, view: ContextAsk, *, base: str, form: str, language: str = "en") -> str:
    """Write the page.

    Args:
        frame: What frames every page.
        view: The question.
        base: Prefix of every address.
        form: The session's form secret.
        language: Of its sentences.
    """
    return render(
        "ask.html",
        frame,
        base=base,
        twin=f"{base}/me/ask/{view.name}.json",
        language=language,
        view=view,
        form=form,
        row_sentence=partial(row_sentence, words=speech(language)),
    )
