"""`snapshot.steps.Steps` compiled: one pass a step, hashing where the message is put together.

Optional (extra `kernel`): importing this module without numba raises `ImportError`. What NumPy does
in twenty passes over columns that no cache holds, a loop does in one; and no message is written
anywhere but where the lanes read it (docs/decisions/0047-sealing-steps.md). Every number that a
loop takes as a place is measured out here first: what does not fit, and every fault, is left to
`PlainSteps`, which says what is wrong.

The first use compiles for some seconds; numba keeps the result beside these files or in the user's
cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.engines import bucket_loops, opening_loops, sha256_lanes
from byleave.engines.raw_bytes import ROOM
from byleave.evidence.bucket import EPOCH_BYTES
from byleave.merkle.tile import TILE_HEIGHT, TILE_WIDTH
from byleave.snapshot.commit import (
    EMPTY_BUCKET,
    ENTRY_BYTES,
    Enrolled,
    OpeningColumns,
    binary,
    fixed,
    plain,
)
from byleave.snapshot.hashing import DIGEST_BYTES, Longs, Rows
from byleave.snapshot.map_files import bucket_path, tile_path
from byleave.snapshot.openings import OPENINGS_SCHEMA
from byleave.snapshot.steps import OPENING, Data, PlainSteps, Planted, unique_places

__all__ = ["CompiledSteps"]

_LANES: Final = sha256_lanes.address
_PLAIN: Final = PlainSteps(sha256_lanes.hash_rows)


class CompiledSteps:
    """`Steps` by numba; holds nothing, and lets go of the interpreter lock in every loop."""

    def aside(self, openings: pa.Table, span: int, parts: int) -> tuple[memoryview, Longs]:
        """Return openings by part (see `Steps`). Cost: each moves once, 90 bytes."""
        numbers = [
            _numbers(openings[name], np.int64) for name in ("row", "ordinal", "ground_index")
        ]
        small = [_numbers(openings[name], np.uint8) for name in ("role", "ground")]
        wide = [_cells(fixed(openings[name]), openings.num_rows, n) for name, n in _WIDE]
        ends = np.zeros(parts, np.int64)
        out = np.empty(openings.num_rows * OPENING.itemsize, np.uint8)
        columns = map(_at, numbers + small + wide)
        if not opening_loops.openings_by_part(openings.num_rows, *columns, span, ends, _at(out)):
            return _PLAIN.aside(openings, span, parts)
        return out.data, ends

    def order(self, data: Data, first: int) -> Longs:
        """Return openings put aside in order of their members (see `Steps`)."""
        items = np.frombuffer(data, OPENING)
        keys = np.empty(len(items), np.int64)
        opening_loops.opening_keys(_at(items), first, keys)
        keys.sort()
        return keys

    def table(self, data: Data, keys: Longs, grounds: Callable[[Longs], Rows]) -> pa.Table:
        """Return openings as a table (see `Steps`); each is read once, in order of members."""
        items = np.frombuffer(data, OPENING)
        columns = _columns(len(keys), OPENINGS_SCHEMA)
        put_aside = [_at(columns[name]) for name in OPENING.names or ()]
        keys_of_grounds = np.empty(len(keys), np.int64)
        bits = len(keys).bit_length()
        seen = opening_loops.openings_in_order(_at(items), keys, *put_aside, bits, keys_of_grounds)
        if seen >> (63 - bits):
            unique, place = unique_places(columns["ground_index"])
        else:
            unique, place = _unique_places(keys_of_grounds, bits)
        leaves = _cells(grounds(unique), len(unique), DIGEST_BYTES)
        opening_loops.leaves_at(_at(leaves), place, _at(columns["ground_leaf"]))
        arrays = [
            binary(column) if column.ndim == 2 else pa.array(column) for column in columns.values()
        ]
        return pa.table(arrays, schema=OPENINGS_SCHEMA)

    def entries(
        self, openings: pa.Table, members: Enrolled, *, first: int, epoch: bytes
    ) -> tuple[Rows, int]:
        """Return the entry of each member (see `Steps`). Cost: the hashes, and one sort of leaves."""
        columns = OpeningColumns.of(openings)
        count = len(columns.ordinal)
        ordinal = np.ascontiguousarray(columns.ordinal, np.int64)
        starts, which = np.empty(count + 1, np.int64), np.empty(count, np.int64)
        held = opening_loops.segments(_at(ordinal), count, first, starts, which)
        starts, which = starts[: held + 1], which[:held]
        fits = which[0] >= 0 and which[-1] < len(members.indexes) and len(epoch) == EPOCH_BYTES
        if not fits or members.erased[which].any():
            return _PLAIN.entries(openings, members, first=first, epoch=epoch)
        space = np.empty(2 * count * DIGEST_BYTES + ROOM, np.uint8)
        leaves, ordered, room = np.split(space, [count * DIGEST_BYTES, 2 * count * DIGEST_BYTES])
        _record_leaves(columns, leaves, room)
        opening_loops.ordered_leaves(_at(leaves), starts, _at(ordered))
        opening_loops.folded(_LANES, _at(room), _at(ordered), starts)
        found = np.empty((len(which), ENTRY_BYTES), np.uint8)
        known = len(members.indexes)
        secrets = _cells(members.secrets, known, 32)
        enrolled = _cells(members.leaves, known, DIGEST_BYTES)
        indexes = np.ascontiguousarray(members.indexes, np.int64)
        lineage = np.frombuffer(epoch, np.uint8)
        opening_loops.member_entries(
            _LANES,
            _at(room),
            which,
            starts,
            _at(secrets),
            _at(lineage),
            _at(indexes),
            _at(enrolled),
            _at(ordered),
            _at(found),
        )
        return found, held

    def split(self, found: Rows, bits: int) -> tuple[memoryview, Longs]:
        """Return entries by the first bits of their labels (see `Steps`)."""
        rows = _cells(found, len(found), ENTRY_BYTES)
        ends = np.zeros(1 << bits, np.int64)
        out = np.empty(rows.size, np.uint8)
        opening_loops.entries_by_part(_at(rows), len(rows), bits, ends, _at(out))
        return out.data, ends

    def plant(self, data: Data, *, k: int, first: int, buckets: int) -> Planted:
        """Return a part of a map (see `Steps`): files as they will be, filled in place."""
        found = np.frombuffer(data, np.uint8)
        count, width = len(found) // ENTRY_BYTES, min(TILE_WIDTH, 1 << k)
        loads, starts = np.zeros(buckets, np.int64), np.empty(buckets, np.int64)
        if not bucket_loops.bucket_loads(_at(found), count, k, first, loads):
            return _PLAIN.plant(data, k=k, first=first, buckets=buckets)
        room = np.empty(ROOM, np.uint8)
        image = np.empty(buckets + len(found), np.uint8)
        if not bucket_loops.entries_by_bucket(
            _at(room), _at(found), count, k, first, loads, starts, width, _at(image)
        ):
            return _PLAIN.plant(data, k=k, first=first, buckets=buckets)
        tiles = np.empty((buckets // width, (2 * width - 1) * DIGEST_BYTES), np.uint8)
        empty = np.frombuffer(EMPTY_BUCKET, np.uint8)
        size = tiles.shape[1]
        bucket_loops.bucket_leaves(
            _LANES,
            _at(room),
            loads,
            np.argsort(loads.astype(np.uint8), kind="stable"),
            starts,
            _at(empty),
            width,
            _at(tiles),
            size,
        )
        bucket_loops.tile_nodes(_LANES, _at(room), _at(tiles), len(tiles), width, size)
        ends = np.cumsum(loads.reshape(-1, width).sum(axis=1)) * ENTRY_BYTES
        ends += np.arange(1, len(ends) + 1) * width
        files = _files(image, ends.tolist(), tiles, first >> TILE_HEIGHT, k)
        return Planted(files, tiles[:, -DIGEST_BYTES:].copy())  # a view would keep the tiles


_WIDE: Final = (("salt", 16), ("ground_salt", 16), ("digest", 32))


def _at(array: npt.NDArray[Any]) -> int:
    """Return where an array's bytes begin; it must live as long as the address is used."""
    return array.ctypes.data


def _numbers(column: pa.ChunkedArray, kind: Any) -> npt.NDArray[Any]:  # noqa: ANN401 (a dtype)
    return np.ascontiguousarray(plain(column), kind)


def _cells(rows: Rows, count: int, width: int) -> Rows:
    """Return uint8[count, width] without gaps; another number of bytes is refused by NumPy."""
    return np.ascontiguousarray(rows, np.uint8).reshape(count, width)


def _columns(count: int, schema: pa.Schema) -> dict[str, npt.NDArray[Any]]:
    """Return room for the columns of a schema, in one block of memory: uint8, int64, or [n, w]."""
    kinds = {"int64": np.int64, "uint8": np.uint8}
    widths = [field.type.byte_width for field in schema]
    edges = np.cumsum([0, *((width * count + 63) // 64 * 64 for width in widths)]).tolist()
    block = np.empty(edges[-1], np.uint8)
    found: dict[str, npt.NDArray[Any]] = {}
    for field, width, start in zip(schema, widths, edges, strict=False):
        cells = block[start : start + width * count]
        kind = kinds.get(str(field.type))
        found[field.name] = cells.reshape(count, width) if kind is None else cells.view(kind)
    return found


def _record_leaves(columns: OpeningColumns, leaves: Rows, room: Rows) -> None:
    """Write the record leaf of each opening to `leaves`: two hashes, four blocks."""
    count = len(columns.ordinal)
    inputs: list[npt.NDArray[Any]] = [
        np.ascontiguousarray(columns.ground_index, np.int64),
        np.ascontiguousarray(columns.role, np.uint8),
        np.ascontiguousarray(columns.ground, np.uint8),
        _cells(columns.salt, count, 16),
        _cells(columns.ground_salt, count, 16),
        _cells(columns.ground_leaf, count, DIGEST_BYTES),
        _cells(columns.digest, count, DIGEST_BYTES),
    ]
    addresses = map(_at, inputs)
    opening_loops.record_leaves(_LANES, _at(room), count, *addresses, _at(leaves))


def _unique_places(keys: Longs, bits: int) -> tuple[Longs, Longs]:
    """Return what `unique_places` does of numbers that have their places in `bits` below them."""
    keys.sort()
    unique, inverse = np.empty_like(keys), np.empty_like(keys)
    found = opening_loops.distinct(keys, bits, unique, inverse)
    return unique[:found], inverse


def _files(
    image: Rows, ends: list[int], tiles: Rows, first: int, k: int
) -> Iterator[tuple[str, bytes]]:
    start = 0
    for number, end in enumerate(ends):
        yield bucket_path(first + number, k), image[start:end].tobytes()
        start = end
    for number, tile in enumerate(tiles):
        yield tile_path(0, first + number, k), tile.tobytes()
