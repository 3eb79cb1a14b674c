"""What carries out the statements of a case: DuckDB, or Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import Dialect
from byleave.exposure.tables import Inputs

__all__ = ["Batches", "CaseRunner", "Progress", "numbers", "stored_rows"]

Array = Any  # a NumPy array; its element type is named where it is made
Batches = Iterator[pa.RecordBatch]
Progress = Callable[[str, int, int], None]

_BATCH_ROWS: Final = 1 << 16


class CaseRunner(Protocol):
    """What an engine does with SQL; relations live as long as the runner."""

    @property
    def dialect(self) -> Dialect:
        """How it writes what the two write differently."""

    @property
    def whole(self) -> bool:
        """Whether it takes all messages as one part, as it goes on after a fault by itself."""

    def lent(self, size: int) -> AbstractContextManager[bool]:
        """Say whether its caller may hold `size` bytes of its memory; it does with less meanwhile."""

    def relation(self, name: str, schema: pa.Schema, batches: Batches) -> None:
        """Give a name to rows that are read once, by the next statement."""

    def messages(self, inputs: Inputs, plan: CasePlan, start: int, stop: int) -> None:
        """Give the relation `messages` to some of the messages, to be read once."""

    def table(self, name: str, rows: pa.Table) -> None:
        """Give a name to a small table that may be read often."""

    def stored(self, name: str, files: list[Path]) -> None:
        """Give a name to the rows of Parquet files that this runner wrote."""

    def write(self, sql: str, file: Path) -> None:
        """Run a statement and leave its rows in a Parquet file, whole or not at all."""

    def fetch(self, sql: str) -> pa.Table:
        """Run a statement whose rows fit in memory."""

    def stream(self, sql: str) -> Batches:
        """Run a statement and yield its rows."""


def stored_rows(file: Path) -> Batches:
    """Yield the rows that a runner wrote, in the order in which it wrote them."""
    for part in sorted(file.glob("*.parquet")) if file.is_dir() else [file]:
        with pq.ParquetFile(part) as rows:
            yield from rows.iter_batches(_BATCH_ROWS)


def numbers(table: pa.Table, name: str) -> Array:
    """Return a column of whole numbers as int64[n]."""
    return table[name].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
