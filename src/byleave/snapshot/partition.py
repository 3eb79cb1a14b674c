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
import pyarrow as pa

from byleave.ids import Digest
from byleave.merkle.tile import TILE_HEIGHT
from byleave.snapshot.bucket_map import choose_k
from byleave.snapshot.commit import Enrolled
from byleave.snapshot.hashing import HashRows, Longs, Rows, by_hashlib
from byleave.snapshot.map_files import tile_files
from byleave.snapshot.steps import PLACE_BITS, Data, PlainSteps, Steps

__all__ = ["Built", "Each", "MapBuilder", "MemorySpill", "Ports", "Spill", "plant_entries"]

PART_PARTY_RECORDS: Final = 1 << 17
"""Openings worked at a time: some 60 MB with all that is made of them, near the caches."""
MOST_PARTS: Final = 1 << 10
"""Into how many parts openings are put aside at most: pieces grow with the square of it."""
_PART_BITS: Final = 16
"""Buckets worked at a time, as a power of two."""

Each = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""`map`, or one that keeps its order and runs a few parts at once."""


class Spill(Protocol):
    """Bytes put aside by part number; a part is taken once, whole."""

    def add(self, data: memoryview, ends: Longs) -> None:
        """Append data[ends[i - 1] : ends[i]] to part i, for every part; threads may do so at once.

        Args:
            data: What goes to part 0, what goes to part 1, and so on.
            ends: Where each part's ends; as many each time.
        """
        ...

    def take(self, part: int) -> Data:
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


def no_steps(rows: int) -> Steps | None:
    """Return None, however many rows there are: nothing is compiled."""
    del rows
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a build needs of the world.

    Attributes:
        hash_rows: The kernel.
        spill: Makes an empty spill; called twice.
        each: Runs a function over part numbers, results in order.
        steps: Returns compiled steps for about so many rows, or None: the reference, by
            `hash_rows`.
    """

    hash_rows: HashRows = by_hashlib
    spill: Callable[[], Spill] = MemorySpill
    each: Each = map
    steps: Callable[[int], Steps | None] = no_steps

    def chosen(self, rows: int) -> Steps:
        """Return the steps for about so many rows."""
        return self.steps(rows) or PlainSteps(self.hash_rows)


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
        self._steps = ports.chosen(party_records)
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
        self._count += openings.num_rows
        self._openings.add(*self._steps.aside(openings, self._span, self._parts))

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

        steps = self._steps

        def commit(part: int) -> tuple[int, list[pa.Table]]:
            start, count, tables = part * self._span, 0, []
            data = self._openings.take(part)
            keys = steps.order(data, start)
            for first in range(start, start + self._span, self._work):
                last = min(first + self._work, start + self._span)
                edges = [(edge - start) << PLACE_BITS for edge in (first, last)]
                low, high = np.searchsorted(keys, edges)
                if low == high:
                    continue
                table = steps.table(data, keys[low:high], grounds)
                found, held = steps.entries(table, members(first, last), first=first, epoch=epoch)
                aside.add(*steps.split(found, bits))
                count += held
                tables.append(table)
            return count, tables

        total = 0
        try:
            for count, tables in self._ports.each(commit, range(self._parts)):
                total += count
                for table in tables:
                    keep(table)
            size = choose_k(total) if k is None else k
            root = _plant(aside, bits, size, write, steps, self._ports)
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
    steps = ports.chosen(expected)
    total = 0
    try:
        for some in found:
            total += len(some)
            aside.add(*steps.split(some, bits))
        k = choose_k(total)
        root = _plant(aside, bits, k, write, steps, ports)
    finally:
        aside.close()
    return Built(k=k, root=root, members=total, party_records=total)


def _plant(
    aside: Spill,
    bits: int,
    k: int,
    write: Callable[[str, bytes], None],
    steps: Steps,
    ports: Ports,
) -> Digest:
    """Write the files of all buckets, part by part, then the levels above; return the root."""
    shared = max(min(bits, k - TILE_HEIGHT), 0)  # a part holds whole tiles
    merged = 1 << (bits - shared)
    buckets = 1 << (k - shared)

    def plant(part: int) -> Rows:
        taken = [aside.take(i) for i in range(part * merged, (part + 1) * merged)]
        data = taken[0] if merged == 1 else b"".join(taken)
        planted = steps.plant(data, k=k, first=part * buckets, buckets=buckets)
        for path, content in planted.files:
            write(path, content)
        return planted.tops

    nodes = np.concatenate(list(ports.each(plant, range(1 << shared))))
    for level in range(1, k // TILE_HEIGHT + 1):
        files, nodes = tile_files(nodes, level=level, first=0, k=k, hash_rows=ports.hash_rows)
        for path, content in files:
            write(path, content)
    return Digest(nodes.tobytes())
