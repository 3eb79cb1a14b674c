"""Cohorts: groups alike on stated conditions, each condition half-open in time.

A cohort asks about deliveries (recipient, purpose, when), messages (kind, when sent), the
member's role, and the member at the instant of the delivery (subscription, region).
A condition over something the import does not hold is refused, never taken as met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.exposure.parties import ROLES, UNDATED_US, Parties
from byleave.exposure.practice import Delivery, Interval, Practice, as_text, as_us
from byleave.ids import FAR_FUTURE_US, to_us

__all__ = [
    "EVERYONE",
    "SUBSCRIBED",
    "Cohort",
    "alleged_class",
    "check_cohort",
    "members_asked",
    "parties_asked",
    "regions_at",
    "running",
]

Array = Any  # a NumPy array; its element type is named where it is made

SUBSCRIBED: Final = ("at-use", "ever-before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A group alike on stated conditions; an empty condition asks nothing.

    Attributes:
        name: Short name.
        title: One sentence for people.
        kinds: Kinds of messages.
        roles: `author`, `recipient`, or both.
        recipients: Dotted names; a delivery counts when its recipient lies at or below one.
        purposes: The same for its purpose.
        used: When the delivery was made (half-open).
        sent: When the message was sent (half-open); an unknown date counts only at the high end.
        subscribed: `at-use`: a subscription ran at the instant of the delivery;
            `ever-before`: one began before the end of `used`; None: not asked.
        regions: Regions the member was in at the instant of the delivery.

    Raises:
        InputError: `case.malformed`, an unknown role, or another word about subscriptions.
    """

    name: str
    title: str = ""
    kinds: frozenset[str] = field(default=frozenset())
    roles: frozenset[str] = field(default=frozenset())
    recipients: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    used: Interval = field(default=Interval())
    sent: Interval = field(default=Interval())
    subscribed: str | None = None
    regions: frozenset[str] = field(default=frozenset())

    def __post_init__(self) -> None:
        if self.subscribed not in {None, *SUBSCRIBED} or not self.roles <= set(ROLES[1:]):
            raise InputError(
                f"the cohort {self.name!r} knows the roles author and recipient, and a "
                "subscription at-use or ever-before",
                code="case.malformed",
            )

    def asks_about(self, delivery: Delivery) -> bool:
        """Say whether `delivery` meets the conditions on recipient, purpose and time."""
        return (
            _lies_below(delivery.recipient, self.recipients)
            and _lies_below(delivery.purpose, self.purposes)
            and self.used.holds(delivery.at)
        )


EVERYONE: Final = Cohort(
    name="everyone",
    title="everyone in a message that was used without a grant of their own",
)


def alleged_class(
    before: datetime,
    *,
    third_parties: tuple[str, ...] = ("third-party", "provider", "affiliate"),
    subscribed: str = "at-use",
) -> Cohort:
    """Return the class as alleged in De La Torre v. LinkedIn (press reports; DESIGN §1).

    Premium customers who sent or received InMail and whose messages were disclosed to third
    parties for AI training before 18 September 2024.

    Args:
        before: The cut-off; a disclosure at that very instant is outside.
        third_parties: Who counts as one. Whether an affiliate is "any person or entity" in
            18 U.S.C. 2702 is unsettled: leave `affiliate` out for the narrower reading.
        subscribed: The reports do not say when one had to be a customer: at the disclosure
            (`at-use`), or at any time before the cut-off (`ever-before`).
    """
    return Cohort(
        name="alleged-class",
        title="Premium members who sent or received InMail that went to third parties for AI "
        "training before the cut-off, as alleged",
        kinds=frozenset({"inmail"}),
        recipients=third_parties,
        purposes=("train",),
        used=Interval(None, before),
        subscribed=subscribed,
    )


def check_cohort(practice: Practice, cohort: Cohort) -> None:
    """Refuse conditions over what `practice` does not hold.

    Raises:
        InputError: `case.cohort-column`.
    """
    wanted = {
        "messages.kind": bool(cohort.kinds) and "kind" not in practice.messages.column_names,
        "messages.sent_at": cohort.sent != Interval()
        and "sent_at" not in practice.messages.column_names,
        "subscriptions": cohort.subscribed is not None and practice.subscriptions is None,
        "regions": bool(cohort.regions) and practice.regions is None,
    }
    for what, missing in wanted.items():
        if missing:
            raise InputError(
                f"the cohort {cohort.name!r} asks about {what}, which the import does not hold",
                code="case.cohort-column",
                where=what,
                hint="import it, or take the condition out of the cohort",
            )


def parties_asked(parties: Parties, cohort: Cohort) -> Array:
    """Return bool[p]: the conditions that do not depend on a delivery; undated may pass."""
    asked = np.ones(len(parties.row), dtype=bool)
    if cohort.roles:
        asked &= np.isin(parties.role, [ROLES.index(role) for role in cohort.roles])
    rows = np.ones(len(parties.sent), dtype=bool)
    if cohort.kinds:
        rows &= parties.of_kinds(cohort.kinds)
    if cohort.sent != Interval():
        inside = (parties.sent >= cohort.sent.start_us) & (parties.sent < cohort.sent.end_us)
        rows &= inside | (parties.sent == UNDATED_US)
    return asked & rows[parties.row]


def members_asked(
    practice: Practice, parties: Parties, cohort: Cohort, delivery: Delivery
) -> Array:
    """Return bool[members]: the conditions on the member at the instant of the delivery."""
    kept = np.ones(len(parties.members), dtype=bool)
    if cohort.subscribed is not None and practice.subscriptions is not None:
        at = to_us(delivery.at)
        during = (at, at + 1)
        if cohort.subscribed == "ever-before":
            during = (cohort.used.start_us, cohort.used.end_us)
        subscribed = np.zeros(len(kept), dtype=bool)
        subscribed[running(practice, parties, "subscriptions", during)[0]] = True
        kept &= subscribed
    if cohort.regions:
        there = pc.is_in(regions_at(practice, parties, delivery), pa.array(sorted(cohort.regions)))
        kept &= there.to_numpy(zero_copy_only=False)
    return kept


def regions_at(practice: Practice, parties: Parties, delivery: Delivery) -> pa.Array:
    """Return every member's region at the instant of the delivery; null where unknown."""
    take = np.full(len(parties.members), -1, dtype=np.int64)
    if practice.regions is None:
        return pa.nulls(len(take), pa.large_string())
    at = to_us(delivery.at)
    member, row = running(practice, parties, "regions", (at, at + 1))
    take[member] = row
    return as_text(practice.regions["region"]).take(pa.array(take, mask=take < 0))


def running(
    practice: Practice, parties: Parties, name: str, during: tuple[int, int]
) -> tuple[Array, Array]:
    """Return the ordinal and the row of each interval of a table that overlaps `during`.

    Args:
        practice: Holds the table: `member`, `start`, `end`.
        name: `subscriptions` or `regions`; the practice has it.
        parties: Gives the ordinals; members in no message are left out.
        during: Half-open, microseconds.
    """
    table: pa.Table = getattr(practice, name)
    start = as_us(table["start"], -FAR_FUTURE_US)
    end = as_us(table["end"], FAR_FUTURE_US)
    member = parties.held[name]
    row = np.flatnonzero((start < during[1]) & (end > during[0]) & (member >= 0))
    return member[row], row


def _lies_below(name: str, roots: tuple[str, ...]) -> bool:
    return not roots or any(name == root or name.startswith(root + ".") for root in roots)
