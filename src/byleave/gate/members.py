"""Member ids to ordinals, once per column.

`MemberIndex.ids[ordinal]` is the platform's id as text. An id that is not there resolves to
`UNKNOWN`, a null to `MISSING`; integers are compared as their decimal text. Exact, never
probabilistic: a false match would be an unlawful use.

The way in is made once per index and kept: where all ids are one prefix and a whole number
(`7`, `urn:li:member:7`), a table over the numbers; else the ids sorted by a hash of their bytes,
and what the hash finds is compared byte for byte. (Arrow's `index_in` hashes all ids anew for
every batch: two seconds a batch at ten million.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.errors import InputError

__all__ = ["MISSING", "UNKNOWN", "Dense", "IdKernel", "MemberIndex", "ids_as_text"]

UNKNOWN: Final = -1
MISSING: Final = -2
_DIGITS: Final = 19
_SPARSE: Final = 8
"""A table over the numbers may be at most so many times as long as there are members."""
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_ONES: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_ZEROS: Final = np.uint64(0x3030303030303030)
_SIX: Final = np.uint64(0x0606060606060606)
_HIGH: Final = np.uint64(0xF0F0F0F0F0F0F0F0)
_MARGIN: Final = 32
_BLOCK: Final = 1 << 14
"""Ids taken at a time: what is in hand stays in cache."""

Longs = npt.NDArray[np.int64]


class IdKernel(Protocol):
    """Compiled loops for ids that are texts; the answers are the same as without."""

    def suffixes(
        self, offsets: Longs, data: npt.NDArray[np.uint8], prefix: bytes
    ) -> tuple[Longs, npt.NDArray[np.bool_]]:
        """Return what `_suffixes` does, of texts at offsets in `data`."""
        ...

    def find(
        self,
        offsets: Longs,
        data: npt.NDArray[np.uint8],
        known: tuple[Longs, npt.NDArray[np.uint8]],
        hashes: npt.NDArray[np.uint64],
        order: npt.NDArray[np.int32],
        starts: npt.NDArray[np.int32],
        shift: np.uint64,
    ) -> Longs:
        """Return the ordinal of each text, `UNKNOWN` where there is none; compared byte for byte.

        Args:
            offsets: Where each text begins and ends; int64[n + 1].
            data: The texts' bytes.
            known: The same of all members' ids.
            hashes: `_hash` of the ids, ascending.
            order: Ordinal of each of them.
            starts: Where each leading part of a hash begins.
            shift: How much lower than the hash its leading part is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Ids that follow one another: `prefix` and the whole numbers from `first` on, by ordinal."""

    prefix: str
    first: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class MemberIndex:
    """All member ids in the order of their ordinals.

    Attributes:
        dense: How the ids follow one another, if they do: then no table of them is held.
    """

    _ids: pa.Array | None
    dense: Dense | None = None
    _way: _ByNumber | _ByKey | _ByHash | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, ids: Iterable[str] | pa.Array) -> MemberIndex:
        """Make an index of ids in the order of their ordinals.

        Raises:
            InputError: `input.malformed`, a null or a repeated id.
        """
        array = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.large_string())
        array = array.cast(pa.large_string())
        made = cls(array)
        if array.null_count or not made.way.is_unique:
            raise InputError("a member id is null or stands twice", code="input.malformed")
        way = made.way
        if isinstance(way, _ByNumber) and way.first is not None:
            return cls.counting(len(array), prefix=way.prefix, first=way.first)
        return made

    @classmethod
    def counting(cls, count: int, *, prefix: str = "", first: int = 0) -> MemberIndex:
        """Make an index of the ids `prefix` and `first`, `first + 1`, ...: found by arithmetic."""
        return cls(None, Dense(prefix=prefix, first=first, count=count))

    @classmethod
    def trusted(cls, ids: pa.Array) -> MemberIndex:
        """Make an index of ids that one has held before: `large_string`, no null, none twice."""
        return cls(ids)

    @property
    def ids(self) -> pa.Array:
        """The ids in the order of ordinals, `large_string`; made anew where they follow."""
        if self._ids is not None:
            return self._ids
        dense = cast("Dense", self.dense)
        numbers = pa.array(np.arange(dense.first, dense.first + dense.count)).cast(
            pa.large_string()
        )
        if not dense.prefix:
            return numbers
        text = pa.large_string()
        return pc.binary_join_element_wise(
            pa.scalar(dense.prefix, text), numbers, pa.scalar("", text)
        )

    def __len__(self) -> int:
        return len(self._ids) if self._ids is not None else cast("Dense", self.dense).count

    def __reduce__(self) -> tuple[type[MemberIndex], tuple[pa.Array | None, Dense | None]]:
        """Travel without the way in: where it is needed it is made anew."""
        return MemberIndex, (self._ids, self.dense)

    @property
    def way(self) -> _ByNumber | _ByKey | _ByHash:
        """How ids are found, made when it is first needed."""
        if self._way is None:
            object.__setattr__(self, "_way", _numbers_of(self.ids) or _ByHash.of(self.ids))
        return cast("_ByNumber | _ByKey | _ByHash", self._way)

    def resolve(self, column: pa.Array, kernel: IdKernel | None = None) -> npt.NDArray[np.int64]:
        """Return the ordinal of each id; `UNKNOWN` and `MISSING` where there is none.

        Args:
            column: Text, whole numbers, or a dictionary of them.
            kernel: Compiled loops for texts; None: NumPy.
        """
        if pat.is_dictionary(column.type):
            values = self.resolve(column.dictionary, kernel)
            codes = np.asarray(pc.fill_null(column.indices, -1).cast(pa.int64()))
            return np.take(np.append(values, np.int64(MISSING)), codes)
        if not len(self):
            ordinals = np.full(len(column), UNKNOWN, np.int64)
        elif self.dense is not None:
            ordinals = _count_from(column, self.dense, kernel)
        elif isinstance(self.way, _ByKey) and pat.is_integer(column.type):
            ordinals = self.way.find_numbers(column)
        else:
            ordinals = self.way.find(_filled(column), kernel)
        if column.null_count:
            ordinals[np.asarray(pc.is_null(column))] = MISSING
        return ordinals

    def places(
        self, column: pa.Array, kernel: IdKernel | None = None
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Return ordinals to look up as they stand, and where there is none.

        Where ids are whole numbers from 0 on, the column's own values are returned, uncopied.

        Args:
            column: As in `resolve`.
            kernel: As in `resolve`.

        Returns:
            Ordinals of any integer type, all of them below the number of members and none below
            zero (0 where there is none); and the rows where an id is null or unknown, or None.
        """
        dense = self.dense
        plain = dense is not None and not dense.prefix and dense.first == 0
        if plain and pat.is_integer(column.type) and not column.null_count and len(self):
            values = np.asarray(column)
            if values.dtype.kind == "u":  # one pass tells both ends
                sound = not len(values) or int(values.max()) < len(self)
            else:
                sound = not len(values) or (values.min() >= 0 and int(values.max()) < len(self))
            if sound:
                return values, None
        found = self.resolve(column, kernel)
        strange = found < 0
        if not strange.any():
            return found, None
        found[strange] = 0
        return found, strange


@dataclass(frozen=True, slots=True, eq=False)
class _ByNumber:
    """Ids that are a prefix and a whole number below a bound: one look into a table."""

    prefix: str
    table: npt.NDArray[np.int32]
    is_unique: bool
    first: int | None

    def find(self, texts: pa.Array, kernel: IdKernel | None) -> Longs:
        found = np.full(len(texts), UNKNOWN, np.int64)
        numbers, good = _suffixes(texts, self.prefix, kernel)
        rows = np.flatnonzero(good & (numbers < len(self.table)))
        found[rows] = self.table[numbers[rows]]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _ByKey:
    """Ids that are a prefix and a whole number anywhere below 2^63: the number is its own proof.

    Numbers are mixed by a multiplication that can be undone, so that equal mixtures are equal
    numbers, and sorted by it, with a table of where each leading part of it begins. 16 to 20
    bytes a member.
    """

    prefix: str
    keys: npt.NDArray[np.uint64]
    order: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    shift: np.uint64
    is_unique: bool

    @classmethod
    def of(cls, prefix: str, numbers: Longs) -> _ByKey:
        mixed = numbers.view(np.uint64) * _ODD
        order = np.argsort(mixed, kind="stable").astype(np.int32)
        keys = mixed[order]
        bits = max(1, min(26, len(numbers).bit_length()))
        shift = np.uint64(64 - bits)
        counts = np.bincount((keys >> shift).astype(np.int64), minlength=2**bits)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int32)
        return cls(prefix, keys, order, starts, shift, not bool((keys[1:] == keys[:-1]).any()))

    def find(self, texts: pa.Array, kernel: IdKernel | None) -> Longs:
        numbers, good = _suffixes(texts, self.prefix, kernel)
        return np.where(good, self._find(numbers), UNKNOWN)

    def find_numbers(self, column: pa.Array) -> Longs:
        """Return the ordinals of whole numbers, never as text; nulls come out as anything."""
        if self.prefix:
            return np.full(len(column), UNKNOWN, np.int64)
        values = np.asarray(pc.fill_null(column, 0) if column.null_count else column)
        good = values >= 0
        if values.dtype == np.uint64:
            good &= values < np.uint64(2**63)
        return np.where(good, self._find(values.astype(np.int64)), UNKNOWN)

    def _find(self, numbers: Longs) -> Longs:
        found = np.empty(len(numbers), np.int64)
        for start in range(0, len(numbers), _BLOCK):
            block = slice(start, start + _BLOCK)
            mixed = numbers[block].view(np.uint64) * _ODD
            bucket = (mixed >> self.shift).astype(np.int64)
            at = np.take(self.starts, bucket)
            np.minimum(at, np.int32(len(self.keys) - 1), out=at)
            hit = np.take(self.keys, at) == mixed
            found[block] = np.where(hit, np.take(self.order, at), UNKNOWN)
            rows = np.flatnonzero(~hit)
            end = self.starts[bucket[rows] + 1]
            at = at[rows] + 1
            while len(rows):
                inside = at < end
                rows, at, end = rows[inside], at[inside], end[inside]
                same = self.keys[at] == mixed[rows]
                found[start + rows[same]] = self.order[at[same]]
                rows, at, end = rows[~same], at[~same] + 1, end[~same]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _ByHash:
    """Ids sorted by a 64-bit hash, with a table of where each leading part of it begins."""

    ids: pa.Array
    hashes: npt.NDArray[np.uint64]
    order: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    shift: np.uint64
    longest: int
    is_unique: bool

    @classmethod
    def of(cls, ids: pa.Array) -> _ByHash:
        hashes = _hash(ids)
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        ordered = hashes[order]
        bits = max(1, min(26, len(ids).bit_length()))
        shift = np.uint64(64 - bits)
        starts = np.searchsorted(ordered >> shift, np.arange(2**bits + 1, dtype=np.uint64))
        same = np.flatnonzero(ordered[1:] == ordered[:-1])
        # equal hashes stand together; whether equal ids are among them is asked of the ids
        again = np.unique(np.concatenate([order[same], order[same + 1]]))
        few = ids.take(pa.array(again))
        return cls(
            ids=ids,
            hashes=ordered,
            order=order,
            starts=starts.astype(np.int32),
            shift=shift,
            longest=int(np.diff(starts).max(initial=0)),
            is_unique=len(pc.unique(few)) == len(few),
        )

    def find(self, texts: pa.Array, kernel: IdKernel | None) -> Longs:
        if kernel is not None:
            return kernel.find(
                *_bytes_of(texts),
                _bytes_of(self.ids),
                self.hashes,
                self.order,
                self.starts,
                self.shift,
            )
        found = np.full(len(texts), UNKNOWN, np.int64)
        hashes = _hash(texts)
        bucket = (hashes >> self.shift).astype(np.int64)
        at, end = self.starts[bucket].astype(np.int64), self.starts[bucket + 1]
        open_rows = np.arange(len(texts))
        for _ in range(self.longest):
            inside = at < end[open_rows]
            open_rows, at = open_rows[inside], at[inside]
            if not len(open_rows):
                break
            hit = self.hashes[at] == hashes[open_rows]
            if hit.any():
                rows, places = open_rows[hit], self.order[at[hit]]
                equal = pc.equal(texts.take(pa.array(rows)), self.ids.take(pa.array(places)))
                same = np.asarray(equal, np.bool_)
                found[rows[same]] = places[same]
            still = found[open_rows] == UNKNOWN
            open_rows, at = open_rows[still], at[still] + 1
        return found


def _numbers_of(ids: pa.Array) -> _ByNumber | _ByKey | None:
    """Return the table of ids that are one prefix and whole numbers; None for others."""
    if not len(ids) or ids.null_count:
        return None
    first = str(ids[0])
    prefix = first.rstrip("0123456789")
    numbers, good = _suffixes(ids, prefix)
    if not good.all():
        return None
    if int(numbers.max()) >= max(1024, _SPARSE * len(ids)):
        return _ByKey.of(prefix, numbers)
    table = np.full(int(numbers.max()) + 1, UNKNOWN, np.int32)
    table[numbers] = np.arange(len(ids), dtype=np.int32)
    lowest = int(numbers[0])
    follow = bool((numbers == np.arange(lowest, lowest + len(ids))).all())
    unique = int((table != UNKNOWN).sum()) == len(ids)
    return _ByNumber(prefix, table, unique, lowest if follow else None)


def _count_from(column: pa.Array, dense: Dense, kernel: IdKernel | None) -> Longs:
    """Return ordinals by arithmetic; nulls come out as anything."""
    if pat.is_integer(column.type):
        if dense.prefix:
            return np.full(len(column), UNKNOWN, np.int64)
        values = np.asarray(pc.fill_null(column, 0) if column.null_count else column)
        good = values >= dense.first
        good &= values < dense.first + dense.count
        return np.where(good, values.astype(np.int64) - dense.first, UNKNOWN)
    numbers, good = _suffixes(_filled(column), dense.prefix, kernel)
    good &= (numbers >= dense.first) & (numbers < dense.first + dense.count)
    return np.where(good, numbers - dense.first, UNKNOWN)


def _suffixes(
    texts: pa.Array, prefix: str, kernel: IdKernel | None = None
) -> tuple[Longs, npt.NDArray[np.bool_]]:
    """Return the whole number after the prefix, and where a text is just that, in decimal.

    Eight characters at a time, as one 64-bit word; numbers below 2^63, and 007 is not 7.
    """
    offsets, data = _bytes_of(texts)
    if kernel is not None:
        return kernel.suffixes(offsets, data, prefix.encode())
    first, last = int(offsets[0]), int(offsets[-1])
    margin = _MARGIN + len(prefix.encode())
    edge = np.zeros(margin, np.uint8)
    padded = np.concatenate([edge, data[first:last], edge])
    words = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    numbers = np.zeros(len(texts), np.int64)
    good = np.zeros(len(texts), np.bool_)
    for start in range(0, len(texts), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(texts)))
        begins = offsets[block] + (margin - first)
        ends = offsets[block.start + 1 : block.stop + 1] + (margin - first)
        numbers[block], good[block] = _decimal(words, padded, begins, ends, prefix.encode())
    return numbers, good


def _decimal(
    words: npt.NDArray[np.uint64],
    text: npt.NDArray[np.uint8],
    begins: Longs,
    ends: Longs,
    head: bytes,
) -> tuple[Longs, npt.NDArray[np.bool_]]:
    """Read the numbers of some texts behind a prefix."""
    digits = ends - begins - len(head)
    good = (digits > 0) & (digits <= _DIGITS)
    for place in range(0, len(head), 8):
        part = head[place : place + 8]
        wanted = np.uint64((1 << 8 * len(part)) - 1)
        good &= words[begins + place] & wanted == np.uint64(int.from_bytes(part, "little"))
    good &= (digits == 1) | (text[np.minimum(begins + len(head), len(text) - 1)] != 48)
    value = np.zeros(len(begins), np.uint64)
    longest = int(np.max(digits, initial=0, where=good))
    for back in range(-(-longest // 8) - 1, -1, -1):
        left = np.clip(digits - 8 * back, 0, 8)
        # characters that are not this number's count as zeros
        shift = (np.uint64(8) * (np.uint64(8) - left.astype(np.uint64))) & np.uint64(63)
        mask = np.where(left > 0, _ONES << shift, np.uint64(0))
        word = words[np.maximum(ends - 8 * (back + 1), 0)]
        word = (word & mask) | (_ZEROS & ~mask)
        low = word - _ZEROS
        good &= ((low | (low + _SIX)) & _HIGH) == 0
        low = (low * np.uint64(2561)) >> np.uint64(8)
        low = ((low & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
        low = ((low & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)
        value = value * np.uint64(10**8) + low
    good &= value < np.uint64(2**63)
    numbers: Longs = np.where(good, value, np.uint64(0)).astype(np.int64)
    return numbers, good


def _hash(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """Hash texts eight bytes at a time; equal texts have equal hashes, and no more is needed."""
    offsets, data = _bytes_of(texts)
    starts, length = offsets[:-1], np.diff(offsets)
    padded = np.concatenate([data, np.zeros(8, np.uint8)])
    words = np.lib.stride_tricks.sliding_window_view(padded, 8)
    result = length.astype(np.uint64) * _ODD
    rows = np.arange(len(texts))
    for place in range(0, int(length.max(initial=0)), 8):
        rows = rows[length[rows] > place]
        taken = np.ascontiguousarray(words[starts[rows] + place]).view(np.uint64).ravel()
        left = np.minimum(length[rows] - place, 8).astype(np.uint64)
        taken = taken & (_ONES >> (np.uint64(64) - left * np.uint64(8)))
        mixed = (result[rows] ^ taken) * _ODD
        result[rows] = mixed ^ (mixed >> np.uint64(32))
    return (result ^ (result >> np.uint64(29))) * _ODD


def _bytes_of(texts: pa.Array) -> tuple[Longs, npt.NDArray[np.uint8]]:
    """Return the offsets and bytes of a `large_string` array without nulls, copying neither."""
    buffers = texts.buffers()
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(1, np.uint8)
    offsets = np.frombuffer(buffers[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(buffers[2] or b"", np.uint8) if buffers[2] else np.zeros(0, np.uint8)
    return offsets, data if len(data) else np.zeros(1, np.uint8)


def _filled(column: pa.Array) -> pa.Array:
    """Return ids as text, nulls as the empty one."""
    text = ids_as_text(column)
    return pc.fill_null(text, "") if text.null_count else text


def ids_as_text(column: pa.Array) -> pa.Array:
    """Return ids as `large_string`; integers in decimal, nulls stay null."""
    if pat.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_string())
