"""Generated openings and members, and the map that the reference builds of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from byleave.snapshot import bucket_map
from byleave.snapshot.bucket_map import BucketMap, MapMembers
from byleave.snapshot.commit import Enrolled, binary
from byleave.snapshot.hashing import HashRows, by_hashlib
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.openings import OPENINGS_SCHEMA, leaves_by_member
from byleave.snapshot.partition import Built, MapBuilder, Ports

EPOCH = b"generated epoch."


class MemoryFolder:
    """A snapshot's folder that is nowhere."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self.map: dict[str, bytes] = {}

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        stream = io.BytesIO()
        yield stream
        self.files[name] = stream.getvalue()
        self.digests[name] = hashlib.sha256(self.files[name]).hexdigest()


@dataclass
class Population:
    """Members with random secrets, and openings of theirs."""

    members: int
    openings: pa.Table
    enrolled: Enrolled
    grounds: np.ndarray
    files: dict[str, bytes] = field(default_factory=dict)
    kept: list[pa.Table] = field(default_factory=list)

    def range(self, first: int, last: int) -> Enrolled:
        e = self.enrolled
        return Enrolled(
            secrets=e.secrets[first:last],
            indexes=e.indexes[first:last],
            leaves=e.leaves[first:last],
            erased=e.erased[first:last],
        )

    def secret(self, ordinal: int) -> bytes:
        return self.enrolled.secrets[ordinal].tobytes()

    def build(
        self, *, k: int | None = None, hash_rows: HashRows = by_hashlib, **more: Any
    ) -> Built:
        """Build by parts, from batches of openings out of order of members."""
        builder = MapBuilder(
            ordinals=self.members,
            party_records=self.openings.num_rows,
            ports=Ports(hash_rows=hash_rows, **more),
        )
        step = max(self.openings.num_rows // 3, 1)
        for start in range(0, self.openings.num_rows, step):
            builder.add(self.openings.slice(start, step))
        self.files.clear()
        self.kept.clear()
        return builder.build(
            epoch=EPOCH,
            k=k,
            members=self.range,
            grounds=lambda indexes: self.grounds[indexes],
            write=self.files.__setitem__,
            keep=self.kept.append,
        )

    def reader(self, built: Built) -> MapReader:
        return MapReader(k=built.k, epoch=EPOCH, root=built.root, read=self.files.__getitem__)

    def reference(self, *, k: int | None = None, without: set[int] = frozenset()) -> BucketMap:  # type: ignore[assignment]
        """Build member by member, some members left out."""
        ordinals, leaves = leaves_by_member(self.openings)
        held = [
            (i, records)
            for i, records in zip(ordinals.tolist(), leaves, strict=True)
            if i not in without
        ]
        members = MapMembers(
            secrets=[self.secret(i) for i, _ in held],
            enrolment_indexes=[int(self.enrolled.indexes[i]) for i, _ in held],
            enrolment_leaves=[self.enrolled.leaves[i].tobytes() for i, _ in held],
            records=[records for _, records in held],
        )
        return bucket_map.build(members, epoch=EPOCH, k=k)


def population(members: int, party_records: int, *, seed: int = 0, skew: int = 1) -> Population:
    """Return random openings of random members; about all of them occur.

    With a skew above 1 the first members have most of the openings.
    """
    random = np.random.default_rng(seed)

    def cells(count: int, width: int) -> np.ndarray:
        return random.integers(0, 256, (count, width), dtype=np.uint8)

    grounds = cells(50, 32)
    index = random.integers(0, 50, party_records)
    numbers = np.arange(party_records)
    columns = {
        "row": numbers // 2,
        "ordinal": (members * random.random(party_records) ** skew).astype(np.int64),
        "role": (numbers % 2 + 1).astype(np.uint8),
        "ground": random.integers(1, 5, party_records).astype(np.uint8),
        "ground_index": index,
        "ground_leaf": binary(grounds[index]),
        "salt": binary(cells(party_records, 16)),
        "ground_salt": binary(cells(party_records, 16)),
        "digest": binary(cells(party_records, 32)),
    }
    return Population(
        members=members,
        openings=pa.table(columns).cast(OPENINGS_SCHEMA),
        enrolled=Enrolled(
            secrets=cells(members, 32),
            indexes=np.arange(members, dtype=np.int64) + 7,
            leaves=cells(members, 32),
            erased=np.zeros(members, np.bool_),
        ),
        grounds=grounds,
    )
