"""Build a map in bounded memory: openings put aside by member, entries by label.

    openings, in any order ──by range of ordinals──▶ entries (fp, C) ──by first bits of fp──▶ files

Each part is worked by itself, so that parts may go to threads, and memory is that of the parts at
work: nothing is shared until the topmost levels, which are 32 bytes for 256 buckets. What a spill
is, and what runs the parts, is injected. The result is that of `bucket_map.build`, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

__all__ = ["Built", "Each", "MapBuilder", "MemorySpill", "Ports", "Spill"]

PART_PARTY_RECORDS: Final = 1 << 17
"""Openings worked at a time: some 60 MB with all that is made of them, near the caches."""
_PART_BITS: Final = 16
"""Buckets worked at a time, as a power of two."""

Each = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""`map`, or one that keeps its order and runs a few parts at once."""

_COLUMNS: Final[dict[str, np.dtype[Any]]] = {
    "row": np.dtype("<i8"),
    "ordinal": np.dtype("<i8"),
    "ground_index": np.dtype("<i8"),
    "role": np.dtype("u1"),
    "ground": np.dtype("u1"),
    "salt": np.dtype("V16"),
    "ground_salt": np.dtype("V16"),
    "digest": np.dtype("V32"),
}
"""An opening put aside, column by column: 90 bytes. The ground's leaf is looked up again."""
_Columns = dict[str, npt.NDArray[Any]]


class Spill(Protocol):
    """Bytes put aside by part number; a part is taken once, whole."""

    def add(self, part: int, data: bytes) -> None:
        """Append to a part. Threads may do so at once."""
        ...

    def take(self, part: int) -> bytes:
        """Return everything that was added to a part, in the order of adding, and let go of it."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class MemorySpill:
    """A spill that puts nothing aside: for maps that fit."""

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {}

    def add(self, part: int, data: bytes) -> None:
        self._parts.setdefault(part, []).append(data)

    def take(self, part: int) -> bytes:
        return b"".join(self._parts.pop(part, []))

    def close(self) -> None:
        self._parts.clear()


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
        self._span = max(-(-ordinals * PART_PARTY_RECORDS // max(party_records, 1)), 1)
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
        columns: _Columns = {}
        for name, kind in _COLUMNS.items():
            if kind.kind == "V":
                columns[name] = np.ascontiguousarray(fixed(openings[name])).view(kind).ravel()
            else:
                columns[name] = plain(openings[name]).astype(kind, copy=False)
        self._count += openings.num_rows
        part = columns["ordinal"] // self._span
        for number, take in _parts(part, self._parts):
            chosen = [_chosen(column, take).view(np.uint8) for column in columns.values()]
            length = len(chosen[3]).to_bytes(8, "little")  # a column of one byte a row
            self._openings.add(number, b"".join([length, *(column.data for column in chosen)]))

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

        def commit(part: int) -> tuple[int, pa.Table]:
            first = part * self._span
            table = _ordered(self._openings.take(part), first, grounds)
            if not table.num_rows:
                return 0, table
            found, held = entries(
                OpeningColumns.of(table),
                members(first, first + self._span),
                first=first,
                epoch=epoch,
                hash_rows=self._ports.hash_rows,
            )
            numbers = _first_bits(found, bits).astype(np.int64)
            for number, take in _parts(numbers, 1 << bits):
                aside.add(number, _chosen(found, take).tobytes())
            return len(held), table

        total = 0
        try:
            for count, table in self._ports.each(commit, range(self._parts)):
                total += count
                keep(table)
            size = choose_k(total) if k is None else k
            root = self._plant(aside, bits, size, write)
        finally:
            aside.close()
        return Built(k=size, root=root, members=total, party_records=self._count)

    def _plant(
        self, aside: Spill, bits: int, k: int, write: Callable[[str, bytes], None]
    ) -> Digest:
        """Write the files of all buckets, part by part, then the levels above; return the root."""
        shared = max(min(bits, k - TILE_HEIGHT), 0)  # a part holds whole tiles
        merged = 1 << (bits - shared)
        buckets = 1 << (k - shared)
        hash_rows = self._ports.hash_rows

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

        nodes = np.concatenate(list(self._ports.each(plant, range(1 << shared))))
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


def _parts(part: npt.NDArray[Any], parts: int) -> Iterator[tuple[int, Longs | slice]]:
    """Yield (part, which rows are its), each part that has rows once, their order kept."""
    if parts == 1:
        yield 0, slice(None)
        return
    numbers = part.astype(np.int64)
    order = np.sort((numbers << 40) | np.arange(len(numbers))) & ((1 << 40) - 1)
    ends = np.cumsum(np.bincount(numbers, minlength=parts))
    start = 0
    for number, end in enumerate(ends.tolist()):
        if end > start:
            yield number, order[start:end]
        start = end


def _chosen(rows: npt.NDArray[Any], which: Longs | slice) -> npt.NDArray[Any]:
    """Return some rows: `take` moves a row as one item, where an index goes byte by byte."""
    return rows if isinstance(which, slice) else rows.take(which, axis=0)


def _ordered(data: bytes, first: int, grounds: Callable[[Longs], Rows]) -> pa.Table:
    """Return a part's openings by ordinal, as they came within one; grounds' leaves looked up."""
    pieces: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _COLUMNS}
    at = 0
    while at < len(data):
        count = int.from_bytes(data[at : at + 8], "little")
        at += 8
        for name, kind in _COLUMNS.items():
            pieces[name].append(np.frombuffer(data, kind, count, at))
            at += count * kind.itemsize
    columns = {
        name: np.concatenate([np.empty(0, kind), *pieces[name]]) for name, kind in _COLUMNS.items()
    }
    place = columns["ordinal"].astype(np.int64) - first
    order = np.sort((place << 40) | np.arange(len(place))) & ((1 << 40) - 1)
    columns = {name: column.take(order) for name, column in columns.items()}
    unique, inverse = np.unique(columns["ground_index"], return_inverse=True)
    leaves = grounds(unique).take(inverse, axis=0) if len(unique) else np.empty((0, 32), np.uint8)
    arrays = {
        name: binary(column.view(np.uint8).reshape(len(column), -1))
        if column.dtype.kind == "V"
        else pa.array(column)
        for name, column in columns.items()
        if len(column) or column.dtype.kind != "V"
    }
    if not len(place):
        return OPENINGS_SCHEMA.empty_table()
    arrays["ground_leaf"] = binary(leaves)
    return pa.table([arrays[name] for name in OPENINGS_SCHEMA.names], schema=OPENINGS_SCHEMA)


def binary(rows: Rows) -> pa.Array:
    """Return uint8[n, width] as a column of fixed-size binary."""
    kind = pa.binary(rows.shape[1])
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(rows), [None, data])
