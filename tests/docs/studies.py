"""The questions of docs/studies, and what is wrong with a file of results."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["HEAD", "LANGUAGES", "Question", "faults", "questions", "read_results"]

HEAD: Final = ("page", "language", "person", "question", "right")
LANGUAGES: Final = ("en", "de")
PEOPLE: Final = 5
_PAGE: Final = re.compile(r"^## (/me\S*)$", re.MULTILINE)
_ROW: Final = re.compile(r"^\| (\d) \| (\w\w) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: where it is asked, its number and language, its answer, and what gives it."""

    page: str
    number: int
    language: str
    text: str
    answer: str
    sentence: str

    def pattern(self) -> re.Pattern[str]:
        """Return what finds the sentence; `…` stands for anything short."""
        return re.compile(re.escape(self.sentence).replace("…", ".{1,60}?"))


def questions(root: Path) -> list[Question]:
    """Read docs/studies/questions.md."""
    text = (root / "docs" / "studies" / "questions.md").read_text(encoding="utf-8")
    _, *parts = _PAGE.split(text)
    return [
        Question(page, int(number), *rest)
        for page, part in zip(parts[::2], parts[1::2], strict=True)
        for number, *rest in _ROW.findall(part)
    ]


def read_results(path: Path) -> list[dict[str, str]]:
    """Read a file of results as it stands."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def faults(rows: Iterable[Mapping[str, str]], known: set[tuple[str, str]]) -> list[str]:
    """Return what is wrong with results: their form, who is missing, and questions not passed.

    Args:
        rows: Of one file.
        known: (page, language) that there are questions for.
    """
    found: list[str] = []
    told: dict[tuple[str, str], dict[tuple[str, str], str]] = defaultdict(dict)
    for at, row in enumerate(rows, 2):
        page, language, person, question, right = (row.get(name) or "" for name in HEAD)
        sound = (
            tuple(row) == HEAD
            and (page, language) in known
            and re.fullmatch(r"[1-9]\d?", person)
            and question in "12345"
            and len(question) == 1
            and right in ("yes", "no")
        )
        if not sound:
            found.append(f"line {at} is not a result")
        elif (person, question) in told[page, language]:
            found.append(f"line {at}: asked twice")
        else:
            told[page, language][person, question] = right
    for (page, language), answers in sorted(told.items()):
        people = {person for person, _ in answers}
        if len(people) < PEOPLE or len(answers) != 5 * len(people):
            found.append(f"{page} {language}: five people and five questions each are wanted")
            continue
        for number in "12345":
            good = sum(answers[person, number] == "yes" for person in people)
            if 5 * good < 4 * len(people):
                found.append(f"{page} {language} question {number}: {good} of {len(people)}")
    return found if told else [*found, "there is no result in it"]
