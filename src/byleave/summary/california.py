"""California's training data documentation: Cal. Civ. Code 3111 (AB 2013, Stats. 2024, ch. 817).

Twelve items of subdivision (a), from 1 January 2026, for generative systems made available to
Californians since 1 January 2022; published by the developer on its site. Items (1) to (9) ask in
the statute's words, (10) to (12) in those of its reporters (docs/spec/summaries.md).
"""

from __future__ import annotations

from typing import Final

from byleave.summary import say
from byleave.summary.field import Field, Section, Summary, by_ledger, by_person
from byleave.summary.subject import Subject

__all__ = ["LAW", "ca_ab2013"]

LAW: Final = "Cal. Civ. Code 3111(a)(1)-(12) (AB 2013, Stats. 2024, ch. 817)"


def ca_ab2013(subject: Subject) -> Summary:
    """Fill the twelve items for a release, or for a snapshot."""
    return Summary(
        kind="ca-ab2013",
        title="Training data documentation",
        law=LAW,
        about=subject.about,
        stated=subject.stated,
        notes=subject.notes,
        sections=(
            Section(
                title="High-level summary of the data sets",
                fields=(*_what(subject), *_rights(subject), *_how(subject)),
            ),
        ),
    )


def _what(subject: Subject) -> tuple[Field, ...]:
    sealed, content = subject.sealed, subject.content
    columns = ", ".join(f"{name} ({kind})" for name, kind in sealed.columns)
    return (
        by_ledger(
            "1",
            "The sources or owners of the datasets",
            f"{subject.data.name}"
            + (f" ({subject.data.dataset})" if subject.data.dataset else "")
            + f", held by {subject.operator.name}; the records are of its members.",
            entries=(subject.data.index,),
        ),
        by_ledger(
            "2",
            "A description of how the datasets further the intended purpose of the system or service",
            f"The records were gated and used for one purpose, {sealed.use}: {sealed.sentence}.",
            entries=(subject.gated.index, sealed.index),
        ),
        by_ledger(
            "3",
            "The number of data points included in the datasets",
            f"{say.counted(sealed.records, 'record')} of {say.counted(sealed.members, 'member')};"
            " the snapshot is fixed, so this is a count and no estimate.",
            entries=(sealed.index,),
            records=sealed.records,
            members=sealed.members,
        ),
        by_ledger(
            "4",
            "A description of the types of data points within the datasets",
            f"Data categories: {say.categories(subject)}. Columns: {columns}.",
            entries=(sealed.index,),
            **{f"category:{name}": number for name, number in content.categories.items()},
        ),
    )


def _rights(subject: Subject) -> tuple[Field, ...]:
    sealed = subject.sealed
    personal = sealed.members > 0 and subject.synthetic is not True
    return (
        by_person(
            "5",
            "Whether the datasets include any data protected by copyright, trademark, or patent, or"
            " are entirely in the public domain",
            "which; texts that members wrote are as a rule protected by copyright",
        ),
        by_person(
            "6",
            "Whether the datasets were purchased or licensed by the developer",
            f"whether {subject.data.name} was; the log records no purchase and no licence",
        ),
        by_ledger(
            "7",
            "Whether the datasets include personal information, as defined in 1798.140(v)",
            f"{'Yes' if personal else 'No'}: every record names its parties,"
            f" {say.counted(sealed.members, 'member')} in all"
            + ("." if personal else "; they are generated, and about nobody."),
            entries=(sealed.index,),
            members=sealed.members,
        ),
        by_person(
            "8",
            "Whether the datasets include aggregate consumer information, as defined in 1798.140(b)",
            "whether; the snapshot holds one row for each record, and no aggregate of consumers"
            " is recorded",
        ),
    )


def _how(subject: Subject) -> tuple[Field, ...]:
    data, gated = subject.data, subject.gated
    first = data.first_trained
    return (
        by_ledger(
            "9",
            "Whether there was any cleaning, processing, or other modification to the datasets by"
            " the developer, including the intended purpose of those efforts",
            say.cleaning(subject),
            entries=(gated.index, subject.sealed.index),
            rows=gated.rows,
            kept=gated.kept,
            removed=subject.sealed.removed,
            **{f"reason:{code}": number for code, number in gated.reasons.items()},
        ),
        by_ledger(
            "10",
            "The time period during which the data were collected, with notice if that is ongoing",
            f"Collected {say.collected(subject)}. Nothing is added to a sealed snapshot; whether"
            " the platform goes on collecting for a later one, its notices say.",
            entries=(subject.sealed.index,),
            undated=subject.content.undated,
        ),
        by_ledger(
            "11",
            "The dates the datasets were first used during the development",
            "No run has used the source yet."
            if first is None
            else f"The first run on source {data.name} was logged on {first[:10]}.",
            entries=() if data.first_run is None else (data.first_run,),
        ),
        _synthetic(subject),
    )


def _synthetic(subject: Subject) -> Field:
    ask = "Whether the system or service used or continuously uses synthetic data generation"
    if subject.synthetic is False:
        return by_ledger(
            "12",
            ask,
            "None recorded: the data are recorded as real.",
            entries=(subject.data.index,),
        )
    return by_person(
        "12",
        ask,
        "whether, and what for; the ledgers do not say where the records came from"
        if subject.synthetic is None
        else "whether the data were made from seed data (Cal. Civ. Code 3110(e)), and what for;"
        " they are recorded as generated",
    )
