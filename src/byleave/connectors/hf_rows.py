"""Sealed rows as Hugging Face `datasets`, map style and streaming, traced as they are handed out.

`datasets` is imported when it is first needed (extra `datasets`), and asked for by wiring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from byleave.connectors.row_source import RowSource

if TYPE_CHECKING:
    import datasets

__all__ = ["sealed_dataset", "sealed_iterable"]


def sealed_dataset(source: RowSource) -> datasets.Dataset:
    """Return the rows as a `datasets.Dataset` that traces each batch when it is read.

    It may be shuffled, selected from and split. A `map` reads it once, traced, and what it returns
    is a copy that is traced no more; give the reader's columns and transform in the loop instead.
    """
    import datasets  # noqa: PLC0415 (an extra)

    return datasets.Dataset(source.table).with_transform(source.handed)


def sealed_iterable(source: RowSource, *, seed: int | None = None) -> datasets.IterableDataset:
    """Return the rows as a `datasets.IterableDataset`, each traced when it is taken.

    Args:
        source: The rows.
        seed: Shuffles, by seed and epoch; None: as they stand.
    """
    import datasets  # noqa: PLC0415 (an extra)

    schema = source.table.drop(["row"]).schema
    return datasets.IterableDataset.from_generator(
        _rows,
        gen_kwargs={"source": source, "seed": seed},
        features=datasets.Features.from_arrow_schema(schema),
    )


def _rows(source: RowSource, seed: int | None) -> Iterator[dict[str, Any]]:
    yield from source.stream(source.order(seed))
