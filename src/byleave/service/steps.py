"""Long work between its steps: say how far it is, and stop where nobody wants it any more.

`House.progress` is the port: whoever runs a service may raise from it. So it is called only where
what was written so far stands in a staged folder, which then goes, and never after the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from byleave.snapshot.partition import Ports
from byleave.training.trainer import Recipe, StepwiseTrainer, Trainer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Progress", "built_in_steps", "fit_in_steps", "read_in_steps"]

Progress = Callable[[str, int, int], None]
_MAP: Final = "parts of the map built"
_ROWS: Final = "rows learned from"


def read_in_steps(
    batches: Iterable[pa.RecordBatch], progress: Progress, what: str, total: int
) -> Iterator[pa.RecordBatch]:
    """Yield batches, and say before each how many rows were read.

    Args:
        batches: What is read.
        progress: Told what, how many rows, of how many; may raise.
        what: What is done with the rows.
        total: How many rows there are.
    """
    done = 0
    for batch in batches:
        progress(what, done, total)
        yield batch
        done += batch.num_rows
    progress(what, done, total)


def fit_in_steps(
    trainer: Trainer[Any],
    batches: Iterable[pa.RecordBatch],
    recipe: Recipe,
    progress: Progress,
    *,
    rows: int,
) -> Any:  # noqa: ANN401 (a trainer's own type)
    """Return what a trainer's fit returns; say how far it is before each batch and after the fit.

    Args:
        trainer: Of one that is a `StepwiseTrainer` the steps after reading are told too.
        batches: What it is fitted on.
        recipe: The recipe.
        progress: May raise, which ends the fit.
        rows: How many rows the batches hold.
    """
    reading = read_in_steps(batches, progress, _ROWS, rows)
    if isinstance(trainer, StepwiseTrainer):
        return trainer.fit_in_steps(
            reading, recipe, lambda done, total: progress("steps of the fit", done, total)
        )
    state = trainer.fit(reading, recipe)
    progress(_ROWS, rows, rows)
    return state


def built_in_steps(ports: Ports, progress: Progress) -> Ports:
    """Return the ports of a build that says after each part how many are done.

    Args:
        ports: What the map is built with.
        progress: Told how many parts of a pass are done, of how many; may raise. What runs beside
            is then waited for.
    """

    def each(work: Callable[[int], Any], parts: Iterable[int]) -> Iterator[Any]:
        wanted = list(parts)
        found = iter(ports.each(work, wanted))
        try:
            for done, result in enumerate(found, start=1):
                yield result
                progress(_MAP, done, len(wanted))
        finally:
            close = getattr(found, "close", None)
            if close is not None:
                close()

    return replace(ports, each=each)
