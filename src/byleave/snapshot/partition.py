"""Build a map in bounded memory: openings put aside by member, entries by label.

    openings, in any order ──by range of ordinals──▶ entries (fp, C) ──by first bits of fp──▶ files

Each part is worked by itself, so that parts may go to threads, and memory is that of the parts at
work: nothing is shared until the topmost levels, which are 32 bytes for 256 buckets. What a spill
is, and what runs the parts, is injected. The result is that of `bucket_map.build`, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.errors import ConflictError
from byleave.evidence.bucket import MAX_BUCKET
from byleave.ids import Digest
from byleave.merkle.tile import TILE_HEIGHT
from byleave.snapshot.bucket_map import choose_k
from byleave.snapshot.commit import (
    ENTRY_BYTES,
    Enrolled,
    OpeningColumns,
    bucket_hashes,
    entries,
    entry_keys,
    fixed,
    plain,
    sort_entries,
)
from byleave.snapshot.hashing import HashRows, Longs, Rows, by_hashlib
from byleave.snapshot.map_files import bucket_files, tile_files
from byleave.snapshot.openings import OPENINGS_SCHEMA

__all__ = ["Built", "Each", "MapBuilder", "MemorySpill", "Ports", "Spill", "plant_entries"]

PART_PARTY_RECORDS: Final = 1 << 17
"""Openings worked at a time: some 60 MB with all that is made of them, near the caches."""
MOST_PARTS: Final = 1 << 10
"""Into how many parts openings are put aside at most: pieces grow with the square of it."""
_PART_BITS: Final = 16
"""Buckets worked at a time, as a power of two."""

_PLACE_BITS: Final = 40
_PLACE: Final = (1 << _PLACE_BITS) - 1
"""A row's place below its part's number, in one integer: sorted at once, and stable."""

Each = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""`map`, or one that keeps its order and runs a few parts at once."""

_OPENING: Final = np.dtype(
    [
        ("row", "<i8"),
        ("ordinal", "<i8"),
        ("ground_index", "<i8"),
        ("role", "u1"),
        ("ground", "u1"),
        ("salt", "V16"),
        ("ground_salt", "V16"),
        ("digest", "V32"),
    ]
)
"""An opening put aside: 90 bytes, moved as one item. The ground's leaf is looked up again."""


class Spill(Protocol):
    """Bytes put aside by part number; a part is taken once, whole."""

    def add(self, data: memoryview, ends: Longs) -> None:
        """Append data[ends[i - 1] : ends[i]] to part i, for every part; threads may do so at once.

        Args:
            data: What goes to part 0, what goes to part 1, and so on.
            ends: Where each part's ends; as many each time.
        """
        ...

    def take(self, part: int) -> bytes:
        """Return everything that was added to a part, in the order of adding."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class MemorySpill:
    """A spill that puts nothing aside: for maps that fit."""

    def __init__(self) -> None:
        self._added: list[tuple[bytes, Longs]] = []

    def add(self, data: memoryview, ends: Longs) -> None:
        self._added.append((bytes(data), ends))

    def take(self, part: int) -> bytes:
        return b"".join(
            data[int(ends[part - 1]) if part else 0 : int(ends[part])] for data, ends in self._added
        )

    def close(self) -> None:
        self._added.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a build needs of the world.

    Attributes:
        hash_rows: The kernel.
        spill: Makes an empty spill; called twice.
        each: Runs a function over part numbers, results in order.
    """

    hash_rows: HashRows = by_hashlib
    spill: Callable[[], Spill] = MemorySpill
    each: Each = map


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A map that was built.

    Attributes:
        k: It has 2**k buckets.
        root: Its root.
        members: Labels in it.
        party_records: Record leaves in it.
    """

    k: int
    root: Digest
    members: int
    party_records: int


class MapBuilder:
    """Takes openings in any order, then builds. Close it, or use it in a `with` block.

    Args:
        ordinals: Ordinals are below this number.
        party_records: About how many openings will come; decides the size of the parts only.
        ports: The world.
    """

    def __init__(self, *, ordinals: int, party_records: int, ports: Ports) -> None:
        self._ports = ports
        self._work = max(-(-ordinals * PART_PARTY_RECORDS // max(party_records, 1)), 1)
        self._span = max(self._work, -(-ordinals // MOST_PARTS))
        self._parts = -(-max(ordinals, 1) // self._span)
        self._openings = ports.spill()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what was put aside."""
        self._openings.close()

    def add(self, openings: pa.Table) -> None:
        """Put some openings aside (`OPENINGS_SCHEMA`; the column `ground_leaf` is not needed)."""
        rows = np.empty(openings.num_rows, _OPENING)
        for name in _OPENING.names or ():
            kind = _OPENING[name]
            column = openings[name]
            if kind.kind == "V":
                rows[name] = np.ascontiguousarray(fixed(column)).view(kind).ravel()
            else:
                rows[name] = plain(column)
        self._count += len(rows)
        _put_aside(self._openings, rows, rows["ordinal"] // self._span, self._parts)

    def build(
        self,
        *,
        epoch: bytes,
        k: int | None,
        members: Callable[[int, int], Enrolled],
        grounds: Callable[[Longs], Rows],
        write: Callable[[str, bytes], None],
        keep: Callable[[pa.Table], None],
    ) -> Built:
        """Build the map, write its files, and hand its openings on in order.

        Args:
            epoch: Lineage epoch E, 16 bytes.
            k: Fixed along a lineage; None: the smallest with four members a bucket on average.
            members: Secrets and enrolments of the ordinals from a first to a last (exclusive).
            grounds: Leaf hashes of log entries by ascending index, uint8[n, 32].
            write: Takes each file of the map: path and bytes. Threads may call it at once.
            keep: Takes the openings, by ordinal, row and role, part after part.

        Raises:
            ConflictError: `snapshot.erased-member`, `map.bucket-overfull`.
            InputError: `map.label-twice`.
        """
        bits = max(choose_k(min(self._count, self._parts * self._span)) - _PART_BITS, 0)
        aside = self._ports.spill()

        def commit(part: int) -> tuple[int, list[pa.Table]]:
            start = part * self._span
            rows = _ordered(self._openings.take(part), start)
            count, tables = 0, []
            for first in range(start, start + self._span, self._work):
                low, high = np.searchsorted(rows["ordinal"], (first, first + self._work))
                if low == high:
                    continue
                table = _openings_table(rows[low:high], grounds)
                found, held = entries(
                    OpeningColumns.of(table),
                    members(first, min(first + self._work, start + self._span)),
                    first=first,
                    epoch=epoch,
                    hash_rows=self._ports.hash_rows,
                )
                whole = found.view(f"V{ENTRY_BYTES}").ravel()
                _put_aside(aside, whole, _first_bits(found, bits), 1 << bits)
                count += len(held)
                tables.append(table)
            return count, tables

        total = 0
        try:
            for count, tables in self._ports.each(commit, range(self._parts)):
                total += count
                for table in tables:
                    keep(table)
            size = choose_k(total) if k is None else k
            root = _plant(aside, bits, size, write, self._ports)
        finally:
            aside.close()
        return Built(k=size, root=root, members=total, party_records=self._count)


def plant_entries(
    found: Iterable[Rows],
    *,
    expected: int,
    write: Callable[[str, bytes], None],
    ports: Ports,
) -> Built:
    """Write the files of a map of entries that are made elsewhere, such as a directory's.

    Args:
        found: Entries, fp 16 ‖ C 32, in any order: uint8[n, 48] at a time.
        expected: About how many will come; decides the size of the parts only.
        write: Takes each file of the map: path and bytes. Threads may call it at once.
        ports: The world.

    Raises:
        ConflictError: `map.bucket-overfull`.
        InputError: `map.label-twice`.
    """
    bits = max(choose_k(expected) - _PART_BITS, 0)
    aside = ports.spill()
    total = 0
    try:
        for some in found:
            total += len(some)
            whole = np.ascontiguousarray(some).view(f"V{ENTRY_BYTES}").ravel()
            _put_aside(aside, whole, _first_bits(some, bits), 1 << bits)
        k = choose_k(total)
        root = _plant(aside, bits, k, write, ports)
    finally:
        aside.close()
    return Built(k=k, root=root, members=total, party_records=total)


def _plant(
    aside: Spill, bits: int, k: int, write: Callable[[str, bytes], None], ports: Ports
) -> Digest:
    """Write the files of all buckets, part by part, then the levels above; return the root."""
    shared = max(min(bits, k - TILE_HEIGHT), 0)  # a part holds whole tiles
    merged = 1 << (bits - shared)
    buckets = 1 << (k - shared)
    hash_rows = ports.hash_rows

    def plant(part: int) -> Rows:
        data = b"".join(aside.take(i) for i in range(part * merged, (part + 1) * merged))
        found = sort_entries(np.frombuffer(data, np.uint8).reshape(-1, ENTRY_BYTES))
        loads = _loads(found, k, part * buckets, buckets)
        leaves = bucket_hashes(found, loads, hash_rows)
        first = part * buckets >> TILE_HEIGHT
        for path, content in bucket_files(found, loads, first=first, k=k):
            write(path, content)
        files, tops = tile_files(leaves, level=0, first=first, k=k, hash_rows=hash_rows)
        for path, content in files:
            write(path, content)
        return tops

    nodes = np.concatenate(list(ports.each(plant, range(1 << shared))))
    for level in range(1, k // TILE_HEIGHT + 1):
        files, nodes = tile_files(nodes, level=level, first=0, k=k, hash_rows=hash_rows)
        for path, content in files:
            write(path, content)
    return Digest(nodes.tobytes())


def _loads(found: Rows, k: int, first: int, buckets: int) -> Longs:
    """Return how many entries each bucket from `first` on has."""
    if not len(found):
        return np.zeros(buckets, np.int64)
    numbers = _first_bits(found, k) - np.uint64(first)
    loads = np.bincount(numbers.astype(np.int64), minlength=buckets)
    if loads.max() > MAX_BUCKET:
        raise ConflictError(
            "a bucket would hold over 255 members",
            code="map.bucket-overfull",
            hint="start a new lineage: a full rebuild with a new epoch",
        )
    return loads


def _first_bits(found: Rows, bits: int) -> npt.NDArray[np.uint64]:
    if not bits:
        return np.zeros(len(found), np.uint64)
    return entry_keys(found) >> np.uint64(64 - bits)


def _put_aside(spill: Spill, rows: npt.NDArray[Any], part: npt.NDArray[Any], parts: int) -> None:
    """Put rows aside by part, in the order in which they are; each moves once, as one item."""
    numbers = part.astype(np.int64)
    order = np.sort((numbers << _PLACE_BITS) | np.arange(len(numbers))) & _PLACE
    ends = np.cumsum(np.bincount(numbers, minlength=parts)) * rows.itemsize
    ordered = rows if parts == 1 else rows.take(order)
    spill.add(ordered.view(np.uint8).data, ends)


def _ordered(data: bytes, first: int) -> npt.NDArray[np.void]:
    """Return a part's openings by ordinal, as they came within one."""
    rows = np.frombuffer(data, _OPENING)
    place = rows["ordinal"] - first
    return rows.take(np.sort((place << _PLACE_BITS) | np.arange(len(place))) & _PLACE)


def _openings_table(rows: npt.NDArray[np.void], grounds: Callable[[Longs], Rows]) -> pa.Table:
    """Return openings as a table (`OPENINGS_SCHEMA`); the leaves of their grounds are looked up."""
    unique, inverse = _unique(np.ascontiguousarray(rows["ground_index"]))
    arrays = {"ground_leaf": binary(grounds(unique).take(inverse, axis=0))}
    for name in _OPENING.names or ():
        column = np.ascontiguousarray(rows[name])
        if column.dtype.kind == "V":
            arrays[name] = binary(column.view(np.uint8).reshape(len(column), -1))
        else:
            arrays[name] = pa.array(column)
    return pa.table([arrays[name] for name in OPENINGS_SCHEMA.names], schema=OPENINGS_SCHEMA)


def _unique(numbers: Longs) -> tuple[Longs, Longs]:
    """Return the numbers that occur, ascending, and the place of each number among them.

    `numpy.unique` sorts places, at five times the cost of sorting numbers that hold their place.
    """
    low = int(numbers.min())
    bits = len(numbers).bit_length()
    if (int(numbers.max()) - low) >> (63 - bits):
        unique, inverse = np.unique(numbers, return_inverse=True)
        return unique, inverse
    keys = np.sort(((numbers - low) << bits) | np.arange(len(numbers)))
    ordered = keys >> bits
    fresh = np.empty(len(keys), np.bool_)
    fresh[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    inverse = np.empty(len(keys), np.int64)
    inverse[keys & ((1 << bits) - 1)] = np.cumsum(fresh) - 1
    return ordered[fresh] + low, inverse


def binary(rows: Rows) -> pa.Array:
    """Return uint8[n, width] as a column of fixed-size binary."""
    kind = pa.binary(rows.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(rows), [None, data])
