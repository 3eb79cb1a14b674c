"""The files of a map, and proofs and deltas from them: nothing is rebuilt to make either.

    tile/L/N     as tlog-tiles names it: the 256 nodes of height 8·L from 256·N on, 8,192 bytes,
                 then the seven levels above them and their root, 8,160 bytes
    bucket/N     256 buckets from 256·N on: 256 loads of one byte, then 48 bytes a member

The first 8,192 bytes of a tile are the tile of C2SP tlog-tiles, so that any log client can check
a map. The levels that follow are what a path and a removal need: with them neither rehashes a
tile. A proof reads one file of buckets and one tile a level, and is folded to the root before it
is handed out. The right edge of a map is narrower only where the whole level is (2^k leaves).
`bucket/` is private: commitments stand in it, though no identity and no content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import (
    LABEL_BYTES,
    AbsenceProof,
    PresenceProof,
    RecordOpening,
    bucket_leaf,
    bucket_of,
    inner_hash,
)
from byleave.evidence.directory import Listed
from byleave.ids import Digest
from byleave.merkle.tile import TILE_HEIGHT, TILE_WIDTH, Tile, format_index
from byleave.snapshot.commit import ENTRY_BYTES
from byleave.snapshot.hashing import HashRows, Longs, Rows, next_level

__all__ = ["Bucket", "MapReader", "bucket_files", "bucket_path", "tile_files", "tile_path"]

_HASH: Final = 32
_KEPT_FILES: Final = 512
"""Files one reader keeps: some 10 MB."""

Bucket = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""(public labels ascending, commitments C in their order)."""


def tile_path(level: int, index: int, k: int) -> str:
    """Return the path of a tile of a map of 2**k buckets."""
    width = min(TILE_WIDTH, 1 << max(k - TILE_HEIGHT * level, 0))
    return Tile(level=level, index=index, width=width).path


def bucket_path(index: int, k: int) -> str:
    """Return the path of the file that holds the buckets from 256 · index on."""
    return f"bucket/{format_index(index, min(TILE_WIDTH, 1 << k))}"


def tile_levels(k: int) -> int:
    """Return how many levels of tiles a map has: at most four for k below 32."""
    return k // TILE_HEIGHT + 1


def tile_files(
    nodes: Rows, *, level: int, first: int, k: int, hash_rows: HashRows
) -> tuple[Iterator[tuple[str, bytes]], Rows]:
    """Return the tiles over some consecutive nodes, and the nodes of the level of tiles above.

    Args:
        nodes: The nodes of height 8 * level from 256 * first on; whole tiles of them.
        level: Level of the tiles.
        first: Index of the first tile.
        k: The map has 2**k buckets.
        hash_rows: The kernel. Cost: one hash a node.
    """
    width = min(TILE_WIDTH, 1 << (k - TILE_HEIGHT * level))
    parts = [nodes.reshape(-1, width * _HASH)]
    while parts[-1].shape[1] > _HASH:
        above = next_level(parts[-1].reshape(-1, _HASH), hash_rows)
        parts.append(above.reshape(len(parts[0]), -1))
    tops = parts[-1]
    if width == 1:
        parts = parts[:1]

    def files() -> Iterator[tuple[str, bytes]]:
        whole = np.concatenate(parts, axis=1)
        for offset, row in enumerate(whole):
            yield tile_path(level, first + offset, k), row.tobytes()

    return files(), tops


def bucket_files(found: Rows, loads: Longs, *, first: int, k: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of buckets for sorted entries; `loads` covers whole files."""
    width = min(TILE_WIDTH, 1 << k)
    ends = np.cumsum(loads)
    data = found.tobytes()
    small = loads.astype(np.uint8)
    start = 0
    for number, at in enumerate(range(0, len(loads), width)):
        end = int(ends[at + width - 1]) * ENTRY_BYTES
        yield bucket_path(first + number, k), small[at : at + width].tobytes() + data[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class _Tile:
    """One tile's bytes, and where each of its levels begins."""

    data: bytes
    width: int

    def node(self, height: int, index: int) -> bytes:
        at = (2 * self.width - (2 * self.width >> height) + index) * _HASH
        return self.data[at : at + _HASH]


class MapReader:
    """Reads a map from its files.

    Args:
        k: The map has 2**k buckets.
        epoch: Its lineage epoch E.
        root: Its root, from the log entry.
        read: Returns the bytes of a file of the map, by path, or raises.
    """

    def __init__(self, *, k: int, epoch: bytes, root: bytes, read: Callable[[str], bytes]) -> None:
        self.k = k
        self.epoch = epoch
        self.root = Digest(root)
        self._read = read
        self._kept: dict[str, bytes] = {}

    def absence(self, public: bytes) -> AbsenceProof:
        """Return the proof that no member has the label `public` (16 bytes).

        Raises:
            InputError: `map.member-present`.
            EvidenceError: `snapshot.map-damaged`.
        """
        labels, commitments, path = self._opened(public)
        if public in labels:
            raise InputError("this label is in the map", code="map.member-present")
        return AbsenceProof(labels=labels, inner=inner_hash(commitments), path=path)

    def presence(self, public: bytes, records: Sequence[RecordOpening]) -> PresenceProof:
        """Return the proof of exactly these records of the member labelled `public`.

        Args:
            public: The label's public half, 16 bytes.
            records: All the member's records, from the openings, in any order.

        Raises:
            InputError: `map.member-absent`.
            EvidenceError: `snapshot.map-damaged`.
        """
        labels, commitments, path = self._opened(public)
        if public not in labels:
            raise InputError("this label is not in the map", code="map.member-absent")
        place = labels.index(public)
        return PresenceProof(
            labels=labels,
            commitments=commitments[:place] + commitments[place + 1 :],
            records=tuple(sorted(records, key=lambda r: merkle.leaf_hash(r.leaf_data()))),
            path=path,
        )

    def listed(self, public: bytes, vrf: bytes) -> Listed:
        """Return the proof that a directory lists the label `public`.

        Args:
            public: The label's public half, 16 bytes.
            vrf: The VRF proof of the id it is of.

        Raises:
            InputError: `map.member-absent`.
            EvidenceError: `snapshot.map-damaged`.
        """
        found = self.presence(public, ())
        return Listed(vrf=vrf, labels=found.labels, commitments=found.commitments, path=found.path)

    def bucket(self, number: int) -> Bucket:
        """Return one bucket; nothing is checked."""
        width = min(TILE_WIDTH, 1 << self.k)
        data = self.file(bucket_path(number // width, self.k))
        place = number % width
        start = width + ENTRY_BYTES * sum(data[:place])
        rows = [
            data[at : at + ENTRY_BYTES]
            for at in range(start, start + ENTRY_BYTES * data[place], ENTRY_BYTES)
        ]
        return tuple(r[:LABEL_BYTES] for r in rows), tuple(r[LABEL_BYTES:] for r in rows)

    def node(self, height: int, index: int) -> bytes:
        """Return one node of the tree; nothing is checked."""
        level = min(height // TILE_HEIGHT, tile_levels(self.k) - 1)
        within = height - TILE_HEIGHT * level
        width = min(TILE_WIDTH, 1 << (self.k - TILE_HEIGHT * level))
        tile, place = divmod(index, width >> within)
        return _Tile(self.file(tile_path(level, tile, self.k)), width).node(within, place)

    def path(self, number: int) -> tuple[bytes, ...]:
        """Return the siblings from a bucket up to the root; nothing is checked."""
        found: list[bytes] = []
        for level in range(tile_levels(self.k)):
            width = min(TILE_WIDTH, 1 << (self.k - TILE_HEIGHT * level))
            tile, place = divmod(number >> (TILE_HEIGHT * level), width)
            data = _Tile(self.file(tile_path(level, tile, self.k)), width)
            heights = range(width.bit_length() - 1)
            found += [data.node(height, (place >> height) ^ 1) for height in heights]
        return tuple(found)

    def file(self, path: str) -> bytes:
        """Return a file of the map; the last few hundred are kept."""
        data = self._kept.get(path)
        if data is None:
            data = self._read(path)
            if len(data) < self._least(path):
                raise damaged(path)
            if len(self._kept) >= _KEPT_FILES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[path] = data
        return data

    def _least(self, path: str) -> int:
        if path.startswith("bucket/"):
            return min(TILE_WIDTH, 1 << self.k)
        level = int(path.split("/")[1])
        return (2 * min(TILE_WIDTH, 1 << (self.k - TILE_HEIGHT * level)) - 1) * _HASH

    def _opened(
        self, public: bytes
    ) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]]:
        """Return labels, commitments and path of a label's bucket, folded to the root first."""
        if len(public) != LABEL_BYTES:
            raise InputError("a label's public half has 16 bytes", code="map.parameters")
        number = bucket_of(public, self.k)
        labels, commitments = self.bucket(number)
        path = self.path(number)
        node: bytes = bucket_leaf(labels, inner_hash(commitments))
        for height, sibling in enumerate(path):
            pair = (sibling, node) if number >> height & 1 else (node, sibling)
            node = hashlib.sha256(b"\x01%b%b" % pair).digest()
        if node != self.root:
            raise damaged(bucket_path(number // TILE_WIDTH, self.k))
        return labels, commitments, path


def damaged(path: str) -> EvidenceError:
    """Return the error of a map's file that does not lead to the root."""
    return EvidenceError(
        "a file of the map does not lead to the snapshot's root",
        code="snapshot.map-damaged",
        where=path,
        hint="the map is rebuilt from the openings by byleave snapshot fsck --repair",
    )
