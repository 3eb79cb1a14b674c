"""Content suggestions from who read what: a trainer that forgets to the byte.

* A member *holds* an item if a row says so. Weights are EASE (Steck, WWW 2019): for each item, the
  ridge regression from all others, in closed form from the Gram matrix of holdings, an integer.
* An item is released if at least k members hold it; a pair counts if at least k hold both. When
  they leave, it leaves.
* What is read *now*: members per item and bucket of days, each bucket worth half the next;
  cells below k count nothing.

`encode` is a function of the set of rows: the law of `byleave.training.trainer` follows. What is
released: names of items, weights on a 2^-20 grid, and two orders of items; no member, no count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors.numpy import save

from byleave.canonical import Json
from byleave.canonical import encode as canonical
from byleave.errors import InputError
from byleave.trainers.grid import ease_on_grid
from byleave.trainers.holdings import (
    Holdings,
    dump_holdings,
    empty_holdings,
    forget_rows,
    learn_rows,
    ranks,
    restore_holdings,
    shown_items,
)
from byleave.training.trainer import ModelFiles, Recipe

__all__ = ["FORMAT", "ContentTrainer"]

FORMAT: Final = "byleave-content/v1"
_DEFAULTS: Final[dict[str, int | str]] = {
    "algorithm": FORMAT,
    "k": 5,
    "most_items": 20_000,
    "ridge": 500,
    "trend_days": 7,
}
_BUCKETS: Final = 16
"""Buckets that count for the trend: what is older is worth less than 2^-15 of the newest."""

Longs = npt.NDArray[np.int64]


class ContentTrainer:
    """The trainer `content`; see the module's docstring and docs/spec/content.md."""

    name = "content"
    columns: tuple[str, ...] = ("member", "item")
    exact = True

    def default_recipe(self) -> Recipe:
        """Return k = 5 members, ridge 500, buckets of 7 days, at most 20,000 items."""
        return dict(_DEFAULTS)

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> Holdings:
        """Return the state of these rows. A column `at`, where there is one, dates them.

        Raises:
            InputError: `trainer.recipe`, a field is missing, unknown or out of range;
                `trainer.rows`, a column is missing, a value is null or a record occurs twice.
        """
        _check_recipe(recipe)
        return learn_rows(empty_holdings(recipe), batches)

    def learn(self, state: Holdings, added: Iterable[pa.RecordBatch]) -> Holdings:
        """Return the state with these rows too.

        Raises:
            InputError: `trainer.rows`, as `fit`; also a record the state already holds.
        """
        return learn_rows(state, added)

    def forget(self, state: Holdings, removed: Iterable[pa.RecordBatch]) -> Holdings:
        """Return the state without these rows; only their `record_id` is read.

        Raises:
            InputError: `trainer.not-held`, a record the state does not hold.
        """
        return forget_rows(state, removed)

    def encode(self, state: Holdings) -> ModelFiles:
        """Return `model.json` (recipe, items, coverage) and `weights.safetensors`.

        Cost: one dense inverse of the items released; nothing depends on members but the counts.
        """
        k = int(state.recipe["k"])
        holders = np.diag(state.gram).astype(np.int64)
        order = shown_items(state, holders, k, int(state.recipe["most_items"]))
        gram = state.gram[np.ix_(order, order)].astype(np.int64)
        gram[gram < k] = 0
        weights = ease_on_grid(gram, int(state.recipe["ridge"]))
        held = int(holders.sum())
        model: dict[str, Json] = {
            "format": FORMAT,
            "recipe": dict(state.recipe),
            "items": state.items.take(pa.array(order)).to_pylist(),
            "coverage": {"holdings": held, "shown": int(holders[order].sum())},
        }
        tensors: dict[str, npt.NDArray[Any]] = {
            "popularity": ranks(holders[order]),
            "trend": _trending(_trend(state, k)[order]),
            "weights": np.ascontiguousarray(weights.astype(np.int32)),
        }
        return {"model.json": canonical(model), "weights.safetensors": save(tensors)}

    def dump(self, state: Holdings) -> ModelFiles:
        """Return the private state: `state.json` and `state.safetensors`."""
        return dump_holdings(state)

    def restore(self, files: ModelFiles) -> Holdings:
        """Read what `dump` wrote.

        Raises:
            EvidenceError: `trainer.state`, the files are not a state of this trainer.
        """
        state = restore_holdings(files)
        _check_recipe(state.recipe)
        return state


def _trend(state: Holdings, k: int) -> Longs:
    """Return for each item how much it is held of late: each bucket worth half the next."""
    score = np.zeros(len(state.items), np.int64)
    dated = state.day >= 0
    if not dated.any():
        return score
    bucket = state.day[dated].astype(np.int64) // int(state.recipe["trend_days"])
    age = bucket.max() - bucket
    recent = age < _BUCKETS
    cells = np.unique(
        np.stack([state.item[dated][recent], age[recent], state.member[dated][recent]]), axis=1
    )
    pairs, members = np.unique(cells[:2], axis=1, return_counts=True)
    enough = members >= k
    worth = members[enough] << (_BUCKETS - 1 - pairs[1, enough])
    np.add.at(score, pairs[0, enough], worth)
    return score


def _trending(score: Longs) -> npt.NDArray[np.int32]:
    """Return the places of the items that are held of late, best first."""
    order = np.argsort(-score, kind="stable")
    return order[: int((score > 0).sum())].astype(np.int32)


def _check_recipe(recipe: Mapping[str, Any]) -> None:
    def wrong(what: str) -> InputError:
        return InputError(f"recipe of content: {what}", code="trainer.recipe")

    if set(recipe) != set(_DEFAULTS):
        raise wrong(f"expected the fields {', '.join(sorted(_DEFAULTS))}")
    if recipe["algorithm"] != FORMAT:
        raise wrong(f"algorithm is not {FORMAT}")
    limits = (("k", 1_000_000), ("most_items", 40_000), ("ridge", 1 << 30), ("trend_days", 3_650))
    for field, most in limits:
        value = recipe[field]
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise wrong(f"{field} is not an integer from 1 to {most}")
