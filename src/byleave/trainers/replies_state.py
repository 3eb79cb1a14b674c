"""The private state of `replies`: the rows, what is counted of them, and its files.

`state.json` names the format and the recipe; `state.safetensors` holds the rows in ascending
order of (thread, seq): texts as one run of bytes with offsets, features as integers with
offsets; and the counts of features together, which are the dear part to count again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from byleave.canonical import Json, decode
from byleave.canonical import encode as canonical
from byleave.errors import EvidenceError, InputError
from byleave.trainers.replies_inventory import Inventory, moved, take_inventory
from byleave.trainers.replies_pairs import Key, Line, PairTable, extend, links, shrink
from byleave.trainers.support import Chosen, choose
from byleave.trainers.together import Together, incidence, together, updated
from byleave.trainers.wording import Opening
from byleave.training.trainer import ModelFiles

__all__ = [
    "ReplyState",
    "dump_state",
    "empty_state",
    "restore_state",
    "with_rows",
    "without_rows",
]

_FORMAT: Final = "byleave-replies-state/v3"

_Count: TypeAlias = Callable[[Inventory, Chosen], Together]
"""How the features of a state are counted together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplyState:
    """Everything `forget` and `encode` need. Private: holds texts below the threshold.

    Attributes:
        recipe: The recipe of the fit.
        lines: The rows, by place.
        keys: The place of each record.
        table: The pairs.
        inventory: The texts that a release shows, and the pairs they cover.
        chosen: The features that a release has.
        together: Counts of every two of these features, and of the members behind them.
    """

    recipe: Mapping[str, Any]
    lines: Mapping[Key, Line]
    keys: Mapping[str, Key]
    table: PairTable
    inventory: Inventory
    chosen: Chosen
    together: Together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """The part of a state that rows are put into and taken from."""

    lines: Mapping[Key, Line]
    keys: Mapping[str, Key]
    table: PairTable


def empty_state(recipe: Mapping[str, Any]) -> ReplyState:
    """Return the state of no rows."""
    return _state(recipe, _Rows(lines={}, keys={}, table=PairTable.empty()), _all)


def with_rows(state: ReplyState, fresh: Mapping[Key, Line]) -> ReplyState:
    """Return the state with these rows too, none of which it holds."""
    stays = np.ones(len(state.table.whole), np.bool_)
    before = (state, stays) if state.lines else None
    return _state(state.recipe, _joined(state, fresh), partial(_from, state, stays), before)


def without_rows(state: ReplyState, gone: Mapping[Key, Line]) -> ReplyState:
    """Return the state without these rows, all of which it holds.

    Cost: columns of the pairs and places of the rows are copied; what is counted is of the members
    who wrote a pair that went, or one that the inventory covers no longer, and of features that are
    new among the kept; the cells of features by entry are counted over all covered pairs.
    """
    lines, keys = dict(state.lines), dict(state.keys)
    for place, line in gone.items():
        del lines[place], keys[line.record]
    table, stays = shrink(state.table, gone)
    rows = _Rows(lines=lines, keys=keys, table=table)
    return _state(state.recipe, rows, partial(_from, state, stays), (state, stays))


def _joined(state: ReplyState, fresh: Mapping[Key, Line]) -> _Rows:
    lines = {**state.lines, **fresh}
    return _Rows(
        lines=lines,
        keys={**state.keys, **{line.record: place for place, line in fresh.items()}},
        table=extend(state.table, links(lines, fresh)),
    )


def _state(
    recipe: Mapping[str, Any],
    rows: _Rows,
    counted: _Count,
    before: tuple[ReplyState, npt.NDArray[np.bool_]] | None = None,
) -> ReplyState:
    """Return a state of these rows, its features counted together by `counted`."""
    k = int(recipe["k"])
    known = None if before is None else (before[0].inventory, before[1])
    inventory = take_inventory(rows.table, k, known)
    chosen = choose(inventory.pairs(), len(inventory.texts), k, int(recipe["features"]))
    return ReplyState(
        recipe=recipe,
        lines=rows.lines,
        keys=rows.keys,
        table=rows.table,
        inventory=inventory,
        chosen=chosen,
        together=counted(inventory, chosen),
    )


def _all(inventory: Inventory, chosen: Chosen) -> Together:
    return together(chosen.features, chosen.has, inventory.who)


def _from(
    state: ReplyState, stays: npt.NDArray[np.bool_], inventory: Inventory, chosen: Chosen
) -> Together:
    """Change the counts of a state by the pairs that its inventory, or this one, does not cover.

    Args:
        state: Before.
        stays: Which of its pairs are still there: the first of the table after, in this order.
        inventory: After.
        chosen: After.
    """
    old, who = state.inventory, state.inventory.who
    change = moved(old.covered, stays, inventory.covered)
    size = 1 + max(int(who.max(initial=0)), int(inventory.who.max(initial=0)))
    touched = np.zeros(len(change.went), np.bool_)
    for side in (0, 1):
        spoke = np.zeros(size, np.bool_)
        spoke[who[change.went, side]] = True
        spoke[inventory.who[change.new, side]] = True
        touched |= spoke[who[:, side]]
    near = old.words.of_rows(np.where(touched, np.cumsum(touched) - 1, -1))
    row, column = near.among(chosen.features)
    had = incidence(int(touched.sum()), row, column, len(chosen.features))
    return updated(
        state.together,
        chosen.features,
        (had, who[touched], change.went[touched]),
        (chosen.has, inventory.who, change.new),
    )


def dump_state(state: ReplyState) -> ModelFiles:
    """Write a state; equal sets of rows give equal bytes."""
    places = sorted(state.lines)
    lines = [state.lines[place] for place in places]
    flat = [opening for line in lines for opening in line.openings]
    tensors: dict[str, npt.NDArray[Any]] = {
        "seq": np.array([seq for _, seq in places], dtype=np.int64),
        "complete": np.array([line.complete for line in lines], dtype=np.uint8),
        "openings": np.array([len(line.openings) for line in lines], dtype=np.int64),
        "features": np.array([len(line.features) for line in lines], dtype=np.int64),
        "feature_ids": np.concatenate([np.zeros(0, np.int64), *(line.features for line in lines)]),
        "vectors": np.concatenate([np.zeros(0, np.int8), *(line.vector for line in lines)]),
    }
    for name, texts in (
        ("thread", [thread for thread, _ in places]),
        ("record", [line.record for line in lines]),
        ("author", [line.author for line in lines]),
        ("folded", [opening.folded for opening in flat]),
        ("exact", [opening.exact for opening in flat]),
    ):
        tensors[name], tensors[name + "_bytes"] = _pack(texts)
    counts = state.together
    tensors |= {
        "together_features": counts.features,
        "together_gram": counts.gram,
        "together_members": counts.members,
    }
    head: dict[str, Json] = {"format": _FORMAT, "recipe": dict(state.recipe)}
    return {"state.json": canonical(head), "state.safetensors": save(tensors)}


def restore_state(files: ModelFiles) -> ReplyState:
    """Read what `dump_state` wrote.

    Raises:
        EvidenceError: `trainer.state`, the files are damaged or of another trainer.
    """
    try:
        head = decode(files["state.json"])
        if not isinstance(head, dict) or head["format"] != _FORMAT:
            raise ValueError("another format")
        return _rebuild(head["recipe"], load(files["state.safetensors"]))
    except (KeyError, ValueError, IndexError, TypeError, SafetensorError, InputError) as error:
        raise EvidenceError(
            "the state is damaged, or not one of replies", code="trainer.state"
        ) from error


def _rebuild(recipe: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> ReplyState:
    def texts(name: str) -> list[str]:
        return _unpack(tensors[name], tensors[name + "_bytes"])

    flat = [Opening(*both) for both in zip(texts("folded"), texts("exact"), strict=True)]
    ends = np.cumsum(tensors["openings"])
    features = np.split(tensors["feature_ids"], np.cumsum(tensors["features"]))[:-1]
    vectors = tensors["vectors"].astype(np.int8).reshape(len(features), int(recipe["numbers"]))
    lines: dict[Key, Line] = {}
    columns = (texts("thread"), tensors["seq"].tolist(), texts("record"), texts("author"))
    for at, (thread, seq, record, author) in enumerate(zip(*columns, strict=True)):
        found = tuple(flat[int(ends[at] - tensors["openings"][at]) : int(ends[at])])
        place = (thread, seq)
        lines[place] = Line(
            record=record,
            author=author,
            features=features[at],
            openings=found,
            complete=bool(tensors["complete"][at]),
            vector=vectors[at],
        )
    rows = _joined(empty_state(recipe), lines)
    return _state(recipe, rows, lambda _, chosen: _stored(tensors, chosen))


def _stored(tensors: Mapping[str, npt.NDArray[Any]], chosen: Chosen) -> Together:
    """Take the counts of the files, if they can be those of the rows.

    Raises:
        ValueError: Other features, other shapes, or other counts of single features.
    """
    found = Together(
        features=tensors["together_features"].astype(np.int64),
        gram=tensors["together_gram"].astype(np.int32),
        members=tensors["together_members"].astype(np.int32),
    )
    size = len(chosen.features) + 1
    if found.gram.shape != (size, size) or found.members.shape != (2, size, size):
        raise ValueError("shapes do not agree")
    alone = chosen.has.sum(axis=0, dtype=np.float64)
    if (found.features != chosen.features).any() or (np.diag(found.gram) != alone).any():
        raise ValueError("counts of other rows")
    return found


def _pack(texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.array([len(item) for item in raw], dtype=np.int64)
    return sizes, np.frombuffer(b"".join(raw), dtype=np.uint8)


def _unpack(sizes: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]) -> list[str]:
    raw = data.tobytes()
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    if sum(sizes.tolist()) != len(raw):
        raise ValueError("offsets do not cover the bytes")
    return (
        [raw[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True)]
        if ends
        else []
    )
