"""What the replay has found so far: printed as it goes, and kept for report and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Step", "Story"]

_WIDTH = 92


@dataclass(slots=True)
class Step:
    """One step: a title, paragraphs, a few figures, and the charts that go with it."""

    number: int
    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the step as the report takes it."""
        return {
            "number": self.number,
            "title": self.title,
            "paragraphs": self.paragraphs,
            "figures": self.figures,
            "charts": self.charts,
        }


class Story:
    """Prints each finding once, and keeps it.

    Args:
        tell: Takes one line for people.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.steps: list[Step] = []

    def step(self, title: str, *, charts: Sequence[str] = ()) -> None:
        """Begin the next step."""
        number = len(self.steps) + 1
        self.steps.append(Step(number=number, title=title, charts=list(charts)))
        self._tell("")
        self._tell(f"{number}. {title}")

    def say(self, text: str) -> None:
        """Add a paragraph to the step."""
        if self.steps:
            self.steps[-1].paragraphs.append(text)
        for line in _wrapped(text):
            self._tell(f"   {line}")

    def figure(self, label: str, value: str) -> None:
        """Add one figure to the step."""
        self.steps[-1].figures.append((label, value))
        self._tell(f"     {value:>14}  {label}")

    def table(self, lines: Sequence[str]) -> None:
        """Print lines as they stand; they are not part of the report."""
        for line in lines:
            self._tell(f"   {line}")


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > _WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return [*lines, line]
