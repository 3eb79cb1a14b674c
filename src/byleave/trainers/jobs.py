"""Job recommendations from skills, place, title and the jobs members engage with; forgets to the byte.

A row says that a member has a thing of a kind: a skill, a place, a title, a job. A job is scored
by EASE (Steck, WWW 2019) over all kinds at once: for each job, the ridge regression from every
feature and every other job, in closed form from integer counts. So a member without any job is
served from their skills, one with a history also from what others did next, and the reason is
the features that weigh most.

Released: names of features and jobs that at least k members have, weights on a 2^-20 grid from
pairs that at least k members have, and the order of jobs; no member, no count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from safetensors.numpy import save

from byleave.canonical import Json
from byleave.canonical import encode as canonical
from byleave.errors import InputError
from byleave.trainers.grid import ease_on_grid
from byleave.trainers.holdings import Holdings, ranks, shown_items
from byleave.trainers.holdings_trainer import HoldingsTrainer
from byleave.training.trainer import ModelFiles

__all__ = ["FORMAT", "JobsTrainer"]

FORMAT: Final = "byleave-jobs/v1"
_COLON: Final = pa.scalar(":", pa.large_string())


class JobsTrainer(HoldingsTrainer):
    """The trainer `jobs`; see the module's docstring and docs/spec/jobs.md."""

    name = "jobs"
    columns: tuple[str, ...] = ("member", "kind", "item")
    DEFAULTS = MappingProxyType(
        {"algorithm": FORMAT, "k": 5, "most_items": 20_000, "ridge": 200, "target": "job"}
    )
    LIMITS = MappingProxyType({"k": 1_000_000, "most_items": 40_000, "ridge": 1 << 30})

    def rows(self, batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        """Return rows whose item says its kind: `skill:python`."""
        return _named(batches)

    def check_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Refuse a recipe that is not one of this trainer.

        Raises:
            InputError: `trainer.recipe`.
        """
        super().check_recipe(recipe)
        target = recipe["target"]
        if not isinstance(target, str) or not target or ":" in target:
            raise self.wrong("target is not the name of a kind")

    def encode(self, state: Holdings) -> ModelFiles:
        """Return `model.json` (recipe, features, jobs, coverage) and `weights.safetensors`.

        Cost: one dense inverse of the features and jobs released.
        """
        k, target = int(state.recipe["k"]), f"{state.recipe['target']}:"
        holders = state.holders()
        order = shown_items(state, holders, k, int(state.recipe["most_items"]))
        names: list[str] = state.items.take(pa.array(order)).to_pylist()
        gram = state.both(order)
        gram[gram < k] = 0
        jobs = np.array([at for at, name in enumerate(names) if name.startswith(target)], np.int64)
        weights = ease_on_grid(gram, int(state.recipe["ridge"]))[:, jobs]
        everywhere = np.asarray(pc.starts_with(state.items, target), np.bool_)
        model: dict[str, Json] = {
            "format": FORMAT,
            "recipe": dict(state.recipe),
            "features": list(names),
            "jobs": [names[at] for at in jobs.tolist()],
            "coverage": {
                "holdings": int(holders[everywhere].sum()),
                "shown": int(holders[order][jobs].sum()),
            },
        }
        tensors: dict[str, npt.NDArray[Any]] = {
            "popularity": ranks(holders[order][jobs]),
            "weights": np.ascontiguousarray(weights.astype(np.int32)),
        }
        return {"model.json": canonical(model), "weights.safetensors": save(tensors)}


def _named(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield rows whose item says its kind: `skill:python`."""
    for batch in batches:
        for name in ("kind", "item"):
            if name not in batch.schema.names:
                raise InputError(f"rows without the column {name}", code="trainer.rows")
        kind, item = (batch.column(n).cast(pa.large_string()) for n in ("kind", "item"))
        named = pc.binary_join_element_wise(kind, item, _COLON)  # null where one is
        yield batch.set_column(batch.schema.get_field_index("item"), "item", named)
