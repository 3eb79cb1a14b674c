"""Whom a cohort holds, as every engine answers it: counts at once, rows as a stream.

`cohort.affected` answers in memory, by columns, and is what the other engines are held to
(`exposure.plan`: the same question for tables that do not fit).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import pyarrow as pa

from byleave.exposure.conditions import Cohort

__all__ = ["REASONS", "Finding", "counts_of"]

REASONS: Final = (
    "date-unknown",
    "refused-but-used",
    "collected-under-older-promise",
    "expired",
    "recipient-never-asked",
    "before-policy",
    "no-choice",
)
"""Why somebody is affected; the first that holds (see `cohort`)."""


class Finding(Protocol):
    """Whom a cohort holds, as every engine answers it: counts at once, rows as a stream.

    The counts are those of `Affected`; the rows are read anew at each call, in bounded memory.
    """

    @property
    def cohort(self) -> Cohort:
        """What was asked."""

    @property
    def messages(self) -> int:
        """Distinct messages, low end."""

    @property
    def messages_high(self) -> int:
        """Distinct messages, high end."""

    @property
    def members_count(self) -> int:
        """Distinct members, low end."""

    @property
    def members_count_high(self) -> int:
        """Distinct members, high end."""

    @property
    def by_reason(self) -> Mapping[str, int]:
        """(member, message) pairs by reason."""

    @property
    def by_delivery(self) -> Mapping[str, tuple[int, int]]:
        """Delivery id → distinct members, distinct messages."""

    @property
    def also(self) -> Mapping[str, int]:
        """Pairs by facts that overlap the reasons."""

    def reasons(self) -> pa.Table:
        """Return `reason`, `pairs`, `members`, `messages`, in the order of `REASONS`."""

    def member_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield `member`, `reason`, `messages`, `first_used_at`; by member, then reason."""

    def pair_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield `member`, `record`, `role`, `reason`, `first_used_at`, `delivery`; any order."""

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no member ids."""


def counts_of(found: Finding) -> dict[str, Any]:
    """Return the counts as the object that `--json` prints."""
    return {
        "cohort": found.cohort.name,
        "title": found.cohort.title,
        "members": {"low": found.members_count, "high": found.members_count_high},
        "messages": {"low": found.messages, "high": found.messages_high},
        "pairs_by_reason": dict(found.by_reason),
        "rows_by_reason": found.reasons().to_pylist(),
        "by_delivery": [
            {"delivery": name, "members": members, "messages": messages}
            for name, (members, messages) in found.by_delivery.items()
        ],
        "pairs_also": dict(found.also),
    }
