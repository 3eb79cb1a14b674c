"""From entries to a map's files, in loops compiled by numba when first called; for `map_steps` alone."""

# numba types these functions by what they are called with; mypy has nothing to hold on to.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
from __future__ import annotations

import numpy as np

from byleave.engines.raw_bytes import (
    LONG,
    ROWS,
    hashed,
    inline,
    jit,
    move16,
    move32,
    parents,
    prepared,
    put_byte,
    word,
)

__all__ = ["bucket_leaves", "bucket_loads", "entries_by_bucket", "tile_nodes"]


@inline
def _bucket(found, i, k, first):
    head = word(found + 48 * i)
    return np.int64(head >> np.uint64(64 - k) if k else np.uint64(0)) - first


@jit
def bucket_loads(found, count, k, first, loads):
    """Count the entries of each bucket, into zeros; False: one is out of range, or above 255."""
    for i in range(count):
        bucket = _bucket(found, i, k, first)
        if bucket < 0 or bucket >= len(loads):
            return False
        loads[bucket] += 1
        if loads[bucket] > 255:
            return False
    return True


@jit
def entries_by_bucket(room, found, count, k, first, loads, starts, width, out):
    """Write the files of buckets side by side: loads, then entries by label. False: a label twice.

    `starts` takes where each bucket's entries begin; there are `width` buckets to a file.
    """
    at = out
    for bucket in range(len(loads)):
        if bucket % width == 0:
            for i in range(width):
                put_byte(at + i, np.uint8(loads[bucket + i]))
            at += width
        starts[bucket] = at
        at += 48 * loads[bucket]
    for i in range(count):
        bucket = _bucket(found, i, k, first)
        move16(starts[bucket], found + 48 * i)
        move32(starts[bucket] + 16, found + 48 * i + 16)
        starts[bucket] += 48
    heads, tails = np.empty(256, np.uint64), np.empty(256, np.uint64)
    order = np.empty(256, np.int64)
    for bucket in range(len(loads)):
        load = loads[bucket]
        starts[bucket] -= 48 * load
        start, moved = starts[bucket], False
        for i in range(load):
            head, tail, j = word(start + 48 * i), word(start + 48 * i + 8), i
            while j > 0 and (head < heads[j - 1] or (head == heads[j - 1] and tail < tails[j - 1])):
                heads[j], tails[j], order[j] = heads[j - 1], tails[j - 1], order[j - 1]
                j -= 1
                moved = True
            if j > 0 and head == heads[j - 1] and tail == tails[j - 1]:
                return False
            heads[j], tails[j], order[j] = head, tail, i
        if moved:
            for i in range(load):
                move16(room + 48 * i, start + 48 * order[i])
                move32(room + 48 * i + 16, start + 48 * order[i] + 16)
            for i in range(load):
                move16(start + 48 * i, room + 48 * i)
                move32(start + 48 * i + 16, room + 48 * i + 16)
    return True


@jit
def bucket_leaves(
    lanes,
    room,
    loads,
    order,
    starts,
    empty,
    width,
    tiles,
    stride,
):
    """Hash each bucket to its leaf, at its place in its tile.

    `order` has the buckets by load: those of one load have one length and are hashed together.
    """
    one, two, inner = room, room + LONG, room + 2 * LONG
    leaves = inner + ROWS * 32
    at = 0
    while at < len(order):
        load = loads[order[at]]
        end = at
        while end < len(order) and loads[order[end]] == load:
            end += 1
        if not load:
            for i in range(at, end):
                bucket = order[i]
                move32(tiles + bucket // width * stride + bucket % width * 32, empty)
            at = end
            continue
        length = 1 + 32 * load
        most = min(ROWS, LONG // ((length + 72) // 64 * 64) // 16 * 16)
        most = min(most, (end - at + 15) // 16 * 16)
        wide = prepared(one, most, length, 0x14)
        narrow = prepared(two, most, 34 + 16 * load, 0x00)
        for start in range(at, end, most):
            rows = min(most, end - start)
            for i in range(rows):
                bucket, message = starts[order[start + i]], one + wide * i + 1
                for j in range(load):
                    move32(message + 32 * j, bucket + 48 * j + 16)
            hashed(lanes, one, inner, rows, wide)
            for i in range(rows):
                bucket, message = starts[order[start + i]], two + narrow * i
                put_byte(message + 1, np.uint8(load))
                for j in range(load):
                    move16(message + 2 + 16 * j, bucket + 48 * j)
                move32(message + 2 + 16 * load, inner + 32 * i)
            hashed(lanes, two, leaves, rows, narrow)
            for i in range(rows):
                bucket = order[start + i]
                move32(tiles + bucket // width * stride + bucket % width * 32, leaves + 32 * i)
        at = end


@jit
def tile_nodes(lanes, room, tiles, count, width, stride):
    """Hash the levels above the nodes of each tile, behind them, up to its root."""
    digests = room + ROWS * 128
    prepared(room, ROWS, 65, 0x01)
    sources, targets = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    level, nodes = tiles, width
    while nodes > 1:
        above = level + 32 * nodes
        rows = 0
        for tile in range(count):
            for pair in range(nodes >> 1):
                sources[rows] = level + tile * stride + 64 * pair
                targets[rows] = above + tile * stride + 32 * pair
                rows += 1
                if rows == ROWS:
                    parents(lanes, room, digests, sources, targets, rows)
                    rows = 0
        parents(lanes, room, digests, sources, targets, rows)
        level, nodes = above, nodes >> 1
