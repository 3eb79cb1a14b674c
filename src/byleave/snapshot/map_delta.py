"""Change a map in its files: two hashes a touched bucket, one a node above it, and no others.

`changed_files` returns the files that differ from the parent's, and the new root; a touched label
costs 2 + k hashes at most, one file of buckets and one tile a level (four for k below 32).
`differing` finds what two maps do not share by going down only where nodes differ, and
`audit` makes the proof of it that outsiders check (`byleave.evidence.delta_proof`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from byleave import merkle
from byleave.errors import ConflictError, InputError
from byleave.evidence.bucket import (
    LABEL_BYTES,
    MAX_BUCKET,
    bucket_leaf,
    bucket_of,
    inner_hash,
)
from byleave.evidence.delta_proof import BucketChange, DeltaProof, siblings_needed
from byleave.ids import Digest
from byleave.merkle.tile import TILE_HEIGHT, TILE_WIDTH
from byleave.snapshot.commit import ENTRY_BYTES
from byleave.snapshot.map_files import (
    Bucket,
    MapReader,
    bucket_path,
    tile_levels,
    tile_path,
)

__all__ = ["MapChange", "audit", "changed_buckets", "changed_files", "differing"]

_HASH = 32
Node = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChange:
    """What a delta of a map comes to.

    Attributes:
        root: The new root.
        files: Path → bytes of every file that differs from the parent's.
        touched: Numbers of the buckets that changed, ascending.
        hashes: Hashes taken: at most 2 + k for each touched bucket.
    """

    root: Digest
    files: Mapping[str, bytes]
    touched: tuple[int, ...]
    hashes: int


def changed_buckets(
    reader: MapReader, *, removed: Iterable[bytes], put: Iterable[bytes]
) -> dict[int, Bucket]:
    """Return the buckets that removing and putting members changes.

    Args:
        reader: The parent's map.
        removed: Public labels that leave, 16 bytes each.
        put: Entries (fp 16 ‖ C 32) of members that come, or whose commitment changed.

    Raises:
        InputError: `map.member-absent`, a removed label is not in the map.
        ConflictError: `map.bucket-overfull`.
    """
    buckets: dict[int, dict[bytes, bytes]] = {}

    def of(public: bytes) -> dict[bytes, bytes]:
        number = bucket_of(public, reader.k)
        if number not in buckets:
            buckets[number] = dict(zip(*reader.bucket(number), strict=True))
        return buckets[number]

    for public in removed:
        if of(public).pop(public, None) is None:
            raise InputError("a removed label is not in the map", code="map.member-absent")
    for entry in put:
        of(entry[:LABEL_BYTES])[entry[:LABEL_BYTES]] = entry[LABEL_BYTES:]
    result: dict[int, Bucket] = {}
    for number, members in sorted(buckets.items()):
        if len(members) > MAX_BUCKET:
            raise ConflictError(
                "a bucket would hold over 255 members",
                code="map.bucket-overfull",
                hint="start a new lineage: a full rebuild with a new epoch",
            )
        labels = tuple(sorted(members))
        bucket = (labels, tuple(members[label] for label in labels))
        if bucket != reader.bucket(number):
            result[number] = bucket
    return result


def changed_files(reader: MapReader, changed: Mapping[int, Bucket]) -> MapChange:
    """Return the files and the root of `reader`'s map with some buckets changed.

    Args:
        reader: The parent's map; left as it is.
        changed: Every bucket that changes, as it becomes.
    """
    k = reader.k
    nodes: dict[Node, bytes] = {}
    for number, (labels, commitments) in changed.items():
        nodes[0, number] = bucket_leaf(labels, inner_hash(commitments))
    hashes = 2 * len(nodes)
    level = set(changed)
    for height in range(k):
        level = {index >> 1 for index in level}
        for index in level:
            below = [
                nodes.get((height, child)) or reader.node(height, child)
                for child in (2 * index, 2 * index + 1)
            ]
            nodes[height + 1, index] = merkle.node_hash(*below)
        hashes += len(level)
    files = _tiles(reader, nodes)
    files.update(_bucket_files(reader, changed))
    root = Digest(nodes[k, 0]) if changed else reader.root
    return MapChange(root=root, files=files, touched=tuple(sorted(changed)), hashes=hashes)


def differing(old: MapReader, new: MapReader) -> list[int]:
    """Return the numbers of the buckets in which two maps of one size differ, ascending.

    Raises:
        InputError: `map.parameters`, the maps are not of one lineage.
    """
    if (old.k, old.epoch) != (new.k, new.epoch):
        raise InputError("the maps are not of one lineage", code="map.parameters")
    level = [0] if old.root != new.root else []
    for height in range(old.k - 1, -1, -1):
        children = [child for index in level for child in (2 * index, 2 * index + 1)]
        level = [c for c in children if old.node(height, c) != new.node(height, c)]
    return level


def audit(old: MapReader, new: MapReader, numbers: Sequence[int]) -> DeltaProof:
    """Return the proof that two maps differ in these buckets and in nothing else."""
    changes = []
    for number in numbers:
        (old_labels, before), (new_labels, after) = old.bucket(number), new.bucket(number)
        changes.append(
            BucketChange(
                number=number,
                old_labels=old_labels,
                old_inner=inner_hash(before),
                new_labels=new_labels,
                new_inner=inner_hash(after),
            )
        )
    siblings = tuple(new.node(*node) for node in siblings_needed(numbers, new.k))
    return DeltaProof(changes=tuple(changes), siblings=siblings)


def _tiles(reader: MapReader, nodes: Mapping[Node, bytes]) -> dict[str, bytes]:
    """Return every tile that holds one of `nodes`, with it put in."""
    found: dict[str, bytearray] = {}
    for (height, index), node in nodes.items():
        for level in range(tile_levels(reader.k)):
            within = height - TILE_HEIGHT * level
            width = min(TILE_WIDTH, 1 << (reader.k - TILE_HEIGHT * level))
            if not 0 <= within < width.bit_length():
                continue
            tile, place = divmod(index, width >> within)
            path = tile_path(level, tile, reader.k)
            if path not in found:
                found[path] = bytearray(reader.file(path))
            at = (2 * width - (2 * width >> within) + place) * _HASH
            found[path][at : at + _HASH] = node
    return {path: bytes(data) for path, data in found.items()}


def _bucket_files(reader: MapReader, changed: Mapping[int, Bucket]) -> dict[str, bytes]:
    """Return every file of buckets that holds one of `changed`, with it put in."""
    width = min(TILE_WIDTH, 1 << reader.k)
    found: dict[str, bytes] = {}
    for number, (labels, commitments) in changed.items():
        path = bucket_path(number // width, reader.k)
        data = found.get(path) or reader.file(path)
        place = number % width
        start = width + ENTRY_BYTES * sum(data[:place])
        end = start + ENTRY_BYTES * data[place]
        rows = b"".join(a + b for a, b in zip(labels, commitments, strict=True))
        loads = data[:place] + bytes([len(labels)]) + data[place + 1 : width]
        found[path] = loads + data[width:start] + rows + data[end:]
    return found
