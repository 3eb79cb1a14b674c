"""Read a Parquet file that a person named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import InputError

__all__ = ["read_parquet"]


def read_parquet(path: str | Path) -> pa.Table:
    """Return the table of a Parquet file.

    Raises:
        InputError: `input.not-found`; `data.damaged`, not Parquet, truncated or corrupt.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("no such file", code="input.not-found", where=str(file))
    try:
        return pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "the file is not readable Parquet: truncated, corrupt, or another format",
            code="data.damaged",
            where=str(file),
        ) from error
