"""Sealed rows as PyTorch data sets, map style and iterable, traced as they are handed out.

This module needs PyTorch (extra `torch`); wiring imports it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch.utils.data as torch_data

from byleave.connectors.row_source import RowSource

__all__ = ["SealedRows", "SealedStream"]

Item = Any
"""What a transform makes of a row."""

Transform = Callable[[dict[str, Any]], Any]


class SealedRows(torch_data.Dataset[Any]):  # type: ignore[misc] # PyTorch ships no types here
    """Map style: item n is row n of the snapshot; a `DataLoader`'s batch is one frame.

    Args:
        source: The rows.
        transform: What to make of a row, a dict by column; default: the dict.
    """

    def __init__(self, source: RowSource, transform: Transform | None = None) -> None:
        self._source, self._transform = source, transform

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, place: int) -> Item:
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[int]) -> list[Any]:
        """Return several rows; a `DataLoader` asks so for each batch."""
        rows = self._source.batch(places)
        return rows if self._transform is None else [self._transform(row) for row in rows]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins, for the trace; before the loader is iterated."""
        self._source.epoch = epoch


class SealedStream(torch_data.IterableDataset[Any]):  # type: ignore[misc]
    """Iterable: every row once, shuffled by seed and epoch where asked; workers share the rows.

    Args:
        source: The rows.
        seed: Shuffles; None: as they stand.
        transform: What to make of a row, a dict by column; default: the dict.
    """

    def __init__(
        self, source: RowSource, *, seed: int | None = None, transform: Transform | None = None
    ) -> None:
        self._source, self._seed, self._transform = source, seed, transform

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[Any]:
        worker = torch_data.get_worker_info()
        places = self._source.order(self._seed)
        if worker is not None:
            places = places[worker.id :: worker.num_workers]
        for row in self._source.stream(places):
            yield row if self._transform is None else self._transform(row)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins: another order where it shuffles, and another number in the trace."""
        self._source.epoch = epoch
