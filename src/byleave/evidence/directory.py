"""The directory: for each member id one enrolment, and for every other id none.

    input      alpha = directory's number:u64 || member id, UTF-8
    output     beta = VRF(alpha) under the directory's key, 64 bytes            (byleave.evidence.vrf)
    label      L = SHA-256(0x15 || beta);  fp = L[0:16] public,  b = L[16:32] blinds
    commitment C = SHA-256(0x16 || b || enrolment index:u64 || enrolment leaf32)
    map        buckets of (fp, C) as in bucket map v1                          (byleave.evidence.bucket)

The VRF has one output for an id, and a bucket lists a label once at most, so that one directory
cannot show two enrolments of one id, nor one and none. The enrolment's entry commits to one
secret r of this id: a member whose enrolment the directory lists has no second one in it.
Without the id nobody can tell whose a label is.
"""

from __future__ import annotations

from dataclasses import dataclass

from byleave.canonical import tagged
from byleave.evidence.bucket import LABEL_BYTES, AbsenceProof, verify_absence, verify_listed
from byleave.evidence.entry import DirectoryEntry
from byleave.evidence.vrf import verify_vrf
from byleave.ids import Digest

__all__ = [
    "Listed",
    "directory_commitment",
    "directory_input",
    "directory_label",
    "verify_enrolled",
    "verify_not_enrolled",
]

TAG_LABEL = 0x15
TAG_COMMITMENT = 0x16


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """That a directory lists an id: the id's VRF proof, and its bucket opened for its label.

    Attributes:
        vrf: 80 bytes.
        labels: Every label of the bucket, the id's among them.
        commitments: The other labels' commitments, in the order of `labels`.
        path: The bucket's path to the root.
    """

    vrf: bytes
    labels: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    path: tuple[bytes, ...]


def directory_input(number: int, member: str) -> bytes:
    """Return what the VRF is asked about a member id in a directory."""
    return number.to_bytes(8, "big") + member.encode("utf-8")


def directory_label(output: bytes) -> Digest:
    """Return the label L of a VRF output: 16 public bytes, then 16 that blind."""
    return tagged(TAG_LABEL, output)


def directory_commitment(blind: bytes, *, index: int, leaf: bytes) -> Digest:
    """Return C: the log index and leaf hash of an id's one enrolment."""
    return tagged(TAG_COMMITMENT, blind, index.to_bytes(8, "big"), leaf)


def verify_enrolled(
    proof: Listed, entry: DirectoryEntry, member: str, *, index: int, leaf: bytes
) -> None:
    """Check that a directory lists a member id with this one enrolment.

    Args:
        proof: The proof.
        entry: The directory's log entry.
        member: The member id.
        index: Log index of the enrolment's entry.
        leaf: Its leaf hash.

    Raises:
        EvidenceError: `vrf.key`, `vrf.proof`, or a code of `verify_listed`.
    """
    output = verify_vrf(entry.vrf_key, directory_input(entry.number, member), proof.vrf)
    label = directory_label(output)
    verify_listed(
        proof.labels,
        proof.commitments,
        proof.path,
        public=label[:LABEL_BYTES],
        own=directory_commitment(label[LABEL_BYTES:], index=index, leaf=leaf),
        k=entry.k,
        root=entry.root,
    )


def verify_not_enrolled(
    vrf: bytes, proof: AbsenceProof, entry: DirectoryEntry, member: str
) -> None:
    """Check that a directory lists no enrolment of a member id.

    Raises:
        EvidenceError: `vrf.key`, `vrf.proof`, or a code of `verify_absence`.
    """
    output = verify_vrf(entry.vrf_key, directory_input(entry.number, member), vrf)
    public = directory_label(output)[:LABEL_BYTES]
    verify_absence(proof, public=public, k=entry.k, root=entry.root)
