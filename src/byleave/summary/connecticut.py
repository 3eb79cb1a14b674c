"""Connecticut's statement on training large language models, for a privacy notice.

Conn. Gen. Stat. 42-520, as amended by Public Act 25-113 (SB 1295), from 1 July 2026: whether the
controller collects, uses or sells personal data for the purpose of training large language models.
The statute does not define these; the ledgers know purposes, so all generative training is listed.
"""

from __future__ import annotations

from typing import Final

from byleave.summary import say
from byleave.summary.field import Field, Section, Summary, by_ledger, by_person
from byleave.summary.subject import Recorded, Subject

__all__ = ["LAW", "connecticut"]

LAW: Final = "Conn. Gen. Stat. 42-520 (privacy notice), as amended by Public Act 25-113 (SB 1295)"
_PURPOSE: Final = "train.generative"


def connecticut(subject: Subject) -> Summary:
    """State it for the whole log: the duty is the controller's, not one model's."""
    generative = [item for item in subject.training if _generative(item)]
    return Summary(
        kind="connecticut",
        title="Personal data and the training of large language models",
        law=LAW,
        about=("log", subject.operator.origin),
        stated=subject.stated,
        notes=(
            *subject.notes,
            f"Counted over the {subject.entries:,} entries of the log, and nothing outside it.",
        ),
        sections=(Section(title="Statement", fields=_statement(generative)),),
    )


def _generative(item: Recorded) -> bool:
    purpose = item.use.split("/", maxsplit=1)[0]
    return purpose in {"train", _PURPOSE} or purpose.startswith(f"{_PURPOSE}.")


def _statement(found: list[Recorded]) -> tuple[Field, ...]:
    runs = [item for item in found if item.kind == "run"]
    gates = [item for item in found if item.kind == "gate"]
    releases = [item for item in found if item.kind == "release"]
    packages = [item for item in found if item.kind == "disclosure"]
    return (
        by_ledger(
            "1",
            "Does the controller collect personal data for it?",
            f"{'Yes' if gates else 'None recorded'}: {say.counted(len(gates), 'gate run')} for"
            f" {_listed(gates)}.",
            entries=[item.index for item in gates],
            gates=len(gates),
        ),
        by_ledger(
            "2",
            "Does the controller use personal data for it?",
            f"{'Yes' if runs else 'None recorded'}: {say.counted(len(runs), 'training run')} and"
            f" {say.counted(len(releases), 'release')} for {_listed(runs)}.",
            entries=[item.index for item in (*runs, *releases)],
            runs=len(runs),
            releases=len(releases),
        ),
        by_ledger(
            "3",
            "Is personal data given to others for it?",
            f"{'Yes' if packages else 'None recorded'}:"
            f" {say.counted(len(packages), 'package')} with"
            f" {say.counted(sum(item.records for item in packages), 'record')} for"
            f" {_listed(packages)}.",
            entries=[item.index for item in packages],
            packages=len(packages),
            records=sum(item.records for item in packages),
        ),
        by_person(
            "4",
            "Does the controller sell personal data for it?",
            "whether anything of value was received for the packages above; the log records none",
        ),
        by_person(
            "5",
            "Is one of these models a large language model?",
            "which; the statute does not define the term, so every generative purpose is counted",
        ),
    )


def _listed(found: list[Recorded]) -> str:
    return ", ".join(sorted({item.use for item in found})) or "no such purpose"
