"""Hash many messages of one length: what every commitment of a map comes down to.

All inputs of the map have a fixed length: label 49 bytes, ground commitment 57, record leaf 83,
member commitment 93, tree node 65; a bucket's are fixed once its load is. So one function is
enough of a port: padded messages in, digests out. `by_hashlib` is the reference; a compiled kernel
(`byleave.engines.sha256_lanes`) is injected where there is one, and gives the same bytes
(docs/decisions/0022-hashing-kernel.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "DIGEST_BYTES",
    "HashRows",
    "Rows",
    "by_hashlib",
    "hash_messages",
    "next_level",
    "padded",
    "put_rows",
    "segment_roots",
    "tree_levels",
]

Rows = npt.NDArray[np.uint8]
"""uint8[n, length]: n messages, or n digests, side by side."""

Longs = npt.NDArray[np.int64]
HashRows = Callable[[Rows, int], Rows]
"""Takes padded messages, uint8[n, 64 * blocks], and the bytes of each before its padding; returns
the SHA-256 of each, uint8[n, 32]. The padding is that of FIPS 180-4 §5.1.1: a kernel needs no tail.
"""

DIGEST_BYTES: Final = 32
_BLOCK: Final = 64
_CHUNK: Final = 1 << 12


def by_hashlib(rows: Rows, length: int) -> Rows:
    """Return the SHA-256 of each message, by the standard library, one call a message.

    The reference for every kernel; it hashes the bytes before the padding. Cost: about 0.5 µs a
    message and core.
    """
    count, width = rows.shape
    data = np.ascontiguousarray(rows).tobytes()
    digests = b"".join(
        [hashlib.sha256(data[at : at + length]).digest() for at in range(0, count * width, width)]
    )
    return np.frombuffer(digests, np.uint8).reshape(count, DIGEST_BYTES)


def padded(count: int, length: int) -> Rows:
    """Return room for messages of one length with their padding in place, uint8[n, 64 * blocks]."""
    rows = np.zeros((count, -(-(length + 9) // _BLOCK) * _BLOCK), np.uint8)
    rows[:, length] = 0x80
    rows[:, -8:] = np.frombuffer((8 * length).to_bytes(8, "big"), np.uint8)
    return rows


def hash_messages(hash_rows: HashRows, tag: int, *fields: Rows) -> Rows:
    """Return the SHA-256 of tag ‖ fields, row by row: uint8[n, 32].

    Rows are put together some thousands at a time, which stay in the processor's cache.

    Args:
        hash_rows: The kernel.
        tag: First byte of every message (docs/spec/tags.md).
        fields: uint8[n, width], or uint8[width] for what all rows share; one has n rows.
    """
    count = next(len(field) for field in fields if field.ndim == 2)
    result = np.empty((count, DIGEST_BYTES), np.uint8)
    width = 1 + sum(field.shape[-1] for field in fields)
    scratch = padded(min(count, _CHUNK), width)
    scratch[:, 0] = tag
    for start in range(0, count, _CHUNK):
        end = min(start + _CHUNK, count)
        at = 1
        for field in fields:
            here = field[start:end] if field.ndim == 2 else field
            scratch[: end - start, at : at + field.shape[-1]] = here
            at += field.shape[-1]
        result[start:end] = hash_rows(scratch[: end - start], width)
    return result


def put_rows(target: Rows, where: Longs, rows: Rows) -> None:
    """Put rows in their places; each moves as one item, three times as fast as byte by byte."""
    kind = np.dtype(f"V{target.shape[1]}")
    target.view(kind).ravel()[where] = np.ascontiguousarray(rows).view(kind).ravel()


def next_level(hashes: Rows, hash_rows: HashRows) -> Rows:
    """Return the parents of an even number of tree nodes."""
    pairs = np.ascontiguousarray(hashes).reshape(-1, 2 * DIGEST_BYTES)
    return hash_messages(hash_rows, 0x01, pairs)


def tree_levels(leaves: Rows, hash_rows: HashRows) -> Iterator[Rows]:
    """Yield every level of a perfect tree, leaves first; one level is held at a time.

    Args:
        leaves: uint8[2**height, 32].
        hash_rows: The kernel.
    """
    level = leaves
    yield level
    while len(level) > 1:
        level = next_level(level, hash_rows)
        yield level


def segment_roots(leaves: Rows, counts: Longs, hash_rows: HashRows) -> Rows:
    """Return the RFC 6962 root of each segment of leaves; all trees grow level by level together.

    A node without a partner goes up as it is: that gives the split of RFC 6962 §2.1 at the
    largest power of two.

    Args:
        leaves: uint8[sum of counts, 32], segment after segment.
        counts: Leaves of each segment, all at least one; int64.
        hash_rows: The kernel.
    """
    counts = np.asarray(counts, np.int64)
    roots = np.empty((len(counts), DIGEST_BYTES), np.uint8)
    which = np.arange(len(counts))
    while len(which):
        starts = np.cumsum(counts) - counts
        done = counts == 1
        put_rows(roots, which[done], leaves.take(starts[done], axis=0))
        which, starts, counts = which[~done], starts[~done], counts[~done]
        if not len(which):
            break
        pairs = counts >> 1
        total = int(pairs.sum())
        above = (counts + 1) >> 1
        tops = np.cumsum(above) - above
        within = np.arange(total) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        left = np.repeat(starts, pairs) + 2 * within
        grown = np.empty((int(above.sum()), DIGEST_BYTES), np.uint8)
        both = hash_messages(
            hash_rows, 0x01, leaves.take(left, axis=0), leaves.take(left + 1, axis=0)
        )
        put_rows(grown, np.repeat(tops, pairs) + within, both)
        odd = (counts & 1).astype(bool)
        put_rows(grown, tops[odd] + pairs[odd], leaves.take((starts + counts - 1)[odd], axis=0))
        leaves, counts = grown, above
    return roots
