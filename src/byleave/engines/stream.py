"""The gate for one record, or a few at a time: consumers of a queue, services, webhooks.

The same plan and the same function as for files, on Arrow batches made of dictionaries: the same
reasons. One record costs about half a millisecond, a thousand a few microseconds each: hand over
micro-batches where you can.

A plan speaks of one ledger position and one instant. Whoever asks says what the ledger's position
is now and what time it is; a plan that is behind does not answer (`gate.plan-behind`). There is
no window in which an old answer is given: refresh the plan, then ask again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from byleave.consent.reason import Reason
from byleave.engines.arrow import reasons_batch
from byleave.engines.passing import check_schema
from byleave.engines.tally import Tally
from byleave.errors import InputError, RefusedError
from byleave.gate.nested import root_of
from byleave.gate.plan import GatePlan
from byleave.ids import format_instant

__all__ = ["RecordGate", "Verdict", "columns_batch", "records_batch"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of one record.

    Attributes:
        reason: `Reason.KEPT`, or why not.
        party: 0 the author, 1 the first recipient, ...; -1: none is concerned.
    """

    reason: Reason
    party: int

    @property
    def kept(self) -> bool:
        """Whether the record may be used."""
        return self.reason is Reason.KEPT


class RecordGate:
    """One plan, asked record by record or in micro-batches.

    Args:
        plan: The rules compiled.
        valid_for: How long after its instant the plan may answer: grants end, suspensions begin
            and members come of age by the clock alone. None: the caller vouches for the instant.

    Attributes:
        tally: Rows by reason since the gate was made.
    """

    def __init__(self, plan: GatePlan, *, valid_for: timedelta | None) -> None:
        self._plan = plan
        self._valid_for = valid_for
        self.tally = Tally(plan)

    @property
    def plan(self) -> GatePlan:
        """The plan that answers."""
        return self._plan

    def is_behind(self, *, ledger: int, now: datetime | None = None) -> bool:
        """Say whether the plan is older than the ledger or the instant."""
        late = (
            self._valid_for is not None
            and now is not None
            and not self._plan.at <= now <= self._plan.at + self._valid_for
        )
        return ledger > self._plan.ledger or late

    def decide(
        self, record: Mapping[str, Any], *, ledger: int, now: datetime | None = None
    ) -> Verdict:
        """Decide one record (see `decide_all`)."""
        return self.decide_all([record], ledger=ledger, now=now)[0]

    def decide_all(
        self, records: Sequence[Mapping[str, Any]], *, ledger: int, now: datetime | None = None
    ) -> list[Verdict]:
        """Decide a micro-batch.

        Args:
            records: Each has a value, or None, for every column that the contract reads; others
                are not looked at.
            ledger: Highest index of the ledger now; -1: it is empty.
            now: The instant, where the gate has a `valid_for`.

        Raises:
            RefusedError: `gate.plan-behind`, the plan is older than `ledger`, or `now` is outside
                the time it may answer for.
            InputError: `contract.column-missing`, a record lacks a column; `contract.column-type`,
                `contract.column-value`, its value cannot play its part. Nothing is decided.
        """
        if now is None and self._valid_for is not None:
            raise InputError("the gate needs the instant", code="input.instant")
        if self.is_behind(ledger=ledger, now=now):
            raise RefusedError(
                f"the plan is of ledger index {self._plan.ledger} and"
                f" {format_instant(self._plan.at)}; asked at index {ledger}"
                + (f" and {format_instant(now)}" if now is not None else ""),
                code="gate.plan-behind",
                hint="compile the plan anew, then ask again",
            )
        if not records:
            return []
        found = reasons_batch(self._plan, records_batch(self._plan, records))
        self.tally.add(found.reason, len(records))
        return [
            Verdict(Reason(reason), party)
            for reason, party in zip(found.reason.tolist(), found.party.tolist(), strict=True)
        ]


def records_batch(plan: GatePlan, records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Lay records out in columns. Python touches each value once: they come as Python values.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`.
    """
    names = [*records[0]]
    columns = {}
    for name in _roots(plan, names):
        try:
            columns[name] = [record[name] for record in records]
        except KeyError:
            raise InputError(
                f'a record has no "{name}"',
                code="contract.column-missing",
                hint="null where it is not known; a record is never decided by half",
            ) from None
    return columns_batch(plan, columns)


def columns_batch(plan: GatePlan, columns: Mapping[str, Sequence[Any]]) -> pa.RecordBatch:
    """Return the columns that decide, of lists of Python values.

    Raises:
        InputError: `contract.column-missing`, `contract.column-type`.
    """
    names = [name for name in _roots(plan, [*columns]) if name in columns]
    arrays = []
    for name in names:
        array = _array(name, columns[name])
        if name == plan.contract.draft and pat.is_null(array.type):
            array = array.cast(pa.bool_())
        arrays.append(array)
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    check_schema(plan, batch.schema, name="the records", narrow=True)
    return batch


def _roots(plan: GatePlan, names: Sequence[str]) -> list[str]:
    given = pa.schema([(name, pa.null()) for name in names])
    return list(dict.fromkeys(root_of(path, given) for path in plan.contract.read_columns))


def _array(name: str, values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f'"{name}" of the records holds values of different kinds, or of none that is read',
            code="contract.column-type",
        ) from error
