"""Content suggestions from who read what: a trainer that forgets to the byte.

* A member *holds* an item if a row says so. Weights are EASE (Steck, WWW 2019): for each item, the
  ridge regression from all others, in closed form from the Gram matrix of holdings, an integer.
* An item is released if at least k members hold it; a pair counts if at least k hold both. When
  they leave, it leaves.
* Items nobody holds yet are suggested by the words of their texts (`similar`), which are public
  and in the recipe.
* What is read *now*: members per item and bucket of days, each bucket worth half the next;
  cells below k count nothing.

`encode` is a function of the set of rows: the law of `byleave.training.trainer` follows. What is
released: names of items, weights on a 2^-20 grid, and two orders of items; no member, no count.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors.numpy import save

from byleave.canonical import Json
from byleave.canonical import encode as canonical
from byleave.trainers.grid import ease_on_grid
from byleave.trainers.holdings import Holdings, ranks, shown_items
from byleave.trainers.holdings_trainer import HoldingsTrainer
from byleave.training.trainer import ModelFiles

__all__ = ["FORMAT", "ContentTrainer"]

FORMAT: Final = "byleave-content/v2"

_BUCKETS: Final = 16
"""Buckets that count for the trend: what is older is worth less than 2^-15 of the newest."""

Longs = npt.NDArray[np.int64]


class ContentTrainer(HoldingsTrainer):
    """The trainer `content`; see the module's docstring and docs/spec/content.md."""

    name = "content"
    columns: tuple[str, ...] = ("member", "item")
    DEFAULTS = MappingProxyType(
        {
            "algorithm": FORMAT,
            "k": 5,
            "most_items": 20_000,
            "ridge": 500,
            "texts": (),
            "trend_days": 7,
        }
    )
    LIMITS = MappingProxyType(
        {"k": 1_000_000, "most_items": 40_000, "ridge": 1 << 30, "trend_days": 3_650}
    )

    def default_recipe(self) -> dict[str, Any]:
        """Return the recipe used where the operator names none: no texts of items."""
        return {**self.DEFAULTS, "texts": []}

    def check_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Refuse a recipe that is not one of this trainer.

        Raises:
            InputError: `trainer.recipe`.
        """
        super().check_recipe(recipe)
        texts = recipe["texts"]
        if not isinstance(texts, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(t, str) for t in pair)
            for pair in texts
        ):
            raise self.wrong("texts is no list of item and text")
        if len({item for item, _ in texts}) != len(texts):
            raise self.wrong("texts names an item twice")

    def encode(self, state: Holdings) -> ModelFiles:
        """Return `model.json` (recipe, items, coverage) and `weights.safetensors`.

        Cost: one dense inverse of the items released; nothing depends on members but the counts.
        """
        k = int(state.recipe["k"])
        holders = state.holders()
        order = shown_items(state, holders, k, int(state.recipe["most_items"]))
        gram = state.both(order)
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
