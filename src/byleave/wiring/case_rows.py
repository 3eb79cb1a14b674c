"""Write what a case found, row by row, as it streams: the same for every engine.

Both files name members: they are readable by their owner alone, and appear whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from byleave.errors import InputError
from byleave.service.case import CaseReport
from byleave.service.case_files import guarded, timed

__all__ = ["private_file", "stream_members_csv", "stream_pairs"]


def stream_members_csv(report: CaseReport, path: Path) -> None:
    """Write every affected member with each reason as CSV that no spreadsheet runs.

    Columns: cohort, member, reason, messages, first_used_at.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """

    def write(stream: BinaryIO) -> None:
        writer = None
        options = csv.WriteOptions(quoting_style="all_valid")
        for table in _rows(report, "members"):
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
        for table in _rows(report, "pairs"):
            writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()

    private_file(path, write)


def _rows(report: CaseReport, what: str) -> Iterator[pa.Table]:
    """Yield rows with their cohort; first none, so that a file has its header."""
    texts = ("member", "record", "role", "reason", "delivery")
    names = {
        "members": ("member", "reason", "messages", "first_used_at"),
        "pairs": ("member", "record", "role", "reason", "first_used_at", "delivery"),
    }[what]
    kinds = {"messages": pa.int64(), "first_used_at": pa.timestamp("us", tz="UTC")}
    kinds |= dict.fromkeys(texts, pa.large_string())
    schema = pa.schema([("cohort", pa.large_string()), *((n, kinds[n]) for n in names)])
    yield schema.empty_table()
    for cohort in report.cohorts:
        found = cohort.affected
        name = pa.array([found.cohort.name], pa.large_string())
        for batch in found.member_batches() if what == "members" else found.pair_batches():
            first = name.take(pa.array([0] * batch.num_rows, pa.int32()))
            columns = [first, *(batch[n].cast(kinds[n]) for n in names)]
            yield pa.Table.from_arrays(columns, schema=schema)


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
