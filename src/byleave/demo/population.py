"""What the replay draws from its seed: Premium, regions, conversation kinds, choices.

Messages and who wrote to whom are given. Everything here is generated, said to be so field by
field, and depends on the seed alone (SHAKE-256 streams, not a library's generator whose draws
may change between versions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Choice", "Population", "draw", "uniform"]

Floats = npt.NDArray[np.float64]

REGIONS: Final = (
    ("us", 0.44),
    ("us-ca", 0.15),
    ("eu", 0.13),
    ("uk", 0.08),
    ("ca", 0.06),
    ("br", 0.04),
    (None, 0.10),
)
PREMIUM_SHARE: Final = 0.30
PREMIUM_CENTS: Final = 2999
ASKED_FROM: Final = datetime(2024, 8, 16, tzinfo=UTC)
ASKED_DAYS: Final = 40
ANSWERS: Final = (
    ("grant-past", 0.36),
    ("grant", 0.24),
    ("refuse", 0.10),
    ("switch-off", 0.06),
    ("nothing", 0.24),
)
"""What a member does when asked: both grants answer a neutral question; `switch-off` is turning
off the setting that had been on by default; `nothing` is never answering."""

SCOPES: Final = (("all", 0.72), ("all-and-provider", 0.16), ("direct", 0.06), ("inmail", 0.06))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One member's answer: what, when, and for which messages."""

    member: str
    answer: str
    scope: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Who the members are in this replay.

    Attributes:
        members: Ids, in the order of first appearance.
        regions: Region of those who have a known one.
        premium: Premium members, with the instant their subscription began.
        choices: Answers, by time; members who did nothing have none.
    """

    members: tuple[str, ...]
    regions: dict[str, str]
    premium: dict[str, datetime]
    choices: tuple[Choice, ...]


def draw(members: Sequence[str], seed: int) -> Population:
    """Draw a population for `members` from `seed`."""
    count = len(members)
    region = _pick(uniform(seed, "region", count), REGIONS)
    premium = uniform(seed, "premium", count) < PREMIUM_SHARE
    joined = uniform(seed, "joined", count)
    answer = _pick(uniform(seed, "answer", count), ANSWERS)
    scope = _pick(uniform(seed, "scope", count), SCOPES)
    minute = (uniform(seed, "minute", count) ** 2 * ASKED_DAYS * 24 * 60).astype(np.int64)
    choices = [
        Choice(
            member=member,
            answer=str(answer[i]),
            scope=str(scope[i]),
            at=ASKED_FROM + timedelta(minutes=int(minute[i])),
        )
        for i, member in enumerate(members)
        if answer[i] != "nothing"
    ]
    return Population(
        members=tuple(members),
        regions={m: str(region[i]) for i, m in enumerate(members) if region[i] is not None},
        premium={
            m: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=int(joined[i] * 240))
            for i, m in enumerate(members)
            if premium[i]
        },
        choices=tuple(sorted(choices, key=lambda c: (c.at, c.member))),
    )


def uniform(seed: int, label: str, count: int) -> Floats:
    """Return `count` reproducible numbers in [0, 1)."""
    raw = hashlib.shake_256(f"{seed}\n{label}".encode()).digest(8 * count)
    return (np.frombuffer(raw, ">u8") >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _pick(numbers: Floats, shares: Sequence[tuple[str | None, float]]) -> list[str | None]:
    edges = np.cumsum([share for _, share in shares])
    places = np.minimum(np.searchsorted(edges, numbers, side="right"), len(shares) - 1)
    return [shares[i][0] for i in places.tolist()]
