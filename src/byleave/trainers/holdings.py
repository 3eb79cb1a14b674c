"""Who holds what: rows of (member, item, instant) as integer columns, and the counts made of them.

A *holding* is a member and an item, however many rows say so. The state keeps every row, because
a holding ends only with its last row; it keeps the Gram matrix of holdings beside them, so that
forgetting costs the rows of those who leave and not the rows of all. Both are integers: adding and
taking away are exact, and the result is a function of the set of rows (Cao & Yang 2015).

Private: a state holds record and member ids. It is never released, and erased with the workspace.
Cost: counting takes every two items of a member one by one, or multiplies members by items by
items in blocks, exactly (float32 below 2^24), whichever is less work; `forget` and `learn` count
the members touched and copy the counts, half a matrix (`coheld`), two bytes each for fewer than
65,536 members. `Holdings.both` mirrors it for whoever solves with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from safetensors import SafetensorError
from safetensors.numpy import load, save

from byleave.canonical import decode
from byleave.canonical import encode as canonical
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.trainers.coheld import CoHeld, add_held, alone, matrix, no_counts
from byleave.trainers.holding_rows import Rows
from byleave.training.trainer import ModelFiles, Recipe

__all__ = [
    "Holdings",
    "dump_holdings",
    "empty_holdings",
    "forget_rows",
    "learn_rows",
    "ranks",
    "restore_holdings",
    "shown_items",
]

_US_PER_DAY: Final = 86_400_000_000

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdings:
    """The state of a trainer on holdings.

    Attributes:
        recipe: As logged before the fit.
        members: Ids, `large_string`; a code is a place in it. May name some who hold nothing.
        items: Names of items, the same way.
        rows: The rows; shared with the state that this one came of.
        gram: How many members hold both of two items (`coheld`); of no size where the recipe takes
            none (`counted`).
    """

    recipe: Recipe
    members: pa.Array
    items: pa.Array
    rows: Rows
    gram: CoHeld

    @property
    def member(self) -> Ints:
        """Code of each row's member; int32."""
        return self.rows.member[self.rows.there]

    @property
    def item(self) -> Ints:
        """Code of each row's item; int32."""
        return self.rows.item[self.rows.there]

    @property
    def day(self) -> Ints:
        """Days since 1970 of each row, -1 where nobody knows; int32."""
        return self.rows.day[self.rows.there]

    def both(self, order: Longs) -> Longs:
        """Return how many members hold both, for the items at these places; int64, symmetric."""
        half = matrix(self.gram, len(self.items))
        full: Longs = half[np.ix_(order, order)].astype(np.int64)
        del half
        held = np.diag(full).copy()
        full += full.T.copy()
        np.fill_diagonal(full, held)
        return full

    @property
    def counted(self) -> bool:
        """Whether the Gram matrix is kept: a walk (RP3beta) needs none."""
        return self.recipe.get("collaborative") != "rp3beta"

    def holders(self) -> Longs:
        """Return how many members hold each item; int64[items]."""
        if self.counted:
            return alone(self.gram, len(self.items))
        size = max(1, len(self.items))
        once = np.unique(self.member.astype(np.int64) * size + self.item)
        return np.bincount(once % size, minlength=len(self.items)).astype(np.int64)


def empty_holdings(recipe: Recipe) -> Holdings:
    """Return the state of no rows."""
    none = pa.array([], pa.large_string())
    zero = np.zeros(0, np.int32)
    return Holdings(
        recipe=dict(recipe),
        members=none,
        items=none,
        rows=Rows.of(none, zero, zero, zero),
        gram=no_counts(0, 0),
    )


def learn_rows(state: Holdings, added: Iterable[pa.RecordBatch]) -> Holdings:
    """Return the state with these rows too.

    Raises:
        InputError: `trainer.rows`, a column is missing, a value is null or a record occurs twice.
    """
    record, member_ids, item_names, day = _read(added)
    if not len(record):
        return state
    members, member = _codes(state.members, member_ids)
    items, item = _codes(state.items, item_names)
    rows = state.rows.joined(Rows.of(record, member, item, day))
    if len(pc.unique(rows.record)) != len(rows.record):
        raise InputError("a record occurs twice", code="trainer.rows")
    gram = no_counts(len(items) if state.counted else 0, len(members))
    gram[: len(state.gram)] = state.gram
    grown = Holdings(
        recipe=state.recipe,
        members=members,
        items=items,
        rows=rows,
        gram=gram,
    )
    near = _near(len(members), rows.member, member)
    old = near[near < len(rows.record) - len(record)]
    _add(grown, old, less=True)
    _add(grown, near)
    return grown


def forget_rows(state: Holdings, removed: Iterable[pa.RecordBatch]) -> Holdings:
    """Return the state without these rows; only their `record_id` is read.

    Raises:
        InputError: `trainer.not-held`, a record that the state does not hold;
            `trainer.rows`, a record occurs twice.
    """
    gone = _texts([batch.column("record_id") for batch in removed])
    if not len(gone):
        return state
    places, before = state.rows.places(gone), state.rows
    if len(places) != len(
        gone
    ):  # records of a state are distinct: so are these, where all are held
        if len(pc.unique(gone)) != len(gone):
            raise InputError("a record occurs twice", code="trainer.rows")
        raise InputError("a record that the state does not hold", code="trainer.not-held")
    rows, held = before.without(places), int(before.there.sum())
    few_stay = 2 * len(gone) > held  # then counting those who stay is less work
    left = Holdings(
        recipe=state.recipe,
        members=state.members,
        items=state.items,
        rows=rows,
        gram=np.zeros_like(state.gram) if few_stay else state.gram.copy(),
    )
    if few_stay:
        _add(left, np.flatnonzero(rows.there))
        return replace(left, rows=rows.present())
    near = _near(len(state.members), before.member, before.member[places])
    _add(left, near[before.there[near]], less=True)
    _add(left, near[rows.there[near]])
    few_there = 2 * (held - len(gone)) < len(rows.there)
    return replace(left, rows=rows.present()) if few_there else left


def dump_holdings(state: Holdings) -> ModelFiles:
    """Return the state as files; a function of its recipe and its rows alone.

    The Gram matrix is not written: `restore_holdings` counts it again.
    """
    rows = state.rows.present()
    order = np.asarray(pc.sort_indices(rows.record))
    members, member = _sorted(state.members, rows.member)
    items, item = _sorted(state.items, rows.item)
    texts = {"records": rows.record.take(pa.array(order)), "members": members, "items": items}
    tensors: dict[str, npt.NDArray[Any]] = {
        "member": member[order],
        "item": item[order],
        "day": rows.day[order],
    }
    for name, array in texts.items():
        raw = [text.encode() for text in array.to_pylist()]
        tensors[f"{name}.size"] = np.array([len(r) for r in raw], np.int64)
        tensors[f"{name}.text"] = np.frombuffer(b"".join(raw), np.uint8)
    return {
        "state.json": canonical({"recipe": dict(state.recipe)}),
        "state.safetensors": save(tensors),
    }


def restore_holdings(files: ModelFiles) -> Holdings:
    """Read what `dump_holdings` wrote.

    Raises:
        EvidenceError: `trainer.state`, the files are not such a state.
    """
    try:
        head, tensors = decode(files["state.json"]), load(files["state.safetensors"])
        if not isinstance(head, dict) or not isinstance(recipe := head["recipe"], dict):
            raise TypeError
        texts = {name: _unpack(tensors, name) for name in ("records", "members", "items")}
        member, item, day = (tensors[n].astype(np.int32) for n in ("member", "item", "day"))
        whole = len(texts["records"]) == len(member) == len(item) == len(day)
        for codes, name in ((member, "members"), (item, "items")):
            whole &= not len(codes) or 0 <= codes.min() <= codes.max() < len(texts[name])
        if not whole:
            raise ValueError
    except (KeyError, TypeError, ValueError, IndexError, SafetensorError, ByleaveError) as error:
        raise EvidenceError(
            "the files are not a state of holdings", code="trainer.state"
        ) from error
    counted = recipe.get("collaborative") != "rp3beta"
    gram = no_counts(len(texts["items"]) if counted else 0, len(texts["members"]))
    state = Holdings(
        recipe=dict(recipe),
        members=texts["members"],
        items=texts["items"],
        rows=Rows.of(texts["records"], member, item, day),
        gram=gram,
    )
    _add(state, np.arange(len(member)))
    return state


def shown_items(state: Holdings, holders: Longs, k: int, most: int) -> Longs:
    """Return the items to release, by name: held by k members, the most held where too many."""
    shown = np.flatnonzero(holders >= k)
    shown = shown[np.asarray(pc.sort_indices(state.items.take(pa.array(shown))))]
    first = np.argsort(-holders[shown], kind="stable")[:most]
    order: Longs = shown[np.sort(first)]
    return order


def ranks(counts: Longs) -> npt.NDArray[np.int32]:
    """Return each item's place by falling count, from 0; only the order is released."""
    ranks = np.empty(len(counts), dtype=np.int32)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts), dtype=np.int32)
    return ranks


def _near(members: int, codes: Ints, some: Ints) -> Longs:
    """Return the places of codes that are among some."""
    among = np.zeros(members, np.bool_)
    among[some] = True
    return np.flatnonzero(among[codes])


def _add(state: Holdings, rows: Longs, *, less: bool = False) -> None:
    """Count what the rows at these places say in a state's Gram matrix, or take it off, in place.

    A holding that rows elsewhere say too is counted twice: all of a member's rows or none.
    """
    if state.counted and len(rows):
        add_held(state.gram, state.rows.member[rows], state.rows.item[rows], less=less)


def _read(batches: Iterable[pa.RecordBatch]) -> tuple[pa.Array, pa.Array, pa.Array, Ints]:
    """Return record ids, members, items and days of all rows."""
    columns: dict[str, list[pa.Array]] = {"record_id": [], "member": [], "item": []}
    days: list[Ints] = []
    for batch in batches:
        for name, parts in columns.items():
            if name not in batch.schema.names:
                raise InputError(f"rows without the column {name}", code="trainer.rows")
            if batch.column(name).null_count:
                raise InputError(f"the column {name} has nulls", code="trainer.rows")
            parts.append(batch.column(name))
        days.append(_days(batch))
    record, member, item = (_texts(parts) for parts in columns.values())
    return record, member, item, np.concatenate([np.zeros(0, np.int32), *days])


def _days(batch: pa.RecordBatch) -> Ints:
    if "at" not in batch.schema.names:
        return np.full(batch.num_rows, -1, np.int32)
    column = batch.column("at")
    if not pa.types.is_timestamp(column.type):
        raise InputError("the column at holds no instants", code="trainer.rows")
    at = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    return (np.asarray(pc.fill_null(at, -1), np.int64) // _US_PER_DAY).astype(np.int32)


def _texts(parts: Iterable[pa.Array]) -> pa.Array:
    texts = [p.cast(pa.large_string()) for p in parts]
    return pa.concat_arrays([pa.array([], pa.large_string()), *texts])


def _codes(known: pa.Array, values: pa.Array) -> tuple[pa.Array, Ints]:
    """Return the known texts with new ones behind them, and the place of each value in them."""
    fresh = pc.unique(values)
    fresh = fresh.filter(pc.invert(pc.is_in(fresh, value_set=known)))
    every = pa.concat_arrays([known, fresh])
    return every, np.asarray(pc.index_in(values, value_set=every), np.int32)


def _sorted(names: pa.Array, codes: Ints) -> tuple[pa.Array, Ints]:
    """Return only the names that codes use, in ascending order, and the codes among them."""
    used = np.unique(codes)
    kept = names.take(pa.array(used))
    order = np.asarray(pc.sort_indices(kept))
    place = np.zeros(len(names), np.int32)
    place[used[order]] = np.arange(len(used), dtype=np.int32)
    return kept.take(pa.array(order)), place[codes]


def _unpack(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> pa.Array:
    sizes = tensors[f"{name}.size"].astype(np.int64)
    text = tensors[f"{name}.text"].astype(np.uint8).tobytes()
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    if (sizes < 0).any() or ends[-1] != len(text):
        raise ValueError
    parts = [text[a:b].decode() for a, b in pairwise(ends)]
    return pa.array(parts, pa.large_string())
