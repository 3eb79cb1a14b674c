"""DuckDB as a source and a sink: SQL gives the rows, the gate decides outside of it.

The rows of a query come out as Arrow batches, are decided by the same function as everywhere, and
go back as a table, or to a Parquet file. Nothing is joined and no function is registered: a
decision inside the database costs several times as much (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from byleave.engines.extra import load
from byleave.engines.passing import gate_batches, write_rows
from byleave.engines.tally import Emission, InputRows, Tally
from byleave.errors import ByleaveError, ConflictError, InputError, WorldError
from byleave.gate.plan import GatePlan

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["BATCH_ROWS", "gate_query", "opened_file"]

BATCH_ROWS: Final = 1 << 17
_DATABASES: Final = frozenset({".db", ".ddb", ".duckdb"})


def gate_query(
    plan: GatePlan,
    connection: DuckDBPyConnection,
    query: str,
    *,
    into: str | None = None,
    copy: Path | None = None,
    mark: bool = False,
    name: str = "query",
) -> Emission:
    """Gate the rows of a query; write those kept, or only count.

    Args:
        plan: The rules compiled.
        connection: An open connection; the query runs in it, once.
        query: A SELECT (or `FROM t`) with at least the columns that the contract reads.
        into: Table to make, in the connection's database; `schema.table` too. It is committed by
            itself, whatever transaction the connection is in.
        copy: Parquet file to write instead.
        mark: Write every row, with `gate_reason` and `gate_party` added.
        name: What to call the query in messages and in the record.

    Returns:
        The counts; they sum to the rows of the query.

    Raises:
        InputError: `data.unreadable`, the query fails; `input.malformed`, table and file at once;
            `contract.*`.
        ConflictError: `workspace.exists`, the table or the file stands already.
        WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`. Nothing is left.
    """
    duckdb = load("duckdb", extra="duckdb")
    if into is not None and copy is not None:
        raise InputError("want a table or a file, not both", code="input.malformed")
    try:
        kinds = [s.type for s in connection.extract_statements(query)]
        if kinds != [duckdb.StatementType.SELECT]:
            raise InputError(
                f"{name} is not one SELECT", code="data.unreadable", hint="nothing was run"
            )
        reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _failed(name, error) from error
    tally = Tally(plan)
    read = _Read(reader, name)
    try:
        schema, batches = gate_batches(plan, reader.schema, read, tally, mark=mark, name=name)
        if into is not None:
            _make_table(duckdb, connection, into, schema, read.watched(batches), read)
        elif copy is not None:
            write_rows(copy, schema, batches)
        else:
            for _ in batches:
                pass
    finally:
        reader.close()  # an open result would block the connection
    return tally.emission([InputRows(name=name, rows=tally.rows, kept=tally.kept)])


@contextmanager
def opened_file(path: Path) -> Iterator[tuple[DuckDBPyConnection, str | None]]:
    """Open a database file read-only, or any other file as the view `data`.

    Yields:
        The connection, and the query for the whole file; None of a database.

    Raises:
        InputError: `input.not-found`; `data.unreadable`.
        WorldError: `cli.extra-missing`.
    """
    duckdb = load("duckdb", extra="duckdb")
    if not path.is_file():
        raise InputError(f"{path.name} is no file", code="input.not-found", where=str(path))
    is_database = path.suffix.lower() in _DATABASES
    try:
        connection = duckdb.connect(str(path) if is_database else ":memory:", read_only=is_database)
        if not is_database:
            name = str(path).replace("'", "''")
            connection.execute(f"CREATE VIEW data AS FROM '{name}'")
    except duckdb.Error as error:
        raise _failed(path.name, error) from error
    with connection:
        yield connection, None if is_database else "FROM data"


class _Read:
    """The batches of a query, and the first of our errors on the way (SQL would swallow it)."""

    def __init__(self, reader: pa.RecordBatchReader, name: str) -> None:
        self._reader = reader
        self._name = name
        self.error: ByleaveError | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._reader
        except (pa.ArrowException, OSError) as error:
            raise _failed(self._name, error) from error

    def watched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except ByleaveError as error:
            self.error = error
            raise


def _make_table(
    duckdb: Any,  # noqa: ANN401 (the module)
    connection: DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    read: _Read,
) -> None:
    """Make the table in a transaction of its own, on another connection to the same database."""
    target = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
    cursor = connection.cursor()
    try:
        cursor.begin()
        cursor.register("byleave_rows", pa.RecordBatchReader.from_batches(schema, batches))
        cursor.execute(f"CREATE TABLE {target} AS FROM byleave_rows")
        cursor.commit()
    except duckdb.CatalogException as error:
        raise ConflictError(
            "a table of that name stands already, or its schema does not",
            code="workspace.exists",
            where=table,
        ) from error
    except duckdb.Error as error:
        if read.error is not None:
            raise read.error from None
        raise WorldError(
            "the database did not take the rows; nothing was written",
            code="world.storage",
            where=table,
            hint=_first_line(error),
        ) from error
    finally:
        cursor.close()  # rolls back what was not committed


def _failed(name: str, error: Exception) -> InputError:
    return InputError(
        f"the rows of {name} cannot be read", code="data.unreadable", hint=_first_line(error)
    )


_ABOUT_SQL: Final = frozenset({"BinderException", "CatalogException", "ParserException"})


def _first_line(error: Exception) -> str:
    """Return what DuckDB says of a statement; what it says of values could name a person."""
    kind = type(error).__name__
    return str(error).partition("\n")[0] if kind in _ABOUT_SQL else kind
