"""Write what a case found, row by row, as it streams: the same for every engine.

The files name members: they are readable by their owner alone, and appear whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import InputError
from byleave.service.case import CaseReport
from byleave.service.case_files import write_lists

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

__all__ = ["private_file", "save_lists", "stream_pairs"]

Progress = Callable[[str, int, int], None]


def save_lists(
    report: CaseReport, files: Mapping[str, Path], *, progress: Progress | None = None
) -> None:
    """Write lists of a report (`service.case_files`), in one pass, all of them or none.

    Args:
        report: The answer; its rows can still be read.
        files: Name of a list → the file; what stands there is replaced.
        progress: Told how many pairs are written.

    Raises:
        InputError: `input.not-found`, a folder does not exist.
    """
    if not files:
        return
    beside = next(iter(files.values())).parent

    def scratch() -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile(dir=beside))

    with ExitStack() as stack:
        streams = {name: stack.enter_context(_drafted(file)) for name, file in files.items()}
        write_lists(report, streams, scratch=scratch, progress=progress)


def stream_pairs(report: CaseReport, path: Path) -> None:
    """Write every affected pair of member and message as Parquet.

    Columns: cohort, member, record, role, reason, first_used_at, delivery; in no order.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """

    def write(stream: BinaryIO) -> None:
        writer = None
        for table in _rows(report):
            writer = writer or pq.ParquetWriter(stream, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()

    private_file(path, write)


def _rows(report: CaseReport) -> Iterator[pa.Table]:
    """Yield rows with their cohort; first none, so that a file has its header."""
    schema = pa.schema([("cohort", pa.large_string()), *_PAIRS])
    yield schema.empty_table()
    for cohort in report.cohorts:
        found = cohort.affected
        name = pa.array([found.cohort.name], pa.large_string())
        for batch in found.pair_batches():
            first = name.take(pa.array(np.zeros(batch.num_rows, dtype=np.int32)))
            columns = [first, *(batch[f.name].cast(f.type) for f in _PAIRS)]
            yield pa.Table.from_arrays(columns, schema=schema)


def private_file(file: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that its owner alone reads, whole or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    with _drafted(file) as stream:
        write(stream)


@contextmanager
def _drafted(file: Path) -> Iterator[BinaryIO]:
    """Open a draft of a private file; it takes the file's place when nothing failed."""
    draft = file.with_name(file.name + ".part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except FileNotFoundError:
        raise InputError(
            "there is no such folder", code="input.not-found", where=str(file.parent)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
