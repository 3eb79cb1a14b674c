"""The same weeks with the gate on: which affected messages it would have let through, and whose.

The gate keeps a record on a ground. Under the party rule `all` nothing that affected anyone is
kept, as everyone in a kept record had agreed. Under `author` or `any` a record may be kept on
another party's consent while a silent party to it counts as affected: those are listed, by
member, so that the cost of the looser rule is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.exposure.cohort import Affected
from byleave.exposure.practice import as_text, check_columns

__all__ = ["Counterfactual", "counterfactual"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counterfactual:
    """What the gate would have changed for one cohort.

    Attributes:
        affected: Distinct messages that affected somebody.
        let_through: Those the gate keeps.
        stopped: Those it drops.
        members_still: Distinct members still affected by a kept message.
        who: `member`, `messages`: still affected, by member; None where an engine streams.
        by_reason: (member, message) pairs still affected, by reason.
    """

    affected: int
    let_through: int
    stopped: int
    members_still: int
    who: pa.Table | None
    by_reason: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no member ids."""
        return {
            "affected": self.affected,
            "let_through": self.let_through,
            "stopped": self.stopped,
            "members_still": self.members_still,
            "pairs_still_by_reason": self.by_reason,
        }


def counterfactual(affected: Affected, kept: pa.Table) -> Counterfactual:
    """Compare the practice with a gate that keeps exactly the records of `kept`.

    A member still counts as affected where the gate keeps the message for the delivery that
    affected them first.

    Args:
        affected: Who was affected by the practice.
        kept: `record`, and `delivery` where the gate was asked at each delivery and answered
            differently (a grant may end between two); without it, one answer holds for all.
            Records that the practice never used may be among them.

    Raises:
        InputError: `case.column`, `case.type` (a record or delivery without an id).
    """
    check_columns(kept, "kept", {"record": "id"}, {"delivery": "text"})
    if any(column.null_count for column in kept.columns):
        raise InputError(
            "a kept record, or its delivery, has no id", code="case.type", where="kept"
        )
    pairs = affected.pairs.select(["member", "record", "reason", "delivery"])
    record, delivery = pairs["record"].combine_chunks(), pairs["delivery"].combine_chunks()
    records = as_text(kept["record"])
    if "delivery" not in kept.column_names:
        let = pc.is_in(record.dictionary, value_set=records).take(record.indices)
    else:
        let = pa.array(np.zeros(len(record), dtype=bool))
        for number, name in enumerate(delivery.dictionary.to_pylist()):
            here = records.filter(pc.equal(as_text(kept["delivery"]), name))
            through = pc.is_in(record.dictionary, value_set=here).take(record.indices)
            let = pc.or_(let, pc.and_(through, pc.equal(delivery.indices, number)))
    still = pairs.filter(let)
    who = (
        still.select(["member"])
        .group_by("member", use_threads=False)
        .aggregate([([], "count_all")])
        .rename_columns(["member", "messages"])
    )
    who = who.set_column(0, "member", as_text(who["member"])).sort_by("member")
    reasons = still.group_by("reason", use_threads=False).aggregate([([], "count_all")])
    messages = pc.count_distinct(still["record"].combine_chunks().indices).as_py()
    return Counterfactual(
        affected=affected.messages_high,
        let_through=messages,
        stopped=affected.messages_high - messages,
        members_still=who.num_rows,
        who=who,
        by_reason=dict(
            zip(
                as_text(reasons["reason"]).to_pylist(),
                reasons["count_all"].to_pylist(),
                strict=True,
            )
        ),
    )
