"""The map over the rows of one package: what a recall names, and what its answer proves.

A row's label is 32 bytes that only who hands over can compute,

    L = HMAC-SHA256(K, "byleave package row v1" || position:u64)        K: one key a package

and its place in the map is the public half L[:16]; its commitment is

    C = SHA-256(0x28 || L[16:] || digest of the row's columns)

Map, buckets and root are those of docs/spec/bucket-map.md, with rows in the place of members.
Who has no row of that label cannot tell what a label is of, nor that two labels of two packages
are of one row; C hides a row's content as long as L[16:] is unknown. Everything is a whole-column
step, save one HMAC and one digest a row, which `hashlib` takes one at a time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.errors import ConflictError, EvidenceError, InputError
from byleave.evidence.bucket import LABEL_BYTES, MAX_BUCKET
from byleave.evidence.delta_proof import BucketChange, DeltaProof, siblings_needed
from byleave.ids import Digest
from byleave.snapshot.bucket_map import choose_k
from byleave.snapshot.commit import ENTRY_BYTES, bucket_hashes, fixed, sort_entries
from byleave.snapshot.hashing import Rows, by_hashlib, hash_messages, tree_levels
from byleave.snapshot.record import record_digests

__all__ = ["ROW_LABEL", "RowMap", "pseudonyms", "row_entries", "row_labels"]

ROW_LABEL: Final = "byleave_row"
"""Column of a package's data that holds each row's label."""
_ROW_DOMAIN: Final = b"byleave package row v1"
_NAME_DOMAIN: Final = b"byleave pseudonym v1"
_TAG_ROW: Final = 0x28
_TAG_INNER: Final = 0x14
_LABEL_WIDTH: Final = 32
_NAME: Final = f"V{LABEL_BYTES}"
_INNER: Final = ENTRY_BYTES - LABEL_BYTES


def row_labels(key: bytes, positions: Iterable[int]) -> pa.Array:
    """Return the label of each position, binary(32). Cost: one HMAC a row, in a Python loop."""
    return pa.array(
        [hmac.digest(key, _ROW_DOMAIN + at.to_bytes(8, "big"), "sha256") for at in positions],
        pa.binary(_LABEL_WIDTH),
    )


def pseudonyms(key: bytes, values: pa.ChunkedArray) -> pa.Array:
    """Return ids, or lists of ids, as names that mean nothing outside this package.

    Cost: one HMAC for each id that occurs.

    Args:
        key: The package's key.
        values: Texts or whole numbers, or lists of them; null stays null.
    """
    column = values.combine_chunks()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        flat = pseudonyms(key, pa.chunked_array([column.flatten()]))
        counts = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        mask = column.is_null() if column.null_count else None
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), flat, mask=mask)
    coded = column.cast(pa.string()).dictionary_encode()
    names = [
        "p-" + hmac.digest(key, _NAME_DOMAIN + name.encode(), "sha256")[:16].hex()
        for name in coded.dictionary.to_pylist()
    ]
    return pa.array(names, pa.string()).take(coded.indices)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMap:
    """A built map: entries by label, loads by bucket, every level of the tree.

    Attributes:
        k: It has 2**k buckets.
        entries: uint8[rows, 48], label 16 ‖ C 32, ascending.
        levels: Tree nodes, the bucket leaves first; uint8[2**(k - height), 32].
    """

    k: int
    entries: Rows = field(repr=False)
    levels: tuple[Rows, ...] = field(repr=False)

    @property
    def root(self) -> Digest:
        """Root over the bucket leaves."""
        return Digest(bytes(self.levels[-1][0]))

    @property
    def rows(self) -> int:
        """Rows in it."""
        return len(self.entries)

    @classmethod
    def of(cls, table: pa.Table, *, k: int | None = None) -> RowMap:
        """Build the map of a package's rows.

        Args:
            table: Its columns, `byleave_row` among them.
            k: That of the package; None: as many buckets as these rows want.

        Raises:
            EvidenceError: `disclosure.copy-changed`, there is no column of labels, or one stands
                twice.
            InputError: Codes of `record_digests`.
            ConflictError: `map.bucket-overfull`.
        """
        return cls.of_parts([row_entries(table)], k=k)

    @classmethod
    def of_parts(cls, parts: Iterable[Rows], *, k: int | None = None) -> RowMap:
        """Build the map of rows that come a part at a time; memory: 48 bytes a row, twice.

        Args:
            parts: `row_entries` of each part.
            k: That of the package; None: as many buckets as these rows want.

        Raises:
            EvidenceError: `disclosure.copy-changed`, a label stands twice.
            ConflictError: `map.bucket-overfull`.
        """
        found = np.concatenate([np.empty((0, ENTRY_BYTES), np.uint8), *parts])
        if not len(found):
            return cls._built(found, k or 0)
        try:
            ordered = sort_entries(found)
        except InputError as error:
            raise _changed("two rows have one label") from error
        return cls._built(ordered, choose_k(len(ordered)) if k is None else k)

    @classmethod
    def of_entries(cls, data: bytes, k: int) -> RowMap:
        """Build the map again from the bytes of its entries.

        Raises:
            EvidenceError: `disclosure.copy-changed`, they are no entries in order.
        """
        if len(data) % ENTRY_BYTES:
            raise _changed("not the entries of a map of rows")
        entries = np.frombuffer(data, np.uint8).reshape(-1, ENTRY_BYTES)
        return cls._built(entries, k)

    @classmethod
    def _built(cls, entries: Rows, k: int) -> RowMap:
        loads = np.bincount(_buckets(entries, k), minlength=1 << k).astype(np.int64)
        if loads.max(initial=0) > MAX_BUCKET:
            raise ConflictError("a bucket would hold over 255 rows", code="map.bucket-overfull")
        leaves = bucket_hashes(entries, loads, by_hashlib)
        return cls(k=k, entries=entries, levels=tuple(tree_levels(leaves, by_hashlib)))

    def holds(self, labels: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """Return which of these public labels (16 bytes each) are in the map."""
        return np.isin(_names(labels), self._labels())

    def less(self, labels: Sequence[bytes]) -> RowMap:
        """Return the map less these rows.

        Raises:
            InputError: `map.member-absent`, a label is not in the map.
        """
        return self._built(self.entries[~self._rows_of(labels)], self.k)

    def without(self, labels: Sequence[bytes]) -> tuple[RowMap, DeltaProof]:
        """Return the map less these rows, and the proof that nothing else changed.

        Raises:
            InputError: `map.member-absent`, a label is not in the map.
        """
        gone = self._rows_of(labels)
        after = self._built(self.entries[~gone], self.k)
        numbers = np.unique(_buckets(self.entries[gone], self.k))
        changes = tuple(
            BucketChange(
                number=number,
                old_labels=old[0],
                old_inner=old[1],
                new_labels=new[0],
                new_inner=new[1],
            )
            for number, old, new in zip(
                numbers.tolist(),
                _contents(self.entries, self.k, numbers),
                _contents(after.entries, self.k, numbers),
                strict=True,
            )
        )
        siblings = tuple(
            bytes(after.levels[height][index])
            for height, index in siblings_needed(numbers.tolist(), self.k)
        )
        return after, DeltaProof(changes=changes, siblings=siblings)

    def _labels(self) -> npt.NDArray[np.void]:
        """Return each entry's label as one item."""
        return np.ascontiguousarray(self.entries[:, :LABEL_BYTES]).view(_NAME).ravel()

    def _rows_of(self, labels: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        gone: npt.NDArray[np.bool_] = np.isin(self._labels(), _names(labels))
        if int(gone.sum()) != len(labels):
            raise InputError("a removed label is not in the map", code="map.member-absent")
        return gone


def row_entries(table: pa.Table) -> Rows:
    """Return the map's entry of each row, uint8[rows, 48], in the order of the rows.

    Raises:
        EvidenceError: `disclosure.copy-changed`, there is no column of labels.
        InputError: Codes of `record_digests`.
    """
    if ROW_LABEL not in table.column_names or table.schema.field(ROW_LABEL).type != pa.binary(
        _LABEL_WIDTH
    ):
        raise _changed("the rows have no column of labels")
    if not len(table):
        return np.empty((0, ENTRY_BYTES), np.uint8)
    labels = fixed(table[ROW_LABEL].combine_chunks())
    names = [name for name in table.column_names if name != ROW_LABEL]
    digests = fixed(record_digests(table, names))
    made = hash_messages(by_hashlib, _TAG_ROW, labels[:, LABEL_BYTES:], digests)
    return np.concatenate([labels[:, :LABEL_BYTES], made], axis=1)


def _buckets(entries: Rows, k: int) -> npt.NDArray[np.int64]:
    """Return the bucket of each entry: the first k bits of its label."""
    head = np.ascontiguousarray(entries[:, :8]).view(">u8").ravel().astype(np.uint64)
    if not k:
        return np.zeros(len(head), np.int64)
    return (head >> np.uint64(64 - k)).astype(np.int64)


def _names(labels: Sequence[bytes]) -> npt.NDArray[np.void]:
    return np.frombuffer(b"".join(labels), _NAME)


def _contents(
    entries: Rows, k: int, numbers: npt.NDArray[np.int64]
) -> Iterator[tuple[tuple[bytes, ...], bytes]]:
    """Yield labels and inner hash of some buckets. Cost: one hash a bucket, one slice a row."""
    buckets = _buckets(entries, k)
    starts = np.searchsorted(buckets, numbers).tolist()
    ends = np.searchsorted(buckets, numbers, side="right").tolist()
    labels = entries[:, :LABEL_BYTES].tobytes()
    inner = entries[:, LABEL_BYTES:].tobytes()
    head = bytes([_TAG_INNER])
    for start, end in zip(starts, ends, strict=True):
        yield (
            tuple(
                labels[at : at + LABEL_BYTES]
                for at in range(start * LABEL_BYTES, end * LABEL_BYTES, LABEL_BYTES)
            ),
            hashlib.sha256(head + inner[start * _INNER : end * _INNER]).digest(),
        )


def _changed(what: str) -> EvidenceError:
    return EvidenceError(what, code="disclosure.copy-changed")
