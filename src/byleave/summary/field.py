"""A summary: sections of fields, each with where its answer comes from; as JSON and as Markdown.

A field is answered by the `ledger` (with the log entries that hold it), by a `rule` (what follows
from how Byleave works, for every platform alike), or by a `person`. What only a person can say
is never guessed: its answer begins with `FILL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = [
    "FILL",
    "NOT_ADVICE",
    "Field",
    "Section",
    "Summary",
    "by_ledger",
    "by_person",
    "by_rule",
    "markdown",
]

FILL: Final = "to be filled by a person: "
NOT_ADVICE: Final = (
    "Made from the ledgers by Byleave. Whether the law applies, and whether this is enough, is"
    " for a lawyer to say: not legal advice."
)
By = Literal["ledger", "rule", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One item of a template.

    Attributes:
        id: Number of the item in the template.
        asks: What the template asks, in our words.
        answer: The answer, or `FILL` and what a person has to say.
        by: Where the answer comes from.
        entries: Indexes of the log entries that hold it.
        numbers: Every count the answer states, by name.
    """

    id: str
    asks: str
    answer: str
    by: By
    entries: tuple[int, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the field for JSON."""
        return {
            "id": self.id,
            "asks": self.asks,
            "answer": self.answer,
            "by": self.by,
            "entries": list(self.entries),
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of a template and its fields."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One filled template.

    Attributes:
        kind: Name of the kind, such as `eu-ai-act`.
        title: What it is.
        law: The statute or specification, cited.
        about: What it is about: `release`, `snapshot` or `log`, and its name.
        stated: When it was made, RFC 3339.
        notes: What a reader has to know first, such as that the data are generated.
        sections: The template.
    """

    kind: str
    title: str
    law: str
    about: tuple[str, str]
    stated: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field, in the template's order."""
        return tuple(field for section in self.sections for field in section.fields)

    @property
    def open(self) -> tuple[Field, ...]:
        """The fields that a person still has to fill."""
        return tuple(field for field in self.fields if field.by == "person")

    def to_dict(self) -> dict[str, Any]:
        """Return the summary for JSON (`summary.schema.json`)."""
        return {
            "format": "byleave-summary/v1",
            "kind": self.kind,
            "title": self.title,
            "law": self.law,
            "about": {"kind": self.about[0], "name": self.about[1]},
            "stated": self.stated,
            "notes": list(self.notes),
            "sections": [
                {"title": s.title, "fields": [field.to_dict() for field in s.fields]}
                for s in self.sections
            ],
        }


def by_ledger(
    id: str,  # noqa: A002 (the template's word)
    asks: str,
    answer: str,
    *,
    entries: Sequence[int] = (),
    **numbers: int,
) -> Field:
    """Return a field that the ledgers answer."""
    return Field(
        id=id,
        asks=asks,
        answer=answer,
        by="ledger",
        entries=tuple(sorted(set(entries))),
        numbers=tuple(numbers.items()),
    )


def by_rule(id: str, asks: str, answer: str) -> Field:  # noqa: A002 (the template's word)
    """Return a field that has the same answer wherever Byleave runs."""
    return Field(id=id, asks=asks, answer=answer, by="rule")


def by_person(id: str, asks: str, what: str) -> Field:  # noqa: A002 (the template's word)
    """Return a field that only a person can fill, with what is to be said."""
    return Field(id=id, asks=asks, answer=FILL + what, by="person")


def markdown(summary: Summary) -> str:
    """Return a summary as Markdown; no text of a ledger becomes markup."""
    lines = [f"# {_plain(summary.title)}", ""]
    lines += [f"{_plain(note)}\n" for note in (*summary.notes, NOT_ADVICE)]
    kind, name = summary.about
    lines += [
        f"* About: {kind} {_plain(name)}",
        f"* Law or specification: {_plain(summary.law)}",
        f"* Last update: {summary.stated}",
        f"* Left to a person: {len(summary.open)} of {len(summary.fields)} fields",
    ]
    for section in summary.sections:
        lines += ["", f"## {_plain(section.title)}"]
        for field in section.fields:
            lines += ["", f"### {field.id} {_plain(field.asks)}", "", _plain(field.answer)]
            if field.entries:
                lines += ["", f"*Log entries: {', '.join(map(str, field.entries))}*"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return a text in which nothing opens a tag, a link, a heading or a table."""
    found = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in ("\\", "`", "[", "]", "|"):
        found = found.replace(mark, f"\\{mark}")
    return "\n".join(f"\\{line}" if line[:1] in {"#", "*"} else line for line in found.split("\n"))
