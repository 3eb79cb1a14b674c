"""Columns inside columns: `sender.id` is a field of a struct, `to[].id` a field of each item.

A path names a top-level column exactly, or walks down from one: `.` enters a struct, `[]` the
items of a list. A column whose own name holds a dot wins over the walk. What is null on the way
down is null at the end: a message without `sender` has no `sender.id`. An item that is null stays
an item (a recipient nobody recorded), never a shorter list.

Cost: no copy for top-level columns; one mask and offsets per level below.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

__all__ = ["column_at", "paths_of", "root_of", "type_at"]

_ITEMS: Final = "[]"


def root_of(path: str, schema: pa.Schema) -> str:
    """Return the top-level column to read for `path`: itself, or what it starts from."""
    return path if path in schema.names else _steps(path)[0]


def type_at(path: str, schema: pa.Schema) -> pa.DataType | None:
    """Return the type of what `path` names, or None where it names nothing, or two things."""
    if schema.names.count(path) == 1:
        return schema.field(path).type
    root, *steps = _steps(path)
    if path in schema.names or not steps or schema.names.count(root) != 1:
        return None
    return _walk(schema.field(root).type, steps)


def column_at(batch: pa.RecordBatch | pa.Table, path: str) -> pa.Array:
    """Return what `path` names, one value a row.

    Args:
        batch: Rows; a table's chunks are put together first.
        path: A path that `type_at` knows in the schema of `batch`.

    Raises:
        KeyError: There is no such column.
    """
    if path in batch.schema.names:
        return _whole(batch.column(path))
    root, *steps = _steps(path)
    if not steps:
        raise KeyError(path)
    return _descend(_whole(batch.column(root)), steps)


def paths_of(schema: pa.Schema) -> Iterable[str]:
    """Yield every path that names something in `schema`, for messages."""
    for field in schema:
        yield from _below(field.name, field.type)


def _below(path: str, kind: pa.DataType) -> Iterable[str]:
    if _is_list(kind) and pat.is_struct(kind.value_type):
        path, kind = path + _ITEMS, kind.value_type
    if not pat.is_struct(kind):
        yield path
        return
    for at in range(kind.num_fields):
        child = kind.field(at)
        yield from _below(f"{path}.{child.name}", child.type)


def _steps(path: str) -> list[str]:
    """Split `to[].person.id` into `to`, `[]`, `person`, `id`."""
    return path.replace(_ITEMS, f".{_ITEMS}").split(".")


def _walk(kind: pa.DataType, steps: list[str]) -> pa.DataType | None:
    if not steps:
        return kind
    if steps[0] == _ITEMS:
        if not _is_list(kind):
            return None
        inner = _walk(kind.value_type, steps[1:])
        return None if inner is None or _is_list(inner) else pa.list_(inner)
    if not pat.is_struct(kind) or kind.get_field_index(steps[0]) < 0:  # < 0: none, or several
        return None
    return _walk(kind.field(steps[0]).type, steps[1:])


def _descend(array: pa.Array, steps: list[str]) -> pa.Array:
    if not steps:
        return array
    if steps[0] != _ITEMS:
        return _descend(pc.struct_field(array, steps[0]), steps[1:])
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    items = _descend(pc.list_flatten(array), steps[1:])
    mask = array.is_null() if array.null_count else None
    return pa.LargeListArray.from_arrays(pa.array(offsets), items, mask=mask)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pat.is_list(kind) or pat.is_large_list(kind))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
