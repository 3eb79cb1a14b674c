"""The steps of building a map that touch every row: what a compiled kernel may be put in for.

`PlainSteps` is the reference: NumPy, and one port that hashes. Compiled steps
(`byleave.engines.map_steps`) are injected where there are enough rows to be worth loading them, and
give the same bytes (a property test holds them to it, and both to `bucket_map.build`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.errors import ConflictError
from byleave.evidence.bucket import MAX_BUCKET
from byleave.merkle.tile import TILE_HEIGHT
from byleave.snapshot.commit import (
    ENTRY_BYTES,
    Enrolled,
    OpeningColumns,
    binary,
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

__all__ = ["OPENING", "PLACE_BITS", "Data", "PlainSteps", "Planted", "Steps", "unique_places"]

PLACE_BITS: Final = 40
"""A row's place below a number, in one integer: sorted at once, and stable."""
_PLACE: Final = (1 << PLACE_BITS) - 1

OPENING: Final = np.dtype(
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

Data = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Planted:
    """A part of a map.

    Attributes:
        files: Its files of buckets and its tiles of level 0; taken once.
        tops: The roots of these tiles, uint8[tiles, 32].
    """

    files: Iterator[tuple[str, bytes]]
    tops: Rows


class Steps(Protocol):
    """What a build does to openings and entries; holds no state, so that threads may share it."""

    def aside(self, openings: pa.Table, span: int, parts: int) -> tuple[memoryview, Longs]:
        """Return openings as items of 90 bytes (`OPENING`), by part, and where each part ends.

        Args:
            openings: `OPENINGS_SCHEMA`; the column `ground_leaf` is not needed.
            span: Ordinals of a part.
            parts: How many; every ordinal is below parts * span.

        Raises:
            IndexError: One is not, which would leave its opening out.
        """
        ...

    def order(self, data: Data, first: int) -> Longs:
        """Return a number for each opening put aside, ascending.

        Its ordinal less `first`, times 2**PLACE_BITS, plus its place in `data`.
        """
        ...

    def table(self, data: Data, keys: Longs, grounds: Callable[[Longs], Rows]) -> pa.Table:
        """Return the openings at the places of some keys, in their order (`OPENINGS_SCHEMA`).

        Args:
            data: Openings put aside.
            keys: As `order` gives them; one at least.
            grounds: Leaf hashes of log entries by ascending index, uint8[n, 32].
        """
        ...

    def entries(
        self, openings: pa.Table, members: Enrolled, *, first: int, epoch: bytes
    ) -> tuple[Rows, int]:
        """Return the entry of each member who occurs, uint8[m, 48], and m.

        Args:
            openings: All openings of these members, by ordinal; one at least.
            members: Secrets and enrolments of the ordinals from `first` on.
            first: Lowest ordinal in `members`.
            epoch: Lineage epoch E, 16 bytes.

        Raises:
            ConflictError: `snapshot.erased-member`.
        """
        ...

    def split(self, found: Rows, bits: int) -> tuple[memoryview, Longs]:
        """Return entries by the first bits of their labels, and where each of 2**bits parts ends."""
        ...

    def plant(self, data: Data, *, k: int, first: int, buckets: int) -> Planted:
        """Return the part of a map that has `buckets` buckets from `first` on: whole tiles.

        Args:
            data: All entries in them, in any order.
            k: The map has 2**k buckets.
            first: Number of the first bucket.
            buckets: How many.

        Raises:
            ConflictError: `map.bucket-overfull`.
            InputError: `map.label-twice`.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlainSteps:
    """`Steps` by NumPy, whole columns at a time: the reference."""

    hash_rows: HashRows = by_hashlib

    def aside(self, openings: pa.Table, span: int, parts: int) -> tuple[memoryview, Longs]:
        """Return openings by part (see `Steps`)."""
        rows = np.empty(openings.num_rows, OPENING)
        for name in OPENING.names or ():
            kind = OPENING[name]
            column = openings[name]
            if kind.kind == "V":
                rows[name] = np.ascontiguousarray(fixed(column)).view(kind).ravel()
            else:
                rows[name] = plain(column)
        return _by_part(rows, rows["ordinal"] // span, parts)

    def order(self, data: Data, first: int) -> Longs:
        """Return openings put aside in order of their members (see `Steps`)."""
        place = np.frombuffer(data, OPENING)["ordinal"] - first
        return np.sort((place << PLACE_BITS) | np.arange(len(place)))

    def table(self, data: Data, keys: Longs, grounds: Callable[[Longs], Rows]) -> pa.Table:
        """Return openings as a table (see `Steps`)."""
        rows = np.frombuffer(data, OPENING).take(keys & _PLACE)
        unique, inverse = unique_places(np.ascontiguousarray(rows["ground_index"]))
        arrays = {"ground_leaf": binary(grounds(unique).take(inverse, axis=0))}
        for name in OPENING.names or ():
            column = np.ascontiguousarray(rows[name])
            if column.dtype.kind == "V":
                arrays[name] = binary(column.view(np.uint8).reshape(len(column), -1))
            else:
                arrays[name] = pa.array(column)
        return pa.table([arrays[name] for name in OPENINGS_SCHEMA.names], schema=OPENINGS_SCHEMA)

    def entries(
        self, openings: pa.Table, members: Enrolled, *, first: int, epoch: bytes
    ) -> tuple[Rows, int]:
        """Return the entry of each member (see `Steps`)."""
        columns = OpeningColumns.of(openings)
        found, held = entries(columns, members, first=first, epoch=epoch, hash_rows=self.hash_rows)
        return found, len(held)

    def split(self, found: Rows, bits: int) -> tuple[memoryview, Longs]:
        """Return entries by the first bits of their labels (see `Steps`)."""
        whole = np.ascontiguousarray(found).view(f"V{ENTRY_BYTES}").ravel()
        return _by_part(whole, _first_bits(found, bits), 1 << bits)

    def plant(self, data: Data, *, k: int, first: int, buckets: int) -> Planted:
        """Return a part of a map (see `Steps`)."""
        found = sort_entries(np.frombuffer(data, np.uint8).reshape(-1, ENTRY_BYTES))
        loads = _loads(found, k, first, buckets)
        leaves = bucket_hashes(found, loads, self.hash_rows)
        tile = first >> TILE_HEIGHT
        tiles, tops = tile_files(leaves, level=0, first=tile, k=k, hash_rows=self.hash_rows)

        def files() -> Iterator[tuple[str, bytes]]:
            yield from bucket_files(found, loads, first=tile, k=k)
            yield from tiles

        return Planted(files(), tops)


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


def _by_part(
    rows: npt.NDArray[Any], part: npt.NDArray[Any], parts: int
) -> tuple[memoryview, Longs]:
    """Return rows by part, in the order in which they are; each moves once, as one item."""
    numbers = part.astype(np.int64)
    ends = np.cumsum(np.bincount(numbers, minlength=parts)) * rows.itemsize
    if len(ends) > parts:
        raise IndexError("an ordinal is not below the number of ordinals")
    order = np.sort((numbers << PLACE_BITS) | np.arange(len(numbers))) & _PLACE
    ordered = rows if parts == 1 else rows.take(order)
    return ordered.view(np.uint8).data, ends


def unique_places(numbers: Longs) -> tuple[Longs, Longs]:
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
