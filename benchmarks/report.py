"""How the benchmarks print: one measure a line, its goal beside it, a missed goal in sight."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["Goal", "Report"]


@dataclass(frozen=True)
class Goal:
    """At most, or at least, so much; and the value at which the exit status is 1."""

    goal: float
    floor: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.goal if self.at_least else value <= self.goal

    def fails(self, value: float) -> bool:
        return value < self.floor if self.at_least else value > self.floor


class Report:
    """Prints measures as they come, and remembers whether one is beyond its floor."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self.failed = False

    def add(
        self, measure: str, size: int, value: float, unit: str, goal: Goal | None = None
    ) -> None:
        met = None if goal is None else goal.met(value)
        self.failed |= goal is not None and goal.fails(value)
        line = {
            "measure": measure,
            "size": size,
            "value": float(f"{value:.4g}"),
            "unit": unit,
            "goal": None if goal is None else goal.goal,
            "met": met,
            "floor": None if goal is None else goal.floor,
        }
        if self._json:
            print(json.dumps(line), flush=True)
            return
        aim = "" if goal is None else f"  goal {'≥' if goal.at_least else '≤'} {goal.goal:g}"
        word = "" if met is None else ("  met" if met else "  MISSED")
        print(f"{measure:52} {size:>13,}  {value:>12,.4g} {unit}{aim}{word}", flush=True)
