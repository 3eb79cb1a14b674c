"""What trainers on holdings share: everything but what they release."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pyarrow as pa

from byleave.errors import InputError
from byleave.trainers.holdings import (
    Holdings,
    dump_holdings,
    empty_holdings,
    forget_rows,
    learn_rows,
    restore_holdings,
)
from byleave.training.trainer import ModelFiles, Recipe

__all__ = ["HoldingsTrainer"]


class HoldingsTrainer(ABC):
    """The trainer port over `Holdings`; a kind of trainer says its recipe and how it encodes.

    Attributes:
        name: The trainer's name in runs and releases.
        columns: Columns it reads, beside `record_id`.
        exact: Always: counts are integers.
        DEFAULTS: The default recipe; `algorithm` is the format of the release.
        LIMITS: Largest value of each integer of the recipe; the least is 1.
    """

    name: str
    columns: tuple[str, ...]
    exact = True
    base = "statistics"
    DEFAULTS: ClassVar[Mapping[str, Any]]
    LIMITS: ClassVar[Mapping[str, int]]

    def default_recipe(self) -> Recipe:
        """Return the recipe used where the operator names none."""
        return dict(self.DEFAULTS)

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> Holdings:
        """Return the state of these rows.

        Raises:
            InputError: `trainer.recipe`, a field is missing, unknown or out of range;
                `trainer.rows`, a column is missing, a value is null or a record occurs twice.
        """
        self.check_recipe(recipe)
        return self.learn(empty_holdings(recipe), batches)

    def learn(self, state: Holdings, added: Iterable[pa.RecordBatch]) -> Holdings:
        """Return the state with these rows too.

        Raises:
            InputError: `trainer.rows`, as `fit`; also a record the state already holds.
        """
        return learn_rows(state, self.rows(added))

    def forget(self, state: Holdings, removed: Iterable[pa.RecordBatch]) -> Holdings:
        """Return the state without these rows; only their `record_id` is read.

        Raises:
            InputError: `trainer.not-held`, a record the state does not hold.
        """
        return forget_rows(state, removed)

    @abstractmethod
    def encode(self, state: Holdings) -> ModelFiles:
        """Return the model files."""

    def dump(self, state: Holdings) -> ModelFiles:
        """Return the private state: `state.json` and `state.safetensors`."""
        return dump_holdings(state)

    def restore(self, files: ModelFiles) -> Holdings:
        """Read what `dump` wrote.

        Raises:
            EvidenceError: `trainer.state`, the files are not a state of this trainer.
        """
        state = restore_holdings(files)
        self.check_recipe(state.recipe)
        return state

    def rows(self, batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        """Return rows with the columns `member` and `item`, as holdings want them."""
        return batches

    def check_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Refuse a recipe that is not one of this trainer.

        Raises:
            InputError: `trainer.recipe`.
        """
        if set(recipe) != set(self.DEFAULTS):
            raise self.wrong(f"expected the fields {', '.join(sorted(self.DEFAULTS))}")
        if recipe["algorithm"] != self.DEFAULTS["algorithm"]:
            raise self.wrong(f"algorithm is not {self.DEFAULTS['algorithm']}")
        for field, most in self.LIMITS.items():
            value = recipe[field]
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise self.wrong(f"{field} is not an integer from 1 to {most}")

    def wrong(self, what: str) -> InputError:
        """Return the error that says what is wrong with a recipe."""
        return InputError(f"recipe of {self.name}: {what}", code="trainer.recipe")
