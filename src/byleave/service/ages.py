"""Ages of members as dated facts: the youngest they can be, and no more than a rule needs.

Kept is the latest possible day of birth. A year alone is enough, and a platform that keeps less
tells us less: `2008` is read as 31 December 2008. Whose age nobody gave is of unknown age; what
that means is the ruleset's matter (docs/spec/rulesets.md).
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

from byleave.errors import InputError
from byleave.gate.plan import AGE_UNKNOWN
from byleave.ids import to_us
from byleave.service.clock import ledger_now
from byleave.service.house import House

__all__ = ["add_ages", "age_of", "ages_at", "ages_on", "latest_birth"]

_EPOCH = date(1970, 1, 1)


def add_ages(house: House, born: Mapping[str, str]) -> int:
    """Record when members were born, as far as it is known; return how many.

    Args:
        house: The workspace's ports.
        born: Member id to `2008`, `2008-05` or `2008-05-01`.

    Raises:
        InputError: `member.unknown`, `input.instant`; nothing of it is recorded.
    """
    ordinals = house.ledger.ordinals(list(born))
    now = to_us(ledger_now(house))
    rows = []
    for member, text in born.items():
        if member not in ordinals:
            raise InputError("the ledger knows no such member", code="member.unknown")
        rows.append((ordinals[member], now, (latest_birth(text) - _EPOCH).days))
    with house.ledger.writing() as writer:
        writer.add_births(sorted(rows))
    return len(rows)


def latest_birth(text: str) -> date:
    """Return the latest day that a year, a month or a day of birth allows.

    Raises:
        InputError: `input.instant`.
    """
    parts = text.split("-")
    try:
        numbers = [int(part) for part in parts]
        year, month = numbers[0], numbers[1] if len(numbers) > 1 else 12
        day = numbers[2] if len(numbers) > 2 else calendar.monthrange(year, month)[1]
        found = date(year, month, day)
        if found.isoformat()[: len(text)] != text or len(text) not in {4, 7, 10}:
            raise ValueError
    except (ValueError, IndexError, calendar.IllegalMonthError):
        raise InputError(
            "a birth is written 2008, 2008-05 or 2008-05-01", code="input.instant"
        ) from None
    return found


def ages_at(house: House, at: datetime, members: int) -> Sequence[int] | None:
    """Return each member's age in whole years at an instant; None where nobody's is known."""
    rows = [row for row in house.ledger.births(to_us(at)) if row[0] < members]
    if not rows:
        return None
    facts = np.array(rows, np.int64)
    ages = np.full(members, AGE_UNKNOWN, np.int16)
    ages[facts[:, 0]] = ages_on(facts[:, 1], at.astimezone(UTC).date())
    found: Sequence[int] = ages.tolist()
    return found


def age_of(house: House, ordinal: int, at: datetime) -> int | None:
    """Return one member's age in whole years at an instant; None where it is not known."""
    _, days = house.ledger.births_columns(to_us(at), ordinals=[ordinal])
    return int(ages_on(days, at.astimezone(UTC).date())[0]) if len(days) else None


def ages_on(days: npt.NDArray[np.int64], day: date) -> npt.NDArray[np.int16]:
    """Return whole years from days of birth (days since 1970) to a day, never below 0.

    Who was born on 29 February comes of age on 1 March in other years.
    """
    born = days.astype("datetime64[D]")
    years = born.astype("datetime64[Y]").astype(np.int64) + 1970
    months = born.astype("datetime64[M]").astype(np.int64) % 12 + 1
    of_month = (born - born.astype("datetime64[M]")).astype(np.int64) + 1
    not_yet = (months > day.month) | ((months == day.month) & (of_month > day.day))
    ages: npt.NDArray[np.int64] = np.maximum(day.year - years - not_yet, 0)
    return ages.astype(np.int16)
