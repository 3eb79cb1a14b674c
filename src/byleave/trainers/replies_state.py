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
from byleave.trainers.replies_pairs import Book, Key, Line, PairTable, extend, links, shrink
from byleave.trainers.support import Chosen, choose
from byleave.trainers.together import Integers, Together, incidence, together, updated
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
        book: The rows.
        table: The pairs.
        inventory: The texts that a release shows, and the pairs they cover.
        chosen: The features that a release has.
        together: Counts of every two of these features, and of the members behind them.
    """

    recipe: Mapping[str, Any]
    book: Book
    table: PairTable
    inventory: Inventory
    chosen: Chosen
    together: Together

    @property
    def lines(self) -> dict[Key, Line]:
        """The rows, by place."""
        return self.book.present()


def empty_state(recipe: Mapping[str, Any]) -> ReplyState:
    """Return the state of no rows."""
    return _state(recipe, Book.empty(), PairTable.empty(), _all)


def with_rows(state: ReplyState, fresh: Mapping[Key, Line]) -> ReplyState:
    """Return the state with these rows too, none of which it holds."""
    stays = np.ones(len(state.table.whole), np.bool_)
    before = (state, stays) if state.book.there.any() else None
    book, table = _joined(state.book, state.table, fresh)
    return _state(state.recipe, book, table, partial(_from, state, stays), before)


def without_rows(state: ReplyState, gone: Integers) -> ReplyState:
    """Return the state without the rows of these numbers, all of which it holds.

    Cost: columns of the pairs are copied, and a byte a row; what is counted is of the pairs that
    went, or that the inventory covers no longer, of those that their authors have left, and of
    features that are new among the kept; cells of features by entry are counted over all covered
    pairs.
    """
    book = state.book.without(gone)
    table, stays = shrink(state.table, book.there)
    return _state(state.recipe, book, table, partial(_from, state, stays), (state, stays))


def _joined(book: Book, table: PairTable, fresh: Mapping[Key, Line]) -> tuple[Book, PairTable]:
    joined, number = book.joined(fresh)
    held = dict(zip(joined.places, joined.lines, strict=True))
    return joined, extend(table.renumbered(number), joined, links(held, fresh))


def _state(
    recipe: Mapping[str, Any],
    book: Book,
    table: PairTable,
    counted: _Count,
    before: tuple[ReplyState, npt.NDArray[np.bool_]] | None = None,
) -> ReplyState:
    """Return a state of these rows, its features counted together by `counted`."""
    k = int(recipe["k"])
    known = None if before is None else (before[0].inventory, before[1])
    inventory = take_inventory(table, book.lines, k, known)
    chosen = choose(inventory.pairs(), len(inventory.texts), k, int(recipe["features"]))
    return ReplyState(
        recipe=recipe,
        book=book,
        table=table,
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
    old = state.inventory
    change = moved(old.covered, stays, inventory.covered)
    gone = old.words.of_rows(np.where(change.went, np.cumsum(change.went) - 1, -1))
    row, column = gone.among(chosen.features)
    went = incidence(int(change.went.sum()), row, column, len(chosen.features))
    return updated(
        state.together,
        chosen.features,
        (went, old.who[change.went]),
        (chosen.has, inventory.who, change.new),
    )


def dump_state(state: ReplyState) -> ModelFiles:
    """Write a state; equal sets of rows give equal bytes."""
    held = state.lines
    places = sorted(held)
    lines = [held[place] for place in places]
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
    book, table = _joined(Book.empty(), PairTable.empty(), lines)
    return _state(recipe, book, table, lambda _, chosen: _stored(tensors, chosen))


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
    alone = np.diag(found.gram)
    if (found.features != chosen.features).any() or (alone != chosen.has.alone()).any():
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
