"""What made each affected member affected: row numbers of the import, behind every pair.

For each (member, message) the rows that decided: the message, the choice or the switch that spoke
last by the delivery, the subscriptions that ran, the region, the period of the setting, and the
documents that declared the use by then. Rows are counted from 1, in the order of the table.
It is worked out from the pairs alone, apart from the pass that found them. Cost: for each
delivery and kind one pass over the choices, one over the intervals, one over its pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.behind import counted_during, declared_by, period_at
from byleave.exposure.cohort import Affected
from byleave.exposure.practice import Delivery, Practice, as_text, as_us
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.scope import Scope

__all__ = ["EVIDENCE", "EVIDENCE_COLUMNS", "evidence"]

Array = Any  # a NumPy array; its element type is named where it is made

EVIDENCE_COLUMNS: Final = (
    "message_row",
    "choice_row",
    "opt_out_row",
    "subscription_rows",
    "region_row",
    "setting_period",
    "declared_by",
)
"""What `evidence` adds to the pairs; lists are words joined by a space."""

EVIDENCE: Final = pa.schema(
    [
        ("member", pa.large_string()),
        ("record", pa.large_string()),
        ("role", pa.large_string()),
        ("reason", pa.large_string()),
        ("first_used_at", pa.timestamp("us", tz="UTC")),
        ("delivery", pa.large_string()),
        ("message_row", pa.int64()),
        ("choice_row", pa.int64()),
        ("opt_out_row", pa.int64()),
        ("subscription_rows", pa.large_string()),
        ("region_row", pa.int64()),
        ("setting_period", pa.int64()),
        ("declared_by", pa.large_string()),
        ("cohort_rank", pa.int32()),
        ("reason_rank", pa.int32()),
    ]
)
"""Pairs of all cohorts with what is behind each, as every engine gives them.

Ranks are the place of the cohort in the case, and of the reason in `REASONS`.
"""

_NONE: Final = -1


def evidence(practice: Practice, choices: pa.Table | None, found: Affected) -> pa.Table:
    """Return the pairs of `found` with the rows that decided each.

    Args:
        practice: The same practice.
        choices: The same choices.
        found: Who was affected, of one cohort.

    Returns:
        `member`, `record`, `role`, `reason`, `first_used_at`, `delivery`, and
        `EVIDENCE_COLUMNS`: row numbers from 1 (null: no such row decided), the setting's period
        in force (from 1), and `DOCUMENT@VERSION` of what declared the use by the delivery.
    """
    world = _World.of(practice, choices, found)
    size = len(world.member)
    single = {
        name: np.full(size, _NONE, dtype=np.int64)
        for name in ("choice_row", "opt_out_row", "region_row", "setting_period")
    }
    lists = np.full(size, "", dtype=object)
    declared = np.full(size, _NONE, dtype=np.int64)
    documents: list[str] = []
    for number, delivery in enumerate(practice.deliveries):
        of_delivery = np.flatnonzero(world.delivery == number)
        if not of_delivery.size:
            continue
        single["setting_period"][of_delivery] = (period_at(practice, delivery) or 0) - 1
        member = world.member[of_delivery]
        if practice.regions is not None:
            rows = _last_row(*_overlapping(world, practice.regions, _at(delivery)), world.count)
            single["region_row"][of_delivery] = rows[member]
        if practice.subscriptions is not None:
            during = counted_during(found.cohort, delivery)
            texts = _row_lists(*_overlapping(world, practice.subscriptions, during), world.count)
            lists[of_delivery] = texts[member]
        for kind in np.unique(world.kind[of_delivery]).tolist():
            rows = of_delivery[world.kind[of_delivery] == kind]
            use = delivery.use(world.category(kind))
            choice, switch = world.said.deciding(to_us(delivery.at), use)
            single["choice_row"][rows] = choice[world.member[rows]]
            single["opt_out_row"][rows] = switch[world.member[rows]]
            declared[rows] = len(documents)
            documents.append(declared_by(practice, delivery, use))
    pairs = found.pairs.select(["member", "record", "role", "reason", "first_used_at", "delivery"])
    columns = {name: pairs[name] for name in pairs.column_names}
    columns |= {name: _numbered(values) for name, values in single.items()}
    columns["message_row"] = pa.array(world.message + 1)
    columns["subscription_rows"] = pa.array(lists, pa.large_string())
    names = pa.array(documents, pa.large_string())
    columns["declared_by"] = names.take(pa.array(declared, mask=declared < 0))
    return pa.table({name: columns[name] for name in (*pairs.column_names, *EVIDENCE_COLUMNS)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _World:
    """The pairs as arrays; members are those of the pairs alone."""

    practice: Practice
    members: pa.Array
    member: Array  # int64[pairs], code into `members`
    message: Array  # int64[pairs], row of the messages from 0
    delivery: Array  # int64[pairs], number of the delivery
    kind: Array  # int64[pairs], code into `kinds`; -1 unknown
    kinds: tuple[str, ...]
    said: _Said

    @classmethod
    def of(cls, practice: Practice, choices: pa.Table | None, found: Affected) -> _World:
        pairs = found.pairs
        member = as_text(pairs["member"])
        members = pc.unique(member)
        message = _places(as_text(pairs["record"]), as_text(practice.messages["record"]))
        names = pa.array([d.id for d in practice.deliveries], pa.large_string())
        kinds: tuple[str, ...] = ()
        kind = np.full(practice.messages.num_rows, _NONE, dtype=np.int64)
        if "kind" in practice.messages.column_names:
            texts = as_text(practice.messages["kind"])
            known = pc.unique(texts.drop_null())
            kind, kinds = _places(texts, known), tuple(known.to_pylist())
        return cls(
            practice=practice,
            members=members,
            member=_places(member, members),
            message=message,
            delivery=_places(as_text(pairs["delivery"]), names),
            kind=kind[message],
            kinds=kinds,
            said=_Said.of(practice, choices, members),
        )

    @property
    def count(self) -> int:
        return len(self.members)

    def category(self, kind: int) -> str:
        base = self.practice.category
        return base if kind == _NONE else f"{base}.{self.kinds[kind]}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Said:
    """Choices, then switches, by member and time; of one instant the later row, switches last."""

    member: Array  # int64
    at: Array  # int64, microseconds
    row: Array  # int64, from 0 in its own table
    is_switch: Array  # bool
    scope: Array  # int64, index into `scopes`
    scopes: tuple[Scope | None, ...]
    count: int

    @classmethod
    def of(cls, practice: Practice, choices: pa.Table | None, members: pa.Array) -> _Said:
        parts: list[tuple[Array, Array, Array, Array, Array]] = []
        scopes: tuple[Scope | None, ...] = (None,)
        if choices is not None:
            scope = np.zeros(choices.num_rows, dtype=np.int64)
            if "scope" in choices.column_names:
                texts = as_text(choices["scope"])
                names = pc.unique(texts.drop_null())
                scopes = (None, *(Scope.parse(name) for name in names.to_pylist()))
                scope = _places(texts, names) + 1
            parts.append(_rows(choices, members, scope, switch=False))
        if practice.opt_outs is not None:
            none = np.zeros(practice.opt_outs.num_rows, dtype=np.int64)
            parts.append(_rows(practice.opt_outs, members, none, switch=True))
        empty = np.zeros(0, dtype=np.int64)
        whole = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else [empty] * 5
        order = np.lexsort((np.arange(len(whole[0])), whole[1], whole[0]))
        order = order[whole[0][order] != _NONE]
        member, at, row, is_switch, scope = (column[order] for column in whole)
        return cls(
            member=member,
            at=at,
            row=row,
            is_switch=is_switch.astype(bool),
            scope=scope,
            scopes=scopes,
            count=len(members),
        )

    def deciding(self, at_us: int, use: Scope) -> tuple[Array, Array]:
        """Return int64[members] twice: the choice's row, the switch's; -1 where it is neither."""
        covers = np.array([s is None or s.covers(use) for s in self.scopes], dtype=bool)
        rows = np.flatnonzero((self.at <= at_us) & covers[self.scope])
        last = rows
        if rows.size:
            last = rows[np.append(self.member[rows][1:] != self.member[rows][:-1], True)]
        found = np.full((2, self.count), _NONE, dtype=np.int64)
        found[self.is_switch[last].astype(np.int64), self.member[last]] = self.row[last]
        return found[0], found[1]


def _rows(
    table: pa.Table, members: pa.Array, scope: Array, *, switch: bool
) -> tuple[Array, Array, Array, Array, Array]:
    return (
        _places(as_text(table["member"]), members),
        as_us(table["at"], FAR_FUTURE_US),
        np.arange(table.num_rows, dtype=np.int64),
        np.full(table.num_rows, switch),
        scope,
    )


def _at(delivery: Delivery) -> tuple[int, int]:
    at = to_us(delivery.at)
    return at, at + 1


def _overlapping(world: _World, table: pa.Table, during: tuple[int, int]) -> tuple[Array, Array]:
    """Return member and row of each interval of the pairs' members that overlaps `during`."""
    start, end = as_us(table["start"], -FAR_FUTURE_US), as_us(table["end"], FAR_FUTURE_US)
    member = _places(as_text(table["member"]), world.members)
    row = np.flatnonzero((start < during[1]) & (end > during[0]) & (member != _NONE))
    return member[row], row


def _last_row(member: Array, row: Array, count: int) -> Array:
    found = np.full(count, _NONE, dtype=np.int64)
    found[member] = row
    return found


def _row_lists(member: Array, row: Array, count: int) -> Array:
    """Return object[members]: the rows of each, from 1, joined by a space."""
    order = np.argsort(member, kind="stable")
    member, row = member[order], row[order]
    who, begin = np.unique(member, return_index=True)
    offsets = np.append(begin, len(row)).astype(np.int32)
    texts = pa.array(row + 1).cast(pa.string())
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), " ")
    found = np.full(count, "", dtype=object)
    found[who] = joined.to_numpy(zero_copy_only=False) if len(who) else []
    return found


def _numbered(rows: Array) -> pa.Array:
    return pa.array(rows + 1, mask=rows < 0)


def _places(values: pa.Array, among: pa.Array) -> Array:
    found = pc.fill_null(pc.index_in(values, among, skip_nulls=True), _NONE)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)
