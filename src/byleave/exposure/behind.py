"""What decided about a use, of all that does not differ from member to member.

The period of the setting, the documents that declared the use, and for how long a subscription
counts: the same for everybody whom a delivery affected first, by a kind of message.
"""

from __future__ import annotations

from byleave.exposure.conditions import Cohort
from byleave.exposure.practice import Delivery, Practice
from byleave.ids import to_us
from byleave.policy.scope import Scope

__all__ = ["counted_during", "declared_by", "period_at"]


def period_at(practice: Practice, delivery: Delivery) -> int | None:
    """Return the number, from 1, of the setting's period in force at a delivery."""
    periods = () if practice.setting is None else practice.setting.periods
    return next((n for n, p in enumerate(periods, 1) if p.during.holds(delivery.at)), None)


def declared_by(practice: Practice, delivery: Delivery, use: Scope) -> str:
    """Return `DOCUMENT@VERSION` of what declared the use by the delivery, joined by a space."""
    return " ".join(
        f"{p.document}@{p.version}"
        for p in practice.policies
        if p.effective <= delivery.at and any(s.covers(use) for s in p.declares)
    )


def counted_during(cohort: Cohort, delivery: Delivery) -> tuple[int, int]:
    """Return the stretch, half-open microseconds, in which a subscription counts for a cohort."""
    if cohort.subscribed == "ever-before":
        return cohort.used.start_us, cohort.used.end_us
    at = to_us(delivery.at)
    return at, at + 1
