"""Why each record of a package was allowed or refused: counts by reason and by party rule.

The gate decides; this only counts what it decided for one recipient, and refuses to count what
does not add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError

__all__ = ["PackageDecision", "by_party_rule", "summarise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDecision:
    """One gate's answer for one recipient: `allowed` and the refusals sum to `records`."""

    records: int
    allowed: int
    by_ground: Mapping[str, int]
    by_reason: Mapping[str, int]

    @property
    def refused(self) -> int:
        """Records that stay."""
        return self.records - self.allowed

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "records": self.records,
            "allowed": self.allowed,
            "refused": self.refused,
            "by_ground": dict(self.by_ground),
            "by_reason": dict(self.by_reason),
        }


def summarise(
    reasons: pa.Array | pa.ChunkedArray, grounds: pa.Array | pa.ChunkedArray | None = None
) -> PackageDecision:
    """Count one decision per record.

    Args:
        reasons: Text; why the record is refused, null where it is allowed.
        grounds: Text; on what it is allowed, null where it is refused. None: not stated.

    Raises:
        InputError: `input.malformed`, the columns differ in length, or a record has both a
            reason and a ground, or neither.
    """
    if grounds is not None:
        if len(grounds) != len(reasons):
            raise InputError("reasons and grounds differ in length", code="input.malformed")
        if len(reasons) and not pc.all(pc.xor(pc.is_null(reasons), pc.is_null(grounds))).as_py():
            raise InputError(
                "a record has both a reason and a ground, or neither", code="input.malformed"
            )
    return PackageDecision(
        records=len(reasons),
        allowed=reasons.null_count,
        by_ground={} if grounds is None else _counts(grounds),
        by_reason=_counts(reasons),
    )


def by_party_rule(
    decisions: Mapping[str, pa.Array | pa.ChunkedArray],
) -> dict[str, PackageDecision]:
    """Count the same records under each party rule (`author`, `any`, `all`).

    Raises:
        InputError: `input.malformed`, the rules were not asked about the same records.
    """
    if len({len(reasons) for reasons in decisions.values()}) > 1:
        raise InputError("the rules decided on different records", code="input.malformed")
    return {rule: summarise(reasons) for rule, reasons in decisions.items()}


def _counts(column: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    values = pc.value_counts(column.drop_null())
    names = values.field("values").cast(pa.large_string()).to_pylist()
    return dict(sorted(zip(names, values.field("counts").to_pylist(), strict=True)))
