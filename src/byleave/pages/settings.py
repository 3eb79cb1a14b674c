"""A member's settings and the record of one choice: facts, and their pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame
from byleave.pages.words import BECAUSE, Speech, speech

__all__ = [
    "BrowserSignal",
    "ChoiceRecord",
    "HeldRows",
    "Question",
    "Row",
    "Settings",
    "record_page",
    "row_sentence",
    "settings_page",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRows:
    """How many of a member's records stand in a source, of the kinds that an answer is about.

    Attributes:
        source: Its id.
        rows: How many.
        messages: How many of them belong to others as well.
    """

    source: str
    rows: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a question.

    Attributes:
        scope: What it asks for.
        means: The same as a sentence of the operator's taxonomy.
        who: Who gets the data, as that taxonomy says; None: anyone.
        leaves_out: Kinds of data of the first rank that the answer says nothing about.
        state: How it stands; `partly`: yes to some of what the scope holds.
        since: When that was said; None: nothing was.
        decided_by: Index of what was said last about it.
        includes_past: Whether a yes is also for what was held before.
        held: What is held now that "also what you already hold" is about, source by source.
        stopped_by: Reason code of the rule that stops what no choice stops, as a gate decides it;
            None: no rule does.
        stopped_all: Whether nothing of the scope may be used then.
        allowed_by: Ground in law on which something may be used without a yes; None: there is none.
        region: Where the member is; None: not known, and the strictest of all rules hold.
    """

    scope: str
    means: str
    who: str | None
    leaves_out: tuple[str, ...]
    state: Literal["yes", "no", "partly", "undecided"]
    since: datetime | None
    decided_by: int | None
    includes_past: bool
    held: tuple[HeldRows, ...] = ()
    stopped_by: str | None = None
    stopped_all: bool = False
    allowed_by: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One notice, and how its lines stand.

    Attributes:
        notice: Its id.
        language: Of its text.
        text: The exact text; what is recorded is its digest.
        sha256: That digest, hexadecimal.
        token: What the form sends back; None in a page without forms.
        rows: Its lines, in the notice's order.
    """

    notice: str
    language: str
    text: str
    sha256: str
    token: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSignal:
    """That a member's browser asked not to sell or share their data (`Sec-GPC: 1`).

    Attributes:
        index: Ledger index of the no that was recorded.
        since: When.
        yes_since: Whether they said yes to something of it afterwards, which stands.
    """

    index: int
    since: datetime
    yes_since: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a member is asked, and what their browser said for them."""

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    questions: tuple[Question, ...]
    signal: BrowserSignal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRecord:
    """One choice, as it was recorded; `index` is its number in the ledger and in the log."""

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    index: int
    recorded: datetime
    kind: Literal["grant", "refusal", "withdrawal", "objection", "preset"]
    scope: str
    includes_past: bool
    notice: str | None
    proof: str


_ENGLISH: Final = speech("en")


def row_sentence(row: Row, words: Speech = _ENGLISH) -> str:
    """Say how a line stands, with its date (M1): what was said, then what the rules make of it."""
    date = "" if row.since is None else words.date(row.since)
    follows = _follows(row, words)
    if row.state == "undecided" and follows:
        return f"{words.say('settings.state-open')} {follows}"
    said = words.say(f"settings.state-{row.state}", date=date)
    return f"{said} {follows}".rstrip()


def _follows(row: Row, words: Speech) -> str:
    """Say what a rule stops of a line, or allows without a yes; nothing where choices decide."""
    if row.stopped_by is not None and row.stopped_all:
        return words.rule_sentence(row.stopped_by, row.region)
    parts = []
    if row.allowed_by is not None and row.state != "yes":
        parts.append(words.say(BECAUSE[row.allowed_by]))
    if row.stopped_by is not None:
        parts.append(words.say("settings.stopped-part"))
    return " ".join(parts)


def settings_page(
    frame: Frame, view: Settings, *, base: str, form: str, language: str = "en"
) -> str:
    """Write the settings: every question, its exact text, and a form each.

    Args:
        frame: What frames every page.
        view: The questions.
        base: Prefix of every address.
        form: The session's form secret.
        language: Of its sentences.
    """
    return render(
        "settings.html",
        frame,
        base=base,
        twin=f"{base}/me/settings.json",
        language=language,
        view=view,
        form=form,
        row_sentence=partial(row_sentence, words=speech(language)),
    )


def record_page(
    frame: Frame, view: ChoiceRecord, *, base: str, form: str, language: str = "en"
) -> str:
    """Write the record of one choice.

    Args:
        frame: What frames every page.
        view: The choice.
        base: Prefix of every address.
        form: The session's form secret.
        language: Of its sentences.
    """
    twin = f"{base}/me/choices/{view.index}.json"
    return render(
        "record.html", frame, base=base, twin=twin, language=language, view=view, form=form
    )
