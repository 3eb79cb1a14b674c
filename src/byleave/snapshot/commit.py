"""From openings to a map's entries, column by column: what `bucket_map` does member by member.

    openings of some members  →  record leaves  →  R of each  →  C of each  →  (fp, C) of each

Everything is a whole-column step or one call of the injected kernel; no Python runs per row. The
bytes are those of docs/spec/bucket-map.md, and of `bucket_map.build`, which stays the reference
(a property test holds the two together).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.errors import ConflictError, InputError
from byleave.evidence.bucket import (
    LABEL_BYTES,
    TAG_COMMITMENT,
    TAG_GROUND,
    TAG_INNER,
    TAG_LABEL,
    bucket_leaf,
    inner_hash,
)
from byleave.snapshot.hashing import HashRows, Longs, Rows, hash_messages, put_rows, segment_roots

__all__ = [
    "EMPTY_BUCKET",
    "ENTRY_BYTES",
    "Enrolled",
    "OpeningColumns",
    "binary",
    "bucket_hashes",
    "entries",
    "entry_keys",
    "fixed",
    "plain",
    "record_leaves",
    "sort_entries",
]

ENTRY_BYTES: Final = 48
"""fp 16 ‖ C 32: what a map keeps of one member."""
EMPTY_BUCKET: Final = bucket_leaf((), inner_hash(()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Enrolled:
    """What the map needs of members, as columns over a range of ordinals.

    Attributes:
        secrets: r, uint8[n, 32].
        indexes: Log index of each enrolment; int64[n].
        leaves: Leaf hash of it, uint8[n, 32].
        erased: Whose secret is gone; bool[n].
    """

    secrets: Rows
    indexes: Longs
    leaves: Rows
    erased: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpeningColumns:
    """Openings as arrays of one length (`openings.OPENINGS_SCHEMA`).

    Attributes:
        ordinal: int64[n].
        role: uint8[n].
        ground: uint8[n].
        ground_index: int64[n].
        ground_leaf: uint8[n, 32].
        salt: uint8[n, 16].
        ground_salt: uint8[n, 16].
        digest: uint8[n, 32].
    """

    ordinal: Longs
    role: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    ground_index: Longs
    ground_leaf: Rows
    salt: Rows
    ground_salt: Rows
    digest: Rows

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch) -> OpeningColumns:
        """Return the columns of an openings table without a copy where it has one chunk."""
        return cls(
            ordinal=plain(table["ordinal"]),
            role=plain(table["role"]),
            ground=plain(table["ground"]),
            ground_index=plain(table["ground_index"]),
            ground_leaf=fixed(table["ground_leaf"]),
            salt=fixed(table["salt"]),
            ground_salt=fixed(table["ground_salt"]),
            digest=fixed(table["digest"]),
        )


def one_chunk(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; copied only where it has several chunks."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def plain(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return a column of numbers without nulls as an array."""
    numbers: npt.NDArray[Any] = one_chunk(column).to_numpy(zero_copy_only=False)
    return numbers


def fixed(column: pa.Array | pa.ChunkedArray) -> Rows:
    """Return a column of fixed-size binary without nulls as uint8[n, width]."""
    array = one_chunk(column)
    width = array.type.byte_width
    data = array.buffers()[1]
    if data is None:
        return np.empty((0, width), np.uint8)
    start = array.offset * width
    raw = np.frombuffer(data, np.uint8)[start : start + len(array) * width]
    return raw.reshape(len(array), width)


def binary(rows: Rows) -> pa.Array:
    """Return uint8[n, width] as a column of fixed-size binary."""
    kind = pa.binary(rows.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(rows), [None, data])


def big_endian(numbers: Longs, width: int) -> Rows:
    """Return numbers as uint8[n, width], big-endian."""
    raw = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
    return raw[:, 8 - width :]


def record_leaves(columns: OpeningColumns, hash_rows: HashRows) -> Rows:
    """Return the record leaf of each opening, uint8[n, 32]. Cost: two hashes, four blocks."""
    commitments = hash_messages(
        hash_rows,
        TAG_GROUND,
        columns.ground_salt,
        big_endian(columns.ground_index, 8),
        columns.ground_leaf,
    )
    return hash_messages(
        hash_rows,
        0x00,
        columns.salt,
        columns.digest,
        columns.role[:, None],
        columns.ground[:, None],
        commitments,
    )


def entries(
    columns: OpeningColumns, members: Enrolled, *, first: int, epoch: bytes, hash_rows: HashRows
) -> tuple[Rows, Longs]:
    """Return the entry of each member who occurs, and which: uint8[m, 48], ordinals int64[m].

    Args:
        columns: All openings of these members, in any order.
        members: Secrets and enrolments of the ordinals from `first` on.
        first: Lowest ordinal in `members`.
        epoch: Lineage epoch E, 16 bytes.
        hash_rows: The kernel.

    Raises:
        ConflictError: `snapshot.erased-member`.
    """
    leaves = record_leaves(columns, hash_rows)
    order = _by_member(columns.ordinal - first, leaves)
    leaves, ordinal = leaves.take(order, axis=0), columns.ordinal.take(order)
    fresh = np.empty(len(ordinal), np.bool_)
    fresh[:1] = True
    np.not_equal(ordinal[1:], ordinal[:-1], out=fresh[1:])
    starts = np.flatnonzero(fresh)
    counts = np.diff(starts, append=len(ordinal))
    held = ordinal[starts]
    which = held - first
    if members.erased[which].any():
        raise ConflictError(
            "a member of this snapshot has been erased; unlearn first",
            code="snapshot.erased-member",
        )
    roots = segment_roots(leaves, counts, hash_rows)
    labels = hash_messages(
        hash_rows, TAG_LABEL, members.secrets.take(which, axis=0), np.frombuffer(epoch, np.uint8)
    )
    commitments = hash_messages(
        hash_rows,
        TAG_COMMITMENT,
        labels[:, LABEL_BYTES:],
        big_endian(counts, 4),
        big_endian(members.indexes[which], 8),
        members.leaves.take(which, axis=0),
        roots,
    )
    return np.concatenate([labels[:, :LABEL_BYTES], commitments], axis=1), held


def sort_entries(found: Rows) -> Rows:
    """Return entries in ascending order of fp.

    Raises:
        InputError: `map.label-twice`.
    """
    keys = entry_keys(found)
    order = np.argsort(keys)
    found, keys = found.take(order, axis=0), keys.take(order)
    if (keys[1:] == keys[:-1]).any():  # 64 equal bits: rare enough for the slow way
        low = np.ascontiguousarray(found[:, 8:16]).view(">u8").ravel()
        order = np.lexsort((low, keys))
        found, keys, low = found[order], keys[order], low[order]
        if ((keys[1:] == keys[:-1]) & (low[1:] == low[:-1])).any():
            raise InputError("two members have one label", code="map.label-twice")
    return found


def entry_keys(found: Rows) -> npt.NDArray[np.uint64]:
    """Return the first 64 bits of each fp; their order is that of the labels, ties apart."""
    keys: npt.NDArray[np.uint64] = (
        np.ascontiguousarray(found[:, :8]).view(">u8").ravel().astype(np.uint64)
    )
    return keys


def bucket_hashes(found: Rows, loads: Longs, hash_rows: HashRows) -> Rows:
    """Return the leaf hash of each bucket, uint8[buckets, 32].

    Buckets of one load have one length, so they are hashed together. Cost: two hashes a bucket.

    Args:
        found: Sorted entries of these buckets, all of them.
        loads: Members of each bucket, at most 255; int64.
        hash_rows: The kernel.
    """
    leaves = np.empty((len(loads), 32), np.uint8)
    starts = np.cumsum(loads) - loads
    for load in np.flatnonzero(np.bincount(loads)).tolist():
        which = np.flatnonzero(loads == load)
        if not load:
            leaves[which] = np.frombuffer(EMPTY_BUCKET, np.uint8)
            continue
        take = (starts[which, None] + np.arange(load)).ravel()
        some = found.take(take, axis=0).reshape(len(which), load, ENTRY_BYTES)
        inner = hash_messages(
            hash_rows, TAG_INNER, some[:, :, LABEL_BYTES:].reshape(len(which), 32 * load)
        )
        labels = some[:, :, :LABEL_BYTES].reshape(len(which), LABEL_BYTES * load)
        head = np.full(1, load, np.uint8)
        put_rows(leaves, which, hash_messages(hash_rows, 0x00, head, labels, inner))
    return leaves


def _by_member(place: Longs, leaves: Rows) -> Longs:
    """Return the order by (member, leaf hash)."""
    head = np.ascontiguousarray(leaves[:, :8]).view(">u8").ravel().astype(np.uint64)
    bits = max(int(place.max(initial=0)).bit_length(), 1)
    keys = (place.astype(np.uint64) << np.uint64(64 - bits)) | (head >> np.uint64(bits))
    order = np.argsort(keys)
    ordered = keys[order]
    if (ordered[1:] == ordered[:-1]).any():  # the cut heads of two leaves of one member agree
        words = [
            np.ascontiguousarray(leaves[:, at : at + 8]).view(">u8").ravel()
            for at in (24, 16, 8, 0)
        ]
        order = np.lexsort((*words, place))
    return order
