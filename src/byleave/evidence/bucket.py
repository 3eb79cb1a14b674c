"""Bucket map v1: what a bucket commits to, and how absence and presence are checked.

    label       L = SHA-256(0x10 || r32 || E16);  fp = L[0:16] public,  b = L[16:32] blinds
    record leaf     RFC 6962 leaf of salt16 || digest32 || role || ground || ground commitment32
    records     R = RFC 6962 root over one member's record leaves, strictly ascending
    commitment  C = SHA-256(0x13 || b16 || n:u32 || enrolment index:u64 || enrolment leaf32 || R)
    inner           SHA-256(0x14 || C_1 .. C_m)
    bucket leaf     RFC 6962 leaf of m:u8 || fp_1 .. fp_m || inner, fp strictly ascending
    root            RFC 6962 root over exactly 2**k bucket leaves; bucket = first k bits of fp

The bucket is a function of the label, so presence and absence of one label open the same leaf
of the same tree, and the list in it holds the label or does not: no map, however built, has
both (docs/spec/bucket-map.md). The checks, both kinds:

(1) every part has its length, the bucket its at most 255 labels, the path exactly k hashes;
(2) the labels are strictly ascending and all lie in the label's own bucket;
(3) the label is listed (presence) or is not (absence);
(4) presence: the record leaves are strictly ascending, at least one, and with the member's
    label and enrolment give the member's commitment, hence `inner`;
(5) the bucket leaf leads to the root, at the label's bucket, in a tree of exactly 2**k leaves.

Not checked here: that the root, k and E are a logged snapshot's, and that the enrolment is the
member's (`byleave.verify`).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from byleave import merkle
from byleave.canonical import tagged
from byleave.errors import EvidenceError, InputError
from byleave.ids import Digest

__all__ = [
    "GROUNDS",
    "LABEL_BYTES",
    "MAX_BUCKET",
    "MAX_K",
    "OWN_CONSENT",
    "RECORD_LEAF_BYTES",
    "ROLES",
    "AbsenceProof",
    "GroundOpening",
    "PresenceProof",
    "RecordOpening",
    "bucket_leaf",
    "bucket_of",
    "check_record",
    "ground_commitment",
    "inner_hash",
    "label",
    "member_commitment",
    "verify_absence",
    "verify_listed",
    "verify_presence",
]

TAG_LABEL: Final = 0x10
TAG_COMMITMENT: Final = 0x13
TAG_INNER: Final = 0x14
TAG_GROUND: Final = 0x23

LABEL_BYTES: Final = 16
EPOCH_BYTES: Final = 16
MAX_BUCKET: Final = 255
"""Labels in one bucket: their number is one byte."""
MAX_K: Final = 40
"""2**40 buckets serve more members than there are people."""
RECORD_LEAF_BYTES: Final = 16 + 32 + 1 + 1 + 32

ROLES: Final[dict[int, str]] = {1: "author", 2: "recipient"}
OWN_CONSENT: Final = 1
"""The ground of a record that stands on the member's own grant."""
GROUNDS: Final[dict[int, str]] = {
    1: "consent",
    2: "consent-of-another-party",
    3: "not-objected",
    4: "contract",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundOpening:
    """Which log entry a record was admitted on: its salt16, index and leaf hash."""

    salt: bytes
    index: int
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOpening:
    """One record of one member, as its leaf commits to it.

    Attributes:
        salt: 16 bytes, fresh per (record, party).
        digest: The record digest (docs/spec/record-digest.md).
        role: A key of `ROLES`.
        ground: A key of `GROUNDS`.
        ground_commitment: Blinded commitment to the log entry of the ground.
        opening: Opens the ground commitment; None where it is another party's.
    """

    salt: bytes
    digest: bytes
    role: int
    ground: int
    ground_commitment: bytes
    opening: GroundOpening | None = None

    def leaf_data(self) -> bytes:
        """Return the 82 bytes that the record leaf hashes."""
        parts = (self.salt, self.digest, bytes([self.role, self.ground]), self.ground_commitment)
        return b"".join(parts)

    @classmethod
    def of(cls, data: bytes, opening: GroundOpening | None = None) -> RecordOpening:
        """Read leaf data.

        Raises:
            EvidenceError: `map.malformed`, not 82 bytes, or no such role or ground.
        """
        if len(data) != RECORD_LEAF_BYTES or data[48] not in ROLES or data[49] not in GROUNDS:
            raise EvidenceError("not the data of a record leaf", code="map.malformed")
        return cls(
            salt=data[:16],
            digest=data[16:48],
            role=data[48],
            ground=data[49],
            ground_commitment=data[50:],
            opening=opening,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceProof:
    """One bucket: its labels (16 bytes each), its inner hash, its path to the root."""

    labels: tuple[bytes, ...]
    inner: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceProof:
    """One bucket, opened for one of its labels.

    Attributes:
        labels: Every label of the bucket, the member's among them.
        commitments: The *other* labels' commitments C, in the order of `labels`.
        records: Every record of the member, in ascending order of their leaf hashes.
        path: The bucket's path to the root.
    """

    labels: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    records: tuple[RecordOpening, ...]
    path: tuple[bytes, ...]


def label(secret: bytes, epoch: bytes) -> Digest:
    """Return a member's label L in one lineage epoch: 16 public bytes, then 16 that blind.

    Raises:
        InputError: `map.parameters`, not 32 and 16 bytes.
    """
    if len(secret) != 32 or len(epoch) != EPOCH_BYTES:
        raise InputError("a label needs 32 and 16 bytes", code="map.parameters")
    return tagged(TAG_LABEL, secret, epoch)


def bucket_of(public: bytes, k: int) -> int:
    """Return the bucket of a label's public half: its first k bits."""
    return int.from_bytes(public, "big") >> (8 * LABEL_BYTES - k)


def ground_commitment(salt: bytes, index: int, leaf: bytes) -> Digest:
    """Return SHA-256(0x23 || salt16 || ground index:u64 || ground leaf32)."""
    return tagged(TAG_GROUND, salt, index.to_bytes(8, "big"), leaf)


def member_commitment(
    blind: bytes, *, count: int, enrolment_index: int, enrolment_leaf: bytes, records: bytes
) -> Digest:
    """Return C: how many records a member has, which, and under which enrolment."""
    return tagged(
        TAG_COMMITMENT,
        blind,
        count.to_bytes(4, "big"),
        enrolment_index.to_bytes(8, "big"),
        enrolment_leaf,
        records,
    )


def inner_hash(commitments: Sequence[bytes]) -> Digest:
    """Return the hash over a bucket's commitments, in the order of its labels."""
    return tagged(TAG_INNER, *commitments)


def bucket_leaf(labels: Sequence[bytes], inner: bytes) -> Digest:
    """Return the leaf hash of a bucket."""
    return merkle.leaf_hash(bytes([len(labels)]) + b"".join(labels) + inner)


def verify_absence(proof: AbsenceProof, *, public: bytes, k: int, root: bytes) -> None:
    """Check that no member with the label `public` is in the map (k, root).

    Raises:
        EvidenceError: `map.malformed`, `map.labels-order`, `map.label-outside-bucket`,
            `map.label-listed`, `map.root-mismatch`.
    """
    _check_bucket(proof.labels, proof.path, public, k)
    if len(proof.inner) != 32:
        raise _malformed("the inner hash is not 32 bytes")
    # (3)
    if public in proof.labels:
        raise EvidenceError("the bucket lists this label", code="map.label-listed")
    _check_root(bucket_leaf(proof.labels, proof.inner), proof.path, public, k=k, root=root)


def verify_presence(
    proof: PresenceProof,
    *,
    member_label: bytes,
    k: int,
    root: bytes,
    enrolment_index: int,
    enrolment_leaf: bytes,
) -> None:
    """Check that the map (k, root) holds exactly `proof.records` of the member, and no others.

    Args:
        proof: The proof.
        member_label: The member's label L, 32 bytes, recomputed from their secret.
        k: The map has 2**k buckets.
        root: The map's root.
        enrolment_index: Log index of the member's enrolment entry.
        enrolment_leaf: Its leaf hash.

    Raises:
        EvidenceError: `map.malformed`, `map.labels-order`, `map.label-outside-bucket`,
            `map.label-not-listed`, `map.records-order`, `map.ground-opening`,
            `map.root-mismatch`.
    """
    public, blind = member_label[:LABEL_BYTES], member_label[LABEL_BYTES:]
    own = member_commitment(
        blind,
        count=len(proof.records),
        enrolment_index=enrolment_index,
        enrolment_leaf=enrolment_leaf,
        records=merkle.root(_record_leaves(proof.records)),
    )
    verify_listed(
        proof.labels, proof.commitments, proof.path, public=public, own=own, k=k, root=root
    )


def verify_listed(
    labels: Sequence[bytes],
    commitments: Sequence[bytes],
    path: Sequence[bytes],
    *,
    public: bytes,
    own: bytes,
    k: int,
    root: bytes,
) -> None:
    """Check that the map (k, root) lists the label `public` with the commitment `own`.

    Args:
        labels: Every label of the bucket.
        commitments: The other labels' commitments, in the order of `labels`.
        path: The bucket's path to the root.
        public: The label, 16 bytes.
        own: Its commitment, 32 bytes.
        k: The map has 2**k buckets.
        root: The map's root.

    Raises:
        EvidenceError: `map.malformed`, `map.labels-order`, `map.label-outside-bucket`,
            `map.label-not-listed`, `map.root-mismatch`.
    """
    _check_bucket(labels, path, public, k)
    # (3)
    if public not in labels:
        raise EvidenceError("the bucket does not list this label", code="map.label-not-listed")
    if len(commitments) != len(labels) - 1 or {*map(len, commitments)} - {32}:
        raise _malformed("not one commitment of 32 bytes per other label")
    # (4)
    place = labels.index(public)
    inner = inner_hash((*commitments[:place], own, *commitments[place:]))
    _check_root(bucket_leaf(labels, inner), path, public, k=k, root=root)


def check_record(record: RecordOpening) -> bytes:
    """Return the leaf hash of one record whose parts have their sizes.

    Raises:
        EvidenceError: `map.malformed`, `map.ground-opening`.
    """
    return merkle.leaf_hash(_checked(record).leaf_data())


def _check_bucket(labels: Sequence[bytes], path: Sequence[bytes], public: bytes, k: int) -> None:
    # (1)
    if not 0 <= k <= MAX_K or len(public) != LABEL_BYTES:
        raise _malformed("no map has this k, or no label this length")
    if len(labels) > MAX_BUCKET or {*map(len, labels)} - {LABEL_BYTES}:
        raise _malformed("over 255 labels, or one that is not 16 bytes")
    if len(path) != k or {*map(len, path)} - {32}:
        raise _malformed(f"not a path of {k} hashes")
    # (2)
    if any(a >= b for a, b in pairwise(labels)):
        raise EvidenceError("labels are not strictly ascending", code="map.labels-order")
    bucket = bucket_of(public, k)
    if any(bucket_of(item, k) != bucket for item in labels):
        raise EvidenceError("a label of another bucket", code="map.label-outside-bucket")


def _check_root(leaf: bytes, path: Sequence[bytes], public: bytes, *, k: int, root: bytes) -> None:
    # (5)
    found = merkle.root_from_inclusion(leaf, bucket_of(public, k), 1 << k, path)
    if not hmac.compare_digest(found, root):
        raise EvidenceError(
            "the bucket does not lead to the snapshot's root", code="map.root-mismatch"
        )


def _record_leaves(records: Sequence[RecordOpening]) -> list[bytes]:
    leaves: list[bytes] = [check_record(record) for record in records]
    if not leaves or any(a >= b for a, b in pairwise(leaves)):
        raise EvidenceError("no records, or not strictly ascending", code="map.records-order")
    return leaves


def _checked(record: RecordOpening) -> RecordOpening:
    lengths = (len(record.salt), len(record.digest), len(record.ground_commitment))
    if lengths != (16, 32, 32) or record.role not in ROLES or record.ground not in GROUNDS:
        raise _malformed("a record's part has a wrong length, or no such role or ground")
    opening = record.opening
    if opening is not None:
        if len(opening.salt) != 16 or len(opening.leaf) != 32 or not 0 <= opening.index < 2**63:
            raise _malformed("a ground's opening has a wrong length")
        found = ground_commitment(opening.salt, opening.index, opening.leaf)
        if not hmac.compare_digest(found, record.ground_commitment):
            raise EvidenceError("a ground's opening is of another", code="map.ground-opening")
    return record


def _malformed(what: str) -> EvidenceError:
    return EvidenceError(what, code="map.malformed")
