"""Parquet files that a person named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import InputError

__all__ = ["parquet_files", "read_parquet"]


def parquet_files(named: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the files that were named; a folder stands for its `*.parquet`, by name.

    Raises:
        InputError: `input.not-found`, no such file, or a folder without any.
    """
    paths = [Path(named)] if isinstance(named, str | Path) else [Path(path) for path in named]
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise InputError(
                "the folder holds no *.parquet", code="input.not-found", where=str(path)
            )
        files += found
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise InputError("no such file", code="input.not-found", where=str(missing))
    return files


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
