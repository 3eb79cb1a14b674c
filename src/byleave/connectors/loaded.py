"""What a connector hands over, and how a Parquet file of a data set is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import InputError

__all__ = ["LoadedSet", "read_parquet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSet:
    """A data set, and where it came from.

    Attributes:
        table: Its rows.
        origin: `real`, or `generated` where nobody wrote these messages.
        how: Taken from a folder, downloaded from its origin, or generated.
        notes: What a person should be told; empty for the plain case.
    """

    table: pa.Table
    origin: Literal["real", "generated"]
    how: Literal["folder", "download", "generated"]
    notes: tuple[str, ...] = ()


def read_parquet(path: Path, types: Mapping[str, str]) -> pa.Table:
    """Read the named columns of one Parquet file.

    Args:
        path: The file.
        types: Column name → kind: `text`, `integer`, `instant` or `boolean`.

    Raises:
        InputError: `data.not-found`, no such file; `data.damaged`, it is not Parquet or is cut
            off; `data.columns`, a column is missing or of another kind.
    """
    where = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise InputError(
            f"no file {where}",
            code="data.not-found",
            where=str(path),
            hint="name the folder that holds the data sets' folders",
        )
    try:
        with pq.ParquetFile(path) as file:
            found = file.schema_arrow
            for name, kind in types.items():
                at = found.get_field_index(name)
                if at < 0 or not _is(kind, found.field(at).type):
                    raise InputError(
                        f"{where}: wanted a column {name} of kind {kind}",
                        code="data.columns",
                        where=where,
                    )
            table: pa.Table = file.read(columns=list(types))
    except (pa.ArrowException, OSError) as error:
        # Arrow's own message may quote bytes of the file.
        raise InputError(
            f"{where} is damaged, cut off, or no Parquet file",
            code="data.damaged",
            where=where,
            hint="copy the file again",
        ) from error
    return table.select(list(types))


def _is(kind: str, arrow: pa.DataType) -> bool:
    if pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    checks: dict[str, bool] = {
        "text": pa.types.is_string(arrow) or pa.types.is_large_string(arrow),
        "integer": pa.types.is_integer(arrow),
        "instant": pa.types.is_timestamp(arrow) and arrow.tz is not None,
        "boolean": pa.types.is_boolean(arrow),
    }
    return checks[kind]
