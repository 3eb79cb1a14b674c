"""Build a directory's map over labels and commitments, and prove from it.

The same buckets as a snapshot's map (docs/spec/bucket-map.md), with one commitment a member id;
what goes into them: `byleave.evidence.directory`. Cost: one hash per bucket and one per node; the
VRF, 0.5 ms an id, is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from byleave import merkle
from byleave.errors import ConflictError, InputError
from byleave.evidence.bucket import (
    LABEL_BYTES,
    MAX_BUCKET,
    AbsenceProof,
    bucket_leaf,
    bucket_of,
    inner_hash,
)
from byleave.evidence.directory import Listed
from byleave.ids import Digest
from byleave.snapshot.bucket_map import choose_k

__all__ = ["DirectoryMap", "build_directory_map"]

_Bucket = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryMap:
    """A built directory: 2**k buckets of (public label, commitment)."""

    k: int
    members: int
    _buckets: dict[int, _Bucket] = field(repr=False)
    _levels: list[list[bytes]] = field(repr=False)

    @property
    def root(self) -> Digest:
        """RFC 6962 root over the 2**k bucket leaves."""
        return Digest(self._levels[-1][0])

    def absence(self, public: bytes) -> AbsenceProof:
        """Return the proof that no id has the label `public` (16 bytes).

        Raises:
            InputError: `map.member-present`.
        """
        bucket = self._bucket(public)
        if any(label == public for label, _ in bucket):
            raise InputError("this label is in the map", code="map.member-present")
        return AbsenceProof(
            labels=tuple(label for label, _ in bucket),
            inner=inner_hash([own for _, own in bucket]),
            path=self._path(public),
        )

    def listed(self, public: bytes, vrf: bytes) -> Listed:
        """Return the proof that an id with the label `public` is listed.

        Raises:
            InputError: `map.member-absent`.
        """
        bucket = self._bucket(public)
        if all(label != public for label, _ in bucket):
            raise InputError("this label is not in the map", code="map.member-absent")
        return Listed(
            vrf=vrf,
            labels=tuple(label for label, _ in bucket),
            commitments=tuple(own for label, own in bucket if label != public),
            path=self._path(public),
        )

    def _bucket(self, public: bytes) -> _Bucket:
        return self._buckets.get(bucket_of(public, self.k), [])

    def _path(self, public: bytes) -> tuple[bytes, ...]:
        reader = merkle.LevelReader(self._levels)
        return merkle.inclusion_proof(bucket_of(public, self.k), 1 << self.k, reader)


def build_directory_map(
    labels: Sequence[bytes], commitments: Sequence[bytes], *, k: int | None = None
) -> DirectoryMap:
    """Build the map of a directory.

    Args:
        labels: Each id's public label, 16 bytes, in any order.
        commitments: Each id's commitment, 32 bytes.
        k: 2**k buckets; None: as a snapshot's map chooses.

    Raises:
        InputError: `map.label-twice`, one id twice; `map.parameters`, a wrong length.
        ConflictError: `map.bucket-overfull`.
    """
    if set(map(len, labels)) - {LABEL_BYTES} or set(map(len, commitments)) - {32}:
        raise InputError("labels have 16 bytes, commitments 32", code="map.parameters")
    if len(set(labels)) != len(labels):
        raise InputError("two members have one label", code="map.label-twice")
    k = choose_k(len(labels)) if k is None else k
    buckets: dict[int, _Bucket] = {}
    for slot in sorted(zip(labels, commitments, strict=True)):
        buckets.setdefault(bucket_of(slot[0], k), []).append(slot)
    if any(len(bucket) > MAX_BUCKET for bucket in buckets.values()):
        raise ConflictError("a bucket would hold over 255 members", code="map.bucket-overfull")
    leaves: list[bytes] = [bucket_leaf((), inner_hash(()))] * (1 << k)
    for number, bucket in buckets.items():
        inner = inner_hash([own for _, own in bucket])
        leaves[number] = bucket_leaf([label for label, _ in bucket], inner)
    return DirectoryMap(
        k=k, members=len(labels), _buckets=buckets, _levels=merkle.all_levels(leaves)
    )
