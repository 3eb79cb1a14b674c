"""Record digests of a table (docs/spec/record-digest.md), taken once at ingest.

A value's bytes depend on its Arrow type alone: text as UTF-8, integers as 8 bytes two's
complement big-endian, instants as microseconds since the epoch the same way, booleans as one
byte, floats as IEEE 754 binary64 big-endian, lists as count:u32 then (present:u8 len:u32 value)
for each item.

All records of a table are written out at once, column beside column, and padded as SHA-256 wants
them; records of one length are hashed together, by a compiled kernel where one is injected. The
bytes are those of `canonical.record_digest`, which stays the reference (a property test holds the
two together).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import RECORD_DIGEST_VERSION, TAG_RECORD
from byleave.errors import InputError
from byleave.gate.nested import column_at
from byleave.snapshot.hashing import HashRows, Longs, by_hashlib

__all__ = ["record_digests"]

_BYTES: Final = pa.large_binary()
_NOTHING: Final = pa.scalar(b"", _BYTES)
_BLOCK: Final = 64


def record_digests(
    table: pa.Table, columns: Sequence[str] | None = None, *, hash_rows: HashRows = by_hashlib
) -> pa.Array:
    """Return one digest per row, binary(32), in row order.

    Args:
        table: The rows.
        columns: Which columns the digest covers; default: all.
        hash_rows: The kernel.

    Raises:
        InputError: `contract.column-type`, a column's type has no canonical bytes;
            `contract.column-value`, an instant that is no whole microsecond.

    Cost: one SHA-256 a row and some three copies of its bytes; no Python a row but `hashlib`'s
    where no kernel is given.
    """
    names = sorted(table.column_names if columns is None else columns)
    if not names:
        raise InputError("a record needs at least one column", code="contract.column-type")
    head = bytes([TAG_RECORD, RECORD_DIGEST_VERSION]) + len(names).to_bytes(2, "big")
    parts: list[pa.Array | pa.Scalar] = []
    for name in names:
        raw = name.encode()
        head += len(raw).to_bytes(2, "big") + raw
        values = _values(column_at(table, name), name)
        parts += [pa.scalar(head, _BYTES), _lengths(values), values]
        head = b""
    return _hashed(_joined(*parts), table.num_rows, hash_rows)


def _hashed(messages: pa.Array, count: int, hash_rows: HashRows) -> pa.Array:
    """Return the SHA-256 of each message, as binary(32)."""
    digests = np.empty((count, 32), np.uint8)
    if count:
        lengths = np.diff(_offsets(messages))
        order = np.argsort(lengths, kind="stable")
        sizes, first = np.unique(lengths[order], return_index=True)
        padding = pa.array([_padding(size) for size in sizes.tolist()], _BYTES)
        counts = np.diff(first, append=count)
        padded = _joined(
            messages.take(pa.array(order)),
            padding.take(pa.array(np.repeat(np.arange(len(sizes)), counts))),
        )
        data = np.frombuffer(padded.buffers()[2], np.uint8)
        at = int(_offsets(padded)[0])
        for size, start, rows in zip(sizes.tolist(), first.tolist(), counts.tolist(), strict=True):
            width = -(-(size + 9) // _BLOCK) * _BLOCK
            some = data[at : at + rows * width].reshape(rows, width)
            digests[order[start : start + rows]] = hash_rows(some, size)
            at += rows * width
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), count, [None, pa.py_buffer(digests)])


def _padding(length: int) -> bytes:
    """Return what SHA-256 puts behind a message of so many bytes (FIPS 180-4 §5.1.1)."""
    zeros = -(length + 9) % _BLOCK
    return b"\x80" + bytes(zeros) + (8 * length).to_bytes(8, "big")


def _values(array: pa.Array, name: str) -> pa.Array:
    """Return each value's bytes, null where it is null."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _values(array.dictionary_decode(), name)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array.cast(_BYTES)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return array.cast(_BYTES)
    if pa.types.is_timestamp(kind):
        return _fixed(_microseconds(array, name), ">i8")
    if pa.types.is_date(kind):
        return _fixed(array.cast(pa.timestamp("us")).cast(pa.int64()), ">i8")
    if pa.types.is_boolean(kind):
        return _fixed(array.cast(pa.int8()), ">i1")
    if pa.types.is_unsigned_integer(kind):
        return _fixed(array.cast(pa.uint64()), ">u8")
    if pa.types.is_integer(kind):
        return _fixed(array.cast(pa.int64()), ">i8")
    if pa.types.is_floating(kind):
        return _fixed(array.cast(pa.float64()), ">f8")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array, name)
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _BYTES)
    raise InputError(
        f"column {name!r} has type {kind}, which has no canonical bytes",
        code="contract.column-type",
        hint="leave it out by naming the digested columns in the contract",
    )


def _microseconds(array: pa.Array, name: str) -> pa.Array:
    """Return instants as whole microseconds; finer ones are refused rather than cut."""
    try:
        return array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise InputError(
            f"column {name!r} holds instants finer than a microsecond, or beyond its range",
            code="contract.column-value",
            hint="round them before: what is digested is what is checked",
        ) from error


def _fixed(array: pa.Array, layout: str) -> pa.Array:
    """Return numbers as big-endian bytes, null where null."""
    raw = pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype(np.dtype(layout))
    width = raw.itemsize
    cells = _cut(np.arange(len(raw) + 1, dtype=np.int64) * width, pa.py_buffer(raw))
    return _nulls_of(array, cells)


def _lists(array: pa.Array, name: str) -> pa.Array:
    """Return lists as their count and their items, each behind what says how long it is."""
    items = _values(array.flatten(), name)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    written = _joined(_lengths(items), items)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    bodies = _cut(_offsets(written).take(ends), written.buffers()[2])
    counts = _cut(
        np.arange(len(array) + 1, dtype=np.int64) * 4, pa.py_buffer(lengths.astype(">u4"))
    )
    return _nulls_of(array, _joined(counts, bodies))


def _lengths(values: pa.Array) -> pa.Array:
    """Return present:u8 len:u32 of each value: zeros where it is null."""
    raw = np.zeros(len(values), np.dtype([("present", "u1"), ("length", ">u4")]))
    raw["present"] = values.is_valid().to_numpy(zero_copy_only=False)
    raw["length"] = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    return _cut(np.arange(len(values) + 1, dtype=np.int64) * raw.itemsize, pa.py_buffer(raw))


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    """Return the parts of each row behind one another; a null adds nothing."""
    joined: Any = pc.binary_join_element_wise(
        *parts, _NOTHING, null_handling="replace", null_replacement=b""
    )
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _cut(ends: Longs, data: pa.Buffer | None) -> pa.Array:
    """Return bytes cut at these places."""
    return pa.LargeBinaryArray.from_buffers(
        _BYTES, len(ends) - 1, [None, pa.py_buffer(np.ascontiguousarray(ends)), data]
    )


def _offsets(array: pa.Array) -> Longs:
    """Return where values begin and end in an array's data; int64[n + 1]."""
    offsets: npt.NDArray[np.int64] = np.frombuffer(array.buffers()[1], np.int64)
    return offsets[array.offset : array.offset + len(array) + 1]


def _nulls_of(array: pa.Array, cells: pa.Array) -> pa.Array:
    return (
        pc.if_else(array.is_valid(), cells, pa.scalar(None, _BYTES)) if array.null_count else cells
    )
