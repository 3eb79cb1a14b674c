"""Job recommendations from skills, place, title and the jobs members engage with; forgets to the byte.

A row says that a member has a thing of a kind: a skill, a place, a title, a job. Three parts, each
a function of integer counts and of the public catalogue in the recipe:

* *with a history*: EASE (Steck, WWW 2019) over all kinds at once, or RP3beta (`walk`) where a
  dense matrix of the catalogue would be too large;
* *without one*: the ridge regression of each job on everything else a member has (`cold`);
* *what a job asks for*: a conditional logit (`choice`) over the shared skills, title, place and
  how often the job's side answered. It ranks jobs of the catalogue that nobody has yet.

Released: names of features and jobs that at least k members have, weights on a grid from pairs
that at least k members have, five weights of the logit, and the order of jobs; no member, no count.
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
from byleave.trainers.catalogue import Catalogue
from byleave.trainers.grid import ease_on_grid, ridge_on_grid
from byleave.trainers.holdings import Holdings, ranks, shown_items
from byleave.trainers.holdings_trainer import HoldingsTrainer
from byleave.trainers.jobs_choice import answered_levels, choice_weights
from byleave.trainers.walk import walk_weights
from byleave.training.trainer import ModelFiles

__all__ = ["FORMAT", "JobsTrainer"]

FORMAT: Final = "byleave-jobs/v2"
_COLON: Final = pa.scalar(":", pa.large_string())
_METHODS: Final = ("ease", "rp3beta")

Longs = npt.NDArray[np.int64]


class JobsTrainer(HoldingsTrainer):
    """The trainer `jobs`; see the module's docstring and docs/spec/jobs.md."""

    name = "jobs"
    columns: tuple[str, ...] = ("member", "kind", "item")
    DEFAULTS = MappingProxyType(
        {
            "algorithm": FORMAT,
            "answered": "answered",
            "beta": 2,
            "catalogue": (),
            "collaborative": "ease",
            "k": 5,
            "mix": 8,
            "most_items": 20_000,
            "neighbours": 200,
            "ridge": 200,
            "target": "job",
        }
    )
    LIMITS = MappingProxyType(
        {"k": 1_000_000, "most_items": 1 << 24, "neighbours": 1 << 20, "ridge": 1 << 30}
    )

    def default_recipe(self) -> dict[str, Any]:
        """Return the recipe used where the operator names none: EASE, and no catalogue."""
        return {**self.DEFAULTS, "catalogue": []}

    def rows(self, batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        """Return rows whose item says its kind: `skill:python`."""
        return _named(batches)

    def check_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Refuse a recipe that is not one of this trainer.

        Raises:
            InputError: `trainer.recipe`.
        """
        super().check_recipe(recipe)
        for field in ("target", "answered"):
            kind = recipe[field]
            if not isinstance(kind, str) or not kind or ":" in kind:
                raise self.wrong(f"{field} is not the name of a kind")
        if recipe["target"] == recipe["answered"]:
            raise self.wrong("target and answered are the same kind")
        if recipe["collaborative"] not in _METHODS:
            raise self.wrong(f"collaborative is none of {', '.join(_METHODS)}")
        if recipe["collaborative"] == "ease" and recipe["most_items"] > 40_000:
            raise self.wrong("most_items is above 40000, too many for EASE")
        for field, most in (("beta", 4), ("mix", 1_000)):
            if type(recipe[field]) is not int or not 0 <= recipe[field] <= most:
                raise self.wrong(f"{field} is not an integer from 0 to {most}")
        if not isinstance(recipe["catalogue"], list):
            raise self.wrong("catalogue is no list of jobs")
        try:
            Catalogue(recipe["catalogue"])
        except ValueError as error:
            raise self.wrong(str(error)) from error

    def encode(self, state: Holdings) -> ModelFiles:
        """Return `model.json` (recipe, features, jobs, coverage) and `weights.safetensors`.

        Cost: a dense inverse of the features and jobs released (EASE) or the square of what each
        member has (RP3beta); with a catalogue also members times its jobs.
        """
        recipe, target = state.recipe, f"{state.recipe['target']}:"
        k, holders = int(recipe["k"]), state.holders()
        order = shown_items(state, holders, k, int(recipe["most_items"]))
        names: list[str] = state.items.take(pa.array(order)).to_pylist()
        is_job = np.array([name.startswith(target) for name in names], np.bool_)
        everywhere = np.asarray(pc.starts_with(state.items, target), np.bool_)
        model: dict[str, Json] = {
            "format": FORMAT,
            "recipe": dict(recipe),
            "features": list(names),
            "jobs": [name for name, job in zip(names, is_job, strict=True) if job],
            "coverage": {
                "holdings": int(holders[everywhere].sum()),
                "shown": int(holders[order][is_job].sum()),
            },
        }
        tensors: dict[str, npt.NDArray[Any]] = {"popularity": ranks(holders[order][is_job])}
        if recipe["collaborative"] == "ease":
            tensors |= _dense(state, order, is_job)
        else:
            tensors |= _sparse(state, order, is_job)
        catalogue = Catalogue(recipe["catalogue"])
        answered = answered_levels(state, catalogue)
        tensors["answered"] = answered.astype(np.uint8)
        tensors["choice"] = choice_weights(state, catalogue, answered)
        return {"model.json": canonical(model), "weights.safetensors": save(tensors)}


def _dense(
    state: Holdings, order: Longs, is_job: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[Any]]:
    """Return EASE's weights, and the ridge regression of jobs on what is no job, on a 2^-20 grid."""
    k, ridge = int(state.recipe["k"]), int(state.recipe["ridge"])
    gram = state.both(order)
    gram[gram < k] = 0
    weights = ease_on_grid(gram, ridge)[:, is_job]
    # The last row belongs to everybody: how many have a thing at all.
    members = len(np.unique(state.member))
    inside = np.flatnonzero(~is_job)
    counts = gram[np.ix_(inside, inside)]
    held = np.diag(gram)
    system = np.block([[counts, held[inside, None]], [held[None, inside], np.array([[members]])]])
    cross = np.vstack([gram[np.ix_(inside, np.flatnonzero(is_job))], held[None, is_job]])
    cold = ridge_on_grid(system, cross, ridge) if members >= k else np.zeros_like(cross)
    return {
        "cold": np.ascontiguousarray(cold.astype(np.int32)),
        "weights": np.ascontiguousarray(weights.astype(np.int32)),
    }


def _sparse(
    state: Holdings, order: Longs, is_job: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[Any]]:
    """Return RP3beta's weights on a 2^-30 grid, as columns of (feature, weight), job by job."""
    place = np.full(len(state.items), -1, np.int64)
    place[order] = np.arange(len(order))
    once = np.unique(state.member.astype(np.int64) * len(state.items) + state.item)
    member, item = np.divmod(once, max(1, len(state.items)))
    shown = place[item] >= 0
    start, to, weight = walk_weights(
        member[shown],
        place[item[shown]],
        is_job,
        k=int(state.recipe["k"]),
        quarters=int(state.recipe["beta"]),
        most=int(state.recipe["neighbours"]),
    )
    column = np.cumsum(is_job) - 1
    ends = np.cumsum(np.bincount(column[to], minlength=int(is_job.sum())))
    return {
        "walk_ends": ends.astype(np.int64),
        "walk_from": start.astype(np.int32),
        "walk_weight": weight.astype(np.int32),
    }


def _named(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield rows whose item says its kind: `skill:python`."""
    for batch in batches:
        for name in ("kind", "item"):
            if name not in batch.schema.names:
                raise InputError(f"rows without the column {name}", code="trainer.rows")
        kind, item = (batch.column(n).cast(pa.large_string()) for n in ("kind", "item"))
        named = pc.binary_join_element_wise(kind, item, _COLON)  # null where one is
        yield batch.set_column(batch.schema.get_field_index("item"), "item", named)
