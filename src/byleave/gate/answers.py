"""What a block of rows is answered, without a ground for every party: all that counts and reasons need.

Most rows of most gates are dropped, and a row dropped needs its reason and its party alone: the
fast way of an engine (`reasons`) gives them, from ordinals as if they were the ids. Rows kept are
decided in full, for the grounds that the record counts; both ways must call them kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.consent.reason import Reason
from byleave.errors import ByleaveError
from byleave.gate.contract import Contract
from byleave.gate.members import MISSING, MemberIndex
from byleave.gate.plan import UNKNOWN_INSTANT, GatePlan
from byleave.gate.resolved import Recipients, RowBlock, to_rows
from byleave.gate.rows import GateEngine

__all__ = ["Answers", "answer"]

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """One answer a row; as in `gate.rows.RowDecisions`, with grounds counted alone.

    Attributes:
        reason: `Reason`; uint8[n].
        party: Which party it is about, -1 for none; int32[n].
        member: Ordinal of that party; -1 where it has none; int64[n].
        grounds: Rows kept on each `Ground` of their author; int64[256].
    """

    reason: npt.NDArray[np.uint8]
    party: npt.NDArray[np.int32]
    member: Longs
    grounds: Longs

    def __len__(self) -> int:
        return len(self.reason)


def answer(plan: GatePlan, engine: GateEngine, block: RowBlock) -> Answers:
    """Answer each row of a block.

    Raises:
        ByleaveError: `gate.sum`, the engine lost rows, or its two ways do not agree.
    """
    told = engine.reasons(_of_ordinals(plan, block), _batch(block))
    if len(told) != len(block):
        raise ByleaveError("an engine lost rows", code="gate.sum")
    kept = np.flatnonzero(told.reason == Reason.KEPT)
    grounds = np.zeros(256, np.int64)
    if len(kept):
        decided = engine.decide(plan, to_rows(plan, block.take(kept)))
        if (decided.reason != Reason.KEPT).any():
            raise ByleaveError("two ways of an engine do not agree", code="gate.sum")
        grounds += np.bincount(decided.ground[decided.offsets[:-1]], minlength=256)
    return Answers(
        reason=told.reason,
        party=told.party,
        member=_members(plan, block, told.party),
        grounds=grounds,
    )


def _members(plan: GatePlan, block: RowBlock, party: npt.NDArray[np.int32]) -> Longs:
    """Return the ordinal of the party that each row's answer is about."""
    member = np.where(party == 0, block.author.astype(np.int64), np.int64(-1))
    others = np.flatnonzero(party > 0)
    if len(others):
        rows = to_rows(plan, block.take(others))
        at = rows.offsets[:-1] + party[others]
        there = at < rows.offsets[1:]  # a recipient who is missing altogether has no ordinal
        member[others[there]] = rows.party[at[there]]
    member[(member < 0) | (member >= len(plan.members))] = -1
    return member


def _of_ordinals(plan: GatePlan, block: RowBlock) -> GatePlan:
    """Return the plan for rows whose ids are the ordinals, in the columns of `_batch`."""
    contract = Contract(
        name=plan.contract.name,
        dataset=None,
        record_id=(),
        author="author",
        recipients=tuple(f"to-{n}" for n in range(len(block.recipients))),
        category=None if block.category is None else "category",
        category_constant=plan.contract.category_constant,
        kinds=plan.contract.kinds,
        collected_at=None if block.collected_us is None else "collected",
        draft=None if block.draft is None else "draft",
        columns=None,
        lines={},
    )
    return replace(plan, contract=contract, members=MemberIndex.counting(len(plan.members)))


def _batch(block: RowBlock) -> pa.RecordBatch:
    columns = {"author": _ids(block.author)}
    for place, column in enumerate(block.recipients):
        columns[f"to-{place}"] = _column(column)
    if block.category is not None:
        codes = pa.array(block.category, mask=block.category < 0)
        words = pa.array(block.words, pa.large_string())
        columns["category"] = pa.DictionaryArray.from_arrays(codes, words)
    if block.draft is not None:
        columns["draft"] = pa.array(block.draft.astype(np.bool_))
    if block.collected_us is not None:
        unknown = block.collected_us == UNKNOWN_INSTANT
        instants = pa.array(block.collected_us, pa.int64(), mask=unknown)
        columns["collected"] = instants.cast(pa.timestamp("us", "UTC"))
    return pa.RecordBatch.from_pydict(columns)


def _column(column: Recipients) -> pa.Array:
    values = _ids(column.values)
    if column.offsets is None:
        return values
    return pa.ListArray.from_arrays(pa.array(column.offsets), values)


def _ids(ordinals: npt.NDArray[np.int32]) -> pa.Array:
    missing = ordinals == MISSING
    return pa.array(ordinals, mask=missing if missing.any() else None)
