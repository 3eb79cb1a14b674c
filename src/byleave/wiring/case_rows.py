"""Write what a case found, row by row, as it streams: the same for every engine.

Both files name members: they are readable by their owner alone, and appear whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from byleave.engines.case_stages import Streamed
from byleave.errors import InputError
from byleave.exposure.behind import BEHIND
from byleave.exposure.finding import Finding
from byleave.service.case import CaseReport
from byleave.service.case_files import guarded, timed

_PAIRS: Final = pa.schema(
    [
        ("member", pa.large_string()),
        ("record", pa.large_string()),
        ("role", pa.large_string()),
        ("reason", pa.large_string()),
        ("first_used_at", pa.timestamp("us", tz="UTC")),
        ("delivery", pa.large_string()),
    ]
)

__all__ = ["private_file", "stream_members_csv", "stream_pairs"]


def stream_members_csv(report: CaseReport, path: Path) -> None:
    """Write every affected member with each reason as CSV that no spreadsheet runs.

    Columns: cohort, member, reason, messages, first_used_at, deliveries, records.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """

    def write(stream: BinaryIO) -> None:
        writer = None
        options = csv.WriteOptions(quoting_style="all_valid")
        for table in _rows(report, BEHIND):
            shown = guarded(timed(table))
            writer = writer or csv.CSVWriter(stream, shown.schema, write_options=options)
            writer.write_table(shown)
        if writer is not None:
            writer.close()

    private_file(path, write)


def stream_pairs(report: CaseReport, path: Path) -> None:
    """Write every affected pair of member and message as Parquet.

    Columns: cohort, member, record, role, reason, first_used_at, delivery; in no order.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """

    def write(stream: BinaryIO) -> None:
        writer = None
        for table in _rows(report, _PAIRS):
            writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()

    private_file(path, write)


def _rows(report: CaseReport, wanted: pa.Schema) -> Iterator[pa.Table]:
    """Yield rows with their cohort; first none, so that a file has its header."""
    schema = pa.schema([("cohort", pa.large_string()), *wanted])
    yield schema.empty_table()
    for cohort in report.cohorts:
        found = cohort.affected
        name = pa.array([found.cohort.name], pa.large_string())
        for batch in _behind(found) if wanted is BEHIND else found.pair_batches():
            first = name.take(pa.array(np.zeros(batch.num_rows, dtype=np.int32)))
            columns = [first, *(batch[f.name].cast(f.type) for f in wanted)]
            yield pa.Table.from_arrays(columns, schema=schema)


def _behind(found: Finding) -> Iterator[pa.RecordBatch]:
    if not isinstance(found, Streamed):
        raise TypeError(type(found))  # in memory: `service.case_files`
    return found.behind_batches()


def private_file(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that its owner alone reads, whole or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    draft = file.with_name(file.name + ".part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except FileNotFoundError:
        raise InputError(
            "there is no such folder", code="input.not-found", where=str(file.parent)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
