"""A case in DuckDB: joins and group-bys in bounded memory, spilled to disk where they must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from byleave.engines.extra import load, plain_batch
from byleave.errors import ByleaveError, InputError, WorldError
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import DUCKDB, Dialect
from byleave.exposure.tables import Inputs, message_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["DuckdbRunner", "duckdb_runner"]

_BATCH_ROWS: Final = 1 << 16
_MEMORY: Final = re.compile(r"\d{1,6}(?:MB|GB)")


@contextmanager
def duckdb_runner(
    folder: Path, *, memory: str = "2GB", threads: int | None = None
) -> Iterator[DuckdbRunner]:
    """Open a database in memory that spills into `folder`.

    Args:
        folder: Exists; what is spilled is gone at the end.
        memory: What DuckDB may hold, as `2GB`; the process needs about half a gigabyte besides.
        threads: How many; None: as many as there are cores.

    Raises:
        InputError: `input.malformed`, `memory` is no such size.
        WorldError: `cli.extra-missing`.
    """
    duckdb = load("duckdb", extra="duckdb")
    if not _MEMORY.fullmatch(memory):
        raise InputError(
            "memory is a whole number of MB or GB, as 4GB", code="input.malformed", where="memory"
        )
    settings: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": False,
    }
    if threads is not None:
        settings["threads"] = threads
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.execute("SET enable_progress_bar = false")
        yield DuckdbRunner(duckdb, connection, memory)


def _bytes(memory: str) -> int:
    return int(memory[:-2]) * (10**9 if memory.endswith("GB") else 10**6)


class DuckdbRunner:
    """See `case_runner.CaseRunner`."""

    def __init__(self, duckdb: Any, connection: DuckDBPyConnection, memory: str) -> None:  # noqa: ANN401
        self._memory = memory
        self._duckdb = duckdb
        self._connection = connection
        self._error: BaseException | None = None

    @property
    def dialect(self) -> Dialect:
        """How DuckDB writes it."""
        return DUCKDB

    @property
    def whole(self) -> bool:
        """Parts are kept, so that a run goes on after them."""
        return False

    @contextmanager
    def lent(self, size: int) -> Iterator[bool]:
        """Lend up to two thirds of its memory, and take it back at the end."""
        whole = _bytes(self._memory)
        may = size <= whole * 2 // 3
        if size and may:
            self._connection.execute(f"SET memory_limit = '{(whole - size) // 1000}KB'")
        try:
            yield may
        finally:
            self._connection.execute(f"SET memory_limit = '{self._memory}'")

    def messages(self, inputs: Inputs, plan: CasePlan, start: int, stop: int) -> None:
        """Give the relation `messages` to some of the messages."""
        self.relation("messages", *message_rows(inputs, plan, start, stop))

    def relation(self, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        """Give a name to rows that are read once."""
        reader = pa.RecordBatchReader.from_batches(schema, self._watched(batches))
        self._drop(name)
        self._connection.register(name, reader)

    def table(self, name: str, rows: pa.Table) -> None:
        """Give a name to a small table."""
        self._drop(name)
        self._connection.register(name, rows)

    def stored(self, name: str, files: list[Path]) -> None:
        """Give a name to Parquet files."""
        self._drop(name)
        paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        self._connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{paths}])")

    def write(self, sql: str, file: Path) -> None:
        """Run a statement and leave its rows in a Parquet file, whole or not at all."""
        draft = file.with_name(file.name + ".part")
        path = str(draft).replace("'", "''")
        copy = f"COPY ({sql}) TO '{path}' (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION lz4_raw)"
        self._run(lambda: self._connection.execute(copy))
        draft.replace(file)

    def fetch(self, sql: str) -> pa.Table:
        """Run a statement whose rows fit in memory."""
        found: pa.Table = self._run(lambda: self._connection.sql(sql).to_arrow_table())
        return found

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a statement and yield its rows."""
        reader: pa.RecordBatchReader = self._run(
            lambda: self._connection.sql(sql).to_arrow_reader(_BATCH_ROWS)
        )
        for batch in reader:
            yield plain_batch(batch, batch.schema.names)

    def _drop(self, name: str) -> None:
        self._connection.unregister(name)
        self._connection.execute(f"DROP VIEW IF EXISTS {name}")

    def _watched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # DuckDB would put an error of ours into words of its own.
        try:
            yield from batches
        except (ByleaveError, KeyboardInterrupt) as error:
            self._error = error
            raise

    def _run(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `work` returns
        self._error = None  # here alone: of several streams the one that fails may not be the last
        try:
            return work()
        except self._duckdb.InterruptException:
            raise KeyboardInterrupt from None
        except self._duckdb.OutOfMemoryException as error:
            raise WorldError(
                "the case does not fit into the memory or the disk it was given",
                code="world.disk-full",
                hint="free disk, or more --memory",
            ) from error
        except self._duckdb.Error as error:
            if self._error is not None:
                raise self._error from None
            raise WorldError(
                "the database could not carry out the case",
                code="world.storage",
                hint=type(error).__name__,
            ) from error
