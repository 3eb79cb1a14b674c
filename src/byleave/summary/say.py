"""Sentences that several templates share, each over the same numbers."""

from __future__ import annotations

from byleave.summary.subject import Subject

__all__ = [
    "categories",
    "cleaning",
    "collected",
    "counted",
    "grounds",
    "in_training",
    "languages_open",
    "reasons",
    "size_of_text",
]

_BILLION = 1_000_000_000


def counted(number: int, word: str) -> str:
    """Return `1 record`, `2,000 records`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def categories(subject: Subject) -> str:
    """Return the data categories with their records."""
    found = sorted(subject.content.categories.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name}: {counted(number, 'record')}" for name, number in found) or "none"


def reasons(subject: Subject) -> str:
    """Return the reasons of the gate with their rows."""
    found = sorted(subject.gated.reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{code} {number:,}" for code, number in found) or "none"


def grounds(subject: Subject) -> str:
    """Return the grounds of the records kept with their numbers."""
    found = sorted(subject.gated.grounds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in found) or "none"


def collected(subject: Subject) -> str:
    """Return from when to when the records were collected."""
    content = subject.content
    if content.first is None or content.last is None:
        return f"not recorded, for all {counted(content.undated, 'record')}"
    undated = f"; {counted(content.undated, 'record')} without a date" if content.undated else ""
    return f"{content.first[:10]} to {content.last[:10]}{undated}"


def size_of_text(subject: Subject) -> str | None:
    """Return the template's range of tokens where bytes decide it, else None.

    A token stands for at least one byte of the text that was split into it, so there are at most
    as many tokens as bytes.
    """
    return "less than 1 billion tokens" if subject.content.text_bytes < _BILLION else None


def in_training(subject: Subject) -> str:
    """Return the sentence that says how much of whose data was used for what."""
    sealed = subject.sealed
    return (
        f"{counted(sealed.records, 'record')} of {counted(sealed.members, 'member')},"
        f" gated for {sealed.use}"
    )


def cleaning(subject: Subject) -> str:
    """Return what the gate left out and what was taken out since, with the purpose."""
    gated, sealed = subject.gated, subject.sealed
    return (
        f"Yes. Gate {gated.name} looked at {counted(gated.rows, 'record')} and kept"
        f" {gated.kept:,}, so that nothing is used for which its parties' choices or the law of"
        f" their region give no ground. Left out, by reason: {reasons(subject)}."
        f" Taken out since the first snapshot of its line: {counted(sealed.removed, 'record')}."
        " Records that were kept were not altered by the gate."
    )


def languages_open() -> str:
    """Return what a person has to say about languages."""
    return "the languages of the texts; the ledgers do not record them"
