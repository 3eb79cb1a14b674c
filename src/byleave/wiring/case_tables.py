"""The tables of a case on disk, under our names and with our types: whole, or a batch at a time.

CSV: a header, UTF-8, an empty cell is unknown; instants as 2024-09-18T00:00:00Z or a date
(00:00:00 UTC). Parquet: instants with a zone; a folder of Parquet files is one table, in the
order of their names. Columns the case does not know are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from byleave.errors import InputError
from byleave.exposure.casefile import TableRef

__all__ = ["FileTable"]

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "messages": ("record", "author", "recipients", "sent_at", "kind"),
    "choices": ("member", "at", "decision", "expires", "includes_past", "scope"),
    "opt_outs": ("member", "at", "on"),
    "subscriptions": ("member", "start", "end", "price_cents", "currency"),
    "regions": ("member", "region", "start", "end"),
    "records": ("record",),
    "kept": ("record", "delivery"),
}
_INSTANTS: Final = frozenset({"sent_at", "at", "expires", "start", "end"})
_FLAGS: Final = frozenset({"includes_past", "on"})
_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"
_BATCH_ROWS: Final = 1 << 17


class FileTable:
    """One table (see `exposure.tables.Table`).

    Args:
        file: Where it is.
        ref: How the case names it; None: our names, our types.
        name: Which table it is; None: what the file is called.

    Raises:
        InputError: `case.column`, the case names a column that it has no use for; later
            `input.not-found`, `case.table`, `case.column`, `case.type`.
    """

    def __init__(self, file: Path, ref: TableRef | None = None, name: str | None = None) -> None:
        self.file = file
        self._ref = ref or TableRef(file=file.name, where=file.name)
        self._wanted = _COLUMNS[name or file.stem]
        named = (*self._ref.columns, *self._ref.constants)
        unknown = [column for column in named if column not in self._wanted]
        if unknown:
            raise InputError(
                f"{name} has no column {unknown[0][:40]!r} to give a name or a value to",
                code="case.column",
                where=self._ref.where,
                hint="columns: " + ", ".join(self._wanted),
            )

    @cached_property
    def schema(self) -> pa.Schema:
        """Its columns, under our names."""
        return self._named(self._raw.empty_table(), 0, self._wanted).schema

    @cached_property
    def rows(self) -> int:
        """How many rows it has."""
        with self._reading():
            if self._files:
                return sum(pq.read_metadata(file).num_rows for file in self._files)
            return sum(batch.num_rows for batch in self._csv())

    @property
    def parquet(self) -> tuple[str, ...]:
        """The files, where they hold our columns under our names and with our types."""
        ref = self._ref
        named = ref.columns or ref.constants or ref.row_numbers or ref.separator
        if named or not self._files:
            return ()
        typed = all(
            not (pa.types.is_string(found.type) and name in _INSTANTS)
            and not (pa.types.is_timestamp(found.type) and found.type.unit == "ns")
            for name, found in zip(self._raw.names, self._raw, strict=True)
        )
        return tuple(str(file) for file in self._files) if typed else ()

    @cached_property
    def _raw(self) -> pa.Schema:
        with self._reading():
            return pq.read_schema(self._files[0]) if self._files else self._csv_schema

    def load(self) -> pa.Table:
        """Return the whole table."""
        with self._reading():
            raw = (
                pa.concat_tables([pq.read_table(f) for f in self._files])
                if self._files
                else csv.read_csv(self.file, convert_options=self._options)
            )
        return self._named(raw, 0, self._wanted)

    def batches(
        self, columns: list[str], start: int = 0, stop: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows from `start` to before `stop` (None: all), in order."""
        at = 0
        end = self.rows if stop is None else stop
        if start >= end:
            return
        with self._reading():
            raw = self._parquet(columns, start, end) if self._files else enumerate_rows(self._csv())
            for first, batch in raw:
                at = max(start - first, 0)
                part = batch.slice(at, max(end - first - at, 0))
                if part.num_rows:
                    rows = self._named(pa.Table.from_batches([part]), first + at, columns)
                    yield from rows.combine_chunks().to_batches()
                if first + batch.num_rows >= end:
                    return

    # --- files ----------------------------------------------------------------------------------

    @cached_property
    def _files(self) -> list[Path]:
        """The Parquet files; none for CSV."""
        if self.file.is_dir():
            return sorted(self.file.glob("*.parquet"))
        return [self.file] if self.file.suffix == ".parquet" else []

    def _parquet(
        self, columns: list[str], start: int, stop: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield batches of the row groups that hold some of the rows, with their first row."""
        names = {self._ref.columns.get(column, column) for column in columns}
        first = 0
        for path in self._files:
            with pq.ParquetFile(path) as file:
                found = [name for name in file.schema_arrow.names if name in names]
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).num_rows
                    at = first
                    first += size
                    if at + size <= start or at >= stop:
                        continue
                    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=found):
                        yield at, batch
                        at += batch.num_rows

    @cached_property
    def _csv_schema(self) -> pa.Schema:
        with self.file.open("rb") as stream:
            names = csv.open_csv(stream).schema.names
        return pa.schema([(name, pa.string()) for name in names])

    @property
    def _options(self) -> csv.ConvertOptions:
        return csv.ConvertOptions(
            column_types=self._csv_schema, null_values=[""], strings_can_be_null=True
        )

    def _csv(self) -> Iterator[pa.RecordBatch]:
        with self.file.open("rb") as stream:
            yield from csv.open_csv(stream, convert_options=self._options)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise InputError(
                f"there is no file {self._ref.file}", code="input.not-found", where=self._ref.where
            ) from None
        except (pa.ArrowInvalid, pa.ArrowException, UnicodeDecodeError, IsADirectoryError):
            kind = "CSV" if self.file.suffix == ".csv" else "Parquet"
            raise InputError(
                f"{self._ref.file} cannot be read as {kind}",
                code="case.table",
                where=self._ref.where,
                hint="a truncated download? a row with more cells than the header?",
            ) from None

    # --- names and types ------------------------------------------------------------------------

    def _named(self, raw: pa.Table, first: int, wanted: tuple[str, ...] | list[str]) -> pa.Table:
        """Return rows under our names; `first` of the table stand before them."""
        ref = self._ref
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        for ours in wanted:
            theirs = ref.columns.get(ours, ours)
            if ours in ref.constants:
                value = pa.array([ref.constants[ours]])
                columns[ours] = value.take(pa.array(np.zeros(raw.num_rows, dtype=np.int32)))
            elif ref.row_numbers and ours == "record":
                columns[ours] = pa.array(np.arange(first + 1, first + 1 + raw.num_rows))
            elif theirs in raw.column_names:
                columns[ours] = raw[theirs]
            elif ours in ref.columns:
                raise InputError(
                    f"{ref.file} has no column {theirs[:40]!r}",
                    code="case.column",
                    where=ref.where,
                    hint="columns found: " + ", ".join(raw.column_names),
                )
        if not columns:
            return raw.select([])
        return pa.table({ours: self._typed(column, ours) for ours, column in columns.items()})

    def _typed(self, column: pa.Array | pa.ChunkedArray, name: str) -> pa.Array:
        """Read text as what the column holds; what is typed already stays as it is."""
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if not text:
            return column
        try:
            if name in _INSTANTS:
                dated = pc.match_substring_regex(column, _DATE)
                midnight = pc.binary_join_element_wise(column.cast(pa.string()), "T00:00:00Z", "")
                whole = pc.if_else(dated, midnight, column.cast(pa.string()))
                return whole.cast(pa.timestamp("us", tz="UTC"))
            if name in _FLAGS:
                return column.cast(pa.bool_())
            if name == "price_cents":
                return column.cast(pa.int64())
        except pa.ArrowInvalid:
            raise InputError(
                f"column {name!r} of {self._ref.file} holds a value it should not",
                code="case.type",
                where=self._ref.where,
                hint="instants as 2024-09-18T00:00:00Z, switches as true or false, prices in cents",
            ) from None
        if name == "recipients" and self._ref.separator is not None:
            return pc.split_pattern(column, self._ref.separator)
        return column


def enumerate_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each batch with how many rows stand before it."""
    first = 0
    for batch in batches:
        yield first, batch
        first += batch.num_rows
