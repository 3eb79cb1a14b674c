"""Data files that a person named, as rows that can be read again: Parquet and CSV."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from byleave.engines.arrow import BATCH_ROWS
from byleave.errors import InputError
from byleave.gate.contract import Contract

__all__ = ["CSV_ENDINGS", "existing_file", "open_rows", "text_of", "unreadable"]

CSV_ENDINGS: Final = (".csv", ".tsv", ".txt")
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _ParquetRows:
    """`RowSource` over one Parquet file."""

    path: Path
    schema: pa.Schema
    rows: int | None
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self.path, "not a whole Parquet file") from error


@dataclass(frozen=True, slots=True)
class _CsvRows:
    """`RowSource` over one CSV file; ids stay the text that was written (`007`)."""

    path: Path
    schema: pa.Schema
    rows: int | None
    sha256: str
    texts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            with _open_csv(self.path, self.texts, columns) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as error:
            raise unreadable(
                self.path, "not a CSV file with the same columns in each line"
            ) from error


def open_rows(path: str | Path, contract: Contract) -> _ParquetRows | _CsvRows:
    """Open a data file; in CSV, columns that the contract takes for ids stay text.

    Raises:
        InputError: `input.not-found`; `data.unreadable`.
    """
    file = existing_file(path)
    digest = _sha256(file)
    if file.suffix.lower() not in CSV_ENDINGS:
        try:
            with pq.ParquetFile(file) as parquet:
                return _ParquetRows(file, parquet.schema_arrow, parquet.metadata.num_rows, digest)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(file, "not a whole Parquet file") from error
    texts = (contract.author, *contract.recipients, *contract.record_id)
    try:
        with _open_csv(file, texts, None) as reader:
            return _CsvRows(file, reader.schema, None, digest, texts)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, "not a CSV file") from error


def _open_csv(
    path: Path, texts: Sequence[str], columns: Sequence[str] | None
) -> pacsv.CSVStreamingReader:
    return pacsv.open_csv(
        path,
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(texts, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            include_columns=None if columns is None else list(columns),
        ),
    )


def existing_file(path: str | Path) -> Path:
    """Return the path of a file that is there.

    Raises:
        InputError: `input.not-found`.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(
            f"{file.name} is no file" if file.exists() else f"{file.name} does not exist",
            code="input.not-found",
            where=str(file),
        )
    return file


def text_of(path: str | Path) -> str:
    """Return the text of a UTF-8 file.

    Raises:
        InputError: `input.not-found`; `input.malformed`.
    """
    file = existing_file(path)
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", code="input.malformed", where=file.name) from None


def _sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def unreadable(path: Path, wanted: str) -> InputError:
    """Return the error that says what `path` should have been."""
    return InputError(f"{path.name} is {wanted}", code="data.unreadable", where=str(path))
