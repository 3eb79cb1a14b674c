"""One case as it is put to an engine, and what an engine answers for each cohort."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.exposure.conditions import Cohort
from byleave.exposure.counterfactual import Counterfactual
from byleave.exposure.finding import Finding
from byleave.exposure.pack import RulePack
from byleave.exposure.practice import Interval, Practice
from byleave.exposure.readings import Exposure

__all__ = ["CaseAnswer", "CaseQuestion"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseQuestion:
    """What is asked.

    Attributes:
        practice: What the platform did; an engine that streams looks at the columns of its
            tables alone, and a delivery that lists its records may hold an empty list.
        cohorts: What is asked, in order.
        pack: The readings.
        as_of: The day of the question.
        window: Days for which fees count; None: what follows from the practice.
        with_damage: Persons stated to have proven actual damage.
    """

    practice: Practice
    cohorts: tuple[Cohort, ...]
    pack: RulePack
    as_of: datetime
    window: Interval | None = None
    with_damage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseAnswer:
    """One cohort's answer."""

    affected: Finding
    exposure: Exposure
    counterfactual: Counterfactual | None
