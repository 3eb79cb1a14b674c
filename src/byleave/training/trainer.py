"""The trainer port.

The law (docs/spec/unlearning.md; Cao & Yang 2015, "summation form"): for every snapshot D,
every set R of its rows, and every order and grouping in which R's rows are forgotten,

    encode(forget(fit(D), R)) == encode(fit(D without R))        byte for byte
    encode(learn(forget(fit(D), R), R)) == encode(fit(D))        byte for byte

A state is private: it may hold counts below thresholds, and is erased with the workspace.
What `encode` returns is released; it holds no lineage and no text below the threshold.
The recipe (hyper-parameters, vocabularies) is logged before the fit and not tuned on members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ModelFiles", "Recipe", "StepwiseTrainer", "Trainer"]

ModelFiles = Mapping[str, bytes]
"""File name → bytes; canonical JSON or safetensors, never pickle."""

Recipe = Mapping[str, Any]
"""Canonically encodable hyper-parameters (`byleave.canonical.encode` accepts it)."""

StateT = TypeVar("StateT")


class Trainer(Protocol[StateT]):
    """One algorithm. Rows come as Arrow batches of a sealed snapshot, in any order.

    Each batch has the columns named in `columns` and `record_id` (string, unique per snapshot).
    `exact` says whether the law holds. A trainer for which it does not must also have
    `measurements` (`byleave.training.measurements.Measurements`); it is refused without, its
    releases say `approximate`, and no unlearning of theirs is certified. `base` may name what it is
    built on: `statistics`, `index` or `sharded`.
    """

    name: str
    columns: tuple[str, ...]
    exact: bool

    def default_recipe(self) -> Recipe:
        """Return the recipe used where the operator names none."""
        ...

    def fit(self, batches: Iterable[pa.RecordBatch], recipe: Recipe) -> StateT:
        """Return the state of these rows, and of nothing else."""
        ...

    def forget(self, state: StateT, removed: Iterable[pa.RecordBatch]) -> StateT:
        """Return the state without `removed` rows (all of which `state` holds)."""
        ...

    def learn(self, state: StateT, added: Iterable[pa.RecordBatch]) -> StateT:
        """Return the state with `added` rows (none of which `state` holds)."""
        ...

    def encode(self, state: StateT) -> ModelFiles:
        """Return the model files: a deterministic function of the state."""
        ...

    def dump(self, state: StateT) -> ModelFiles:
        """Return the private state as files, so that a later process can forget."""
        ...

    def restore(self, files: ModelFiles) -> StateT:
        """Read what `dump` wrote; `restore(dump(s))` encodes to the same bytes as `s`."""
        ...


@runtime_checkable
class StepwiseTrainer(Protocol):
    """A trainer whose fit has steps of its own after its rows are read; it need not be one."""

    def fit_in_steps(
        self,
        batches: Iterable[pa.RecordBatch],
        recipe: Recipe,
        step: Callable[[int, int], None],
    ) -> Any:  # noqa: ANN401 (a trainer's own type)
        """Return what `fit` returns.

        Args:
            batches: As for `fit`.
            recipe: As for `fit`.
            step: Told how many steps are done, of how many; may raise, which ends the fit.
        """
        ...
