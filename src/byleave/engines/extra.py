"""Optional packages, imported when they are first needed; and Arrow's newer layouts, made plain."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from byleave.errors import WorldError

__all__ = ["load", "plain_batch", "plain_type"]


def load(module: str, *, extra: str) -> Any:  # noqa: ANN401 (a module)
    """Import an optional package.

    Args:
        module: Its module.
        extra: The extra of Byleave that installs it.

    Raises:
        WorldError: `cli.extra-missing`, naming the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = (error.name or module).partition(".")[0]
        raise WorldError(
            f"this needs the package {missing}, which is not installed",
            code="cli.extra-missing",
            hint=f"pip install 'byleave[{extra}]'",
        ) from error


def plain_batch(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """Return the columns named, views of text and lists turned into texts and lists.

    DuckDB and Polars may hand over string views; a contract asks for texts. Other columns are
    left out; without a view among them nothing is copied.
    """
    arrays = [batch.column(name) for name in columns]
    plain = [
        array if (kind := plain_type(array.type)) == array.type else array.cast(kind)
        for array in arrays
    ]
    return pa.RecordBatch.from_arrays(plain, names=list(columns))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a contract reads in place of `kind`: itself, save for views."""
    if pat.is_string_view(kind):
        return pa.large_string()
    if pat.is_binary_view(kind):
        return pa.large_binary()
    if pat.is_list_view(kind) or pat.is_large_list_view(kind):
        return pa.large_list(plain_type(kind.value_type))
    if pat.is_list(kind):
        return pa.list_(_plain_field(kind.value_field))
    if pat.is_large_list(kind):
        return pa.large_list(_plain_field(kind.value_field))
    if pat.is_struct(kind):
        return pa.struct([_plain_field(kind.field(i)) for i in range(kind.num_fields)])
    return kind


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(plain_type(field.type))
