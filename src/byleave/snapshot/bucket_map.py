"""Build bucket map v1 over the members of a snapshot, and prove from it.

The layout and why it is sound: `byleave.evidence.bucket` and docs/spec/bucket-map.md. This is the
prover member by member, in memory: the reference that `partition`, `map_files` and `map_delta`
are held to, and small enough to read. The verifier never imports any of them.

Hashing per member forces Python loops here: `hashlib` takes one message at a time. Cost, at 1.43
records a member: one hash for the label, one per record leaf, one for the commitment, and one
tree node per bucket: about five calls and seven SHA-256 blocks. A removal rehashes one bucket
and k nodes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from operator import itemgetter
from typing import Final

from byleave import merkle
from byleave.errors import ConflictError, InputError
from byleave.evidence.bucket import (
    EPOCH_BYTES,
    LABEL_BYTES,
    MAX_BUCKET,
    MAX_K,
    RECORD_LEAF_BYTES,
    AbsenceProof,
    GroundOpening,
    PresenceProof,
    RecordOpening,
    bucket_leaf,
    bucket_of,
    inner_hash,
)
from byleave.ids import Digest
from byleave.merkle.tree import next_level

__all__ = ["BucketMap", "MapMembers", "build", "choose_k", "update"]

_MEAN_LOAD: Final = 4
_NUMBERS: Final = struct.Struct(">IQ")
"""Number of records, enrolment index: the fixed-length middle of a commitment."""
_sha256 = hashlib.sha256

_Slot = tuple[bytes, bytes, tuple[bytes, ...]]
"""(public label, commitment C, record leaf data in ascending order of leaf hash)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMembers:
    """Members of a snapshot, as parallel sequences of one length.

    Attributes:
        secrets: Each member's secret r, 32 bytes.
        enrolment_indexes: Log index of each member's enrolment entry.
        enrolment_leaves: Leaf hash of it, 32 bytes.
        records: Each member's record leaf data (82 bytes each, `RecordOpening.leaf_data`),
            in any order, at least one.
    """

    secrets: Sequence[bytes] = field(repr=False)
    enrolment_indexes: Sequence[int]
    enrolment_leaves: Sequence[bytes]
    records: Sequence[Sequence[bytes]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketMap:
    """A built map. Private: it holds the record leaves that presence proofs open.

    Attributes:
        epoch: Lineage epoch E, 16 bytes.
        k: The map has 2**k buckets.
        members: Labels in it.
        party_records: Record leaves in it.
    """

    epoch: bytes
    k: int
    members: int
    party_records: int
    _buckets: list[tuple[_Slot, ...]] = field(repr=False)
    _levels: list[list[bytes]] = field(repr=False)

    @property
    def root(self) -> Digest:
        """RFC 6962 root over the 2**k bucket leaves."""
        return Digest(self._levels[-1][0])

    def absence(self, public: bytes) -> AbsenceProof:
        """Return the proof that no member has the label `public` (16 bytes).

        Raises:
            InputError: `map.member-present`.
        """
        bucket = self._bucket(public)
        if any(slot[0] == public for slot in bucket):
            raise InputError("this label is in the map", code="map.member-present")
        return AbsenceProof(
            labels=tuple(slot[0] for slot in bucket),
            inner=inner_hash([slot[1] for slot in bucket]),
            path=self._path(public),
        )

    def presence(
        self, public: bytes, openings: dict[bytes, GroundOpening] | None = None
    ) -> PresenceProof:
        """Return the proof of exactly the records of the member labelled `public`.

        Args:
            public: The label's public half, 16 bytes.
            openings: Ground openings to include, by the record's leaf data; only those of the
                member's own events may be handed out.

        Raises:
            InputError: `map.member-absent`.
        """
        bucket = self._bucket(public)
        own = [slot for slot in bucket if slot[0] == public]
        if not own:
            raise InputError("this label is not in the map", code="map.member-absent")
        known = openings or {}
        return PresenceProof(
            labels=tuple(slot[0] for slot in bucket),
            commitments=tuple(slot[1] for slot in bucket if slot[0] != public),
            records=tuple(RecordOpening.of(data, known.get(data)) for data in own[0][2]),
            path=self._path(public),
        )

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield the map's tiles (tlog-tiles paths and bytes), for serving proofs without it."""
        for tile in merkle.new_tiles(0, 1 << self.k):
            level = self._levels[8 * tile.level]
            start = 256 * tile.index
            yield tile.path, b"".join(level[start : start + tile.width])

    def _bucket(self, public: bytes) -> tuple[_Slot, ...]:
        if len(public) != LABEL_BYTES:
            raise InputError("a label's public half has 16 bytes", code="map.parameters")
        return self._buckets[bucket_of(public, self.k)]

    def _path(self, public: bytes) -> tuple[bytes, ...]:
        reader = merkle.LevelReader(self._levels)
        return merkle.inclusion_proof(bucket_of(public, self.k), 1 << self.k, reader)


def choose_k(members: int) -> int:
    """Return the smallest k with at most four members to a bucket on average."""
    k = 0
    while members > _MEAN_LOAD << k:
        k += 1
    return k


def build(members: MapMembers, *, epoch: bytes, k: int | None = None) -> BucketMap:
    """Build the map of `members`.

    Args:
        members: At least parallel; empty is a map whose every bucket is empty.
        epoch: Lineage epoch E, 16 bytes, drawn after every secret in `members` was logged.
        k: Fixed along a lineage; None: `choose_k`.

    Raises:
        InputError: `map.parameters`, `map.label-twice`, `map.no-records`.
        ConflictError: `map.bucket-overfull`.
    """
    k = choose_k(len(members)) if k is None else k
    if not 0 <= k <= MAX_K:
        raise InputError(f"k lies between 0 and {MAX_K}", code="map.parameters")
    slots = _slots(members, epoch)
    slots.sort(key=itemgetter(0))
    buckets: list[tuple[_Slot, ...]] = [()] * (1 << k)
    leaves: list[bytes] = [bucket_leaf((), inner_hash(()))] * (1 << k)
    shift = 64 - k
    starts = [0]
    numbers = [int.from_bytes(slot[0][:8], "big") >> shift for slot in slots]
    starts += [at for at, pair in enumerate(pairwise(numbers), start=1) if pair[0] != pair[1]]
    starts.append(len(slots))
    for start, end in pairwise(starts):
        if start < end:
            bucket = tuple(slots[start:end])
            buckets[numbers[start]] = _checked(bucket)
            leaves[numbers[start]] = _leaf(bucket)
    levels = [leaves]
    while len(levels[-1]) > 1:
        levels.append(next_level(levels[-1]))
    return BucketMap(
        epoch=epoch,
        k=k,
        members=len(slots),
        party_records=sum(map(len, members.records)),
        _buckets=buckets,
        _levels=levels,
    )


def update(
    base: BucketMap, *, removed: Iterable[bytes] = (), put: MapMembers | None = None
) -> BucketMap:
    """Return `base` with members removed, added or changed: the same root as a rebuild.

    Epoch and k stay. `base` is left as it was. Cost: two list copies of 2**k references, then
    one bucket and k nodes per member concerned.

    Args:
        base: The map of the parent snapshot.
        removed: Public labels that no longer have a record.
        put: Members added, or whose records changed (their whole new list).

    Raises:
        InputError: `map.member-absent`, a removed label is not in `base`; and as `build`.
        ConflictError: `map.bucket-overfull`.
    """
    buckets = list(base._buckets)  # noqa: SLF001 (its own module)
    touched: set[int] = set()
    count = [base.members, base.party_records]

    def take(public: bytes) -> bool:
        number = bucket_of(public, base.k)
        kept = tuple(slot for slot in buckets[number] if slot[0] != public)
        for slot in buckets[number]:
            if slot[0] == public:
                count[0] -= 1
                count[1] -= len(slot[2])
        found = len(kept) != len(buckets[number])
        buckets[number] = kept
        touched.add(number)
        return found

    for public in removed:
        if len(public) != LABEL_BYTES or not take(public):
            raise InputError("a removed label is not in the map", code="map.member-absent")
    if put is not None:
        slots = _slots(put, base.epoch)
        _checked_labels(slots)
        for slot in slots:
            take(slot[0])
            number = bucket_of(slot[0], base.k)
            buckets[number] = _checked(tuple(sorted((*buckets[number], slot))))
            count[0] += 1
            count[1] += len(slot[2])
    return BucketMap(
        epoch=base.epoch,
        k=base.k,
        members=count[0],
        party_records=count[1],
        _buckets=buckets,
        _levels=_rehash(base._levels, buckets, touched),  # noqa: SLF001 (its own module)
    )


def _rehash(
    levels: list[list[bytes]], buckets: list[tuple[_Slot, ...]], touched: set[int]
) -> list[list[bytes]]:
    """Return `levels` with the leaves of `touched` buckets, and what is above them, anew."""
    result = [list(level) for level in levels]
    for number in touched:
        result[0][number] = _leaf(buckets[number])
    for below, level in pairwise(result):
        touched = {number >> 1 for number in touched}
        for number in touched:
            level[number] = merkle.node_hash(below[2 * number], below[2 * number + 1])
    return result


def _slots(members: MapMembers, epoch: bytes) -> list[_Slot]:
    """Return each member's label, commitment and ordered records. One loop per member."""
    _check_sizes(members, epoch)
    labels = [_sha256(b"\x10%b%b" % (secret, epoch)).digest() for secret in members.secrets]
    ordered, roots = _record_roots(members.records)
    numbers = map(_NUMBERS.pack, map(len, ordered), members.enrolment_indexes)
    return [
        (label[:16], _sha256(b"\x13%b%b%b%b" % (label[16:], number, leaf, root)).digest(), records)
        for label, number, leaf, root, records in zip(
            labels, numbers, members.enrolment_leaves, roots, ordered, strict=True
        )
    ]


def _record_roots(
    members: Sequence[Sequence[bytes]],
) -> tuple[list[tuple[bytes, ...]], list[bytes]]:
    """Return each member's record leaf data in ascending order of leaf hash, and their roots."""
    ordered: list[tuple[bytes, ...]] = []
    roots: list[bytes] = []
    for records in members:
        if len(records) == 1:
            ordered.append((records[0],))
            roots.append(_sha256(b"\x00" + records[0]).digest())
        else:
            hashed = sorted([(_sha256(b"\x00" + data).digest(), data) for data in records])
            ordered.append(tuple([data for _, data in hashed]))
            roots.append(merkle.root([item for item, _ in hashed]))
    return ordered, roots


def _check_sizes(members: MapMembers, epoch: bytes) -> None:
    parallel = (members.enrolment_indexes, members.enrolment_leaves, members.records)
    sizes = {len(epoch) == EPOCH_BYTES, *(len(item) == len(members) for item in parallel)}
    sizes |= {
        set(map(len, members.secrets)) <= {32},
        set(map(len, members.enrolment_leaves)) <= {32},
        set(map(len, chain.from_iterable(members.records))) <= {RECORD_LEAF_BYTES},
    }
    if False in sizes:
        raise InputError(
            "an epoch, secret, enrolment or record leaf has a wrong length", code="map.parameters"
        )
    if not all(map(len, members.records)):
        raise InputError("a member of a map has records", code="map.no-records")


def _leaf(bucket: tuple[_Slot, ...]) -> bytes:
    """Return `bucket_leaf` of a bucket; spelt out, because it runs once per bucket."""
    labels, commitments, _ = zip(*bucket, strict=True) if bucket else ((), (), ())
    inner = _sha256(b"\x14" + b"".join(commitments)).digest()
    return _sha256(b"\x00%c%b%b" % (len(bucket), b"".join(labels), inner)).digest()


def _checked(bucket: tuple[_Slot, ...]) -> tuple[_Slot, ...]:
    if len(bucket) > MAX_BUCKET:
        raise ConflictError(
            "a bucket would hold over 255 members",
            code="map.bucket-overfull",
            hint="start a new lineage: a full rebuild with a new epoch",
        )
    _checked_labels(bucket)
    return bucket


def _checked_labels(slots: Sequence[_Slot]) -> None:
    if len(slots) > 1 and len({slot[0] for slot in slots}) != len(slots):
        raise InputError("two members have one label", code="map.label-twice")
